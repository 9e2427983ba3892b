import { msToSamples, SAMPLE_RATE_HZ, samplesToMs } from '../audio/format.js';

/** @import { Sound } from './audio-log.js' */

const CHANNELS = 2;
const BYTES_PER_SAMPLE = 2;
const HEADER_BYTES = 44;
/** A longer pause is shortened to this. */
const MAX_PAUSE_MS = 2000;
/** The file is made of parts of this length, so that no single block of memory holds an hour. */
const PART_FRAMES = 10 * SAMPLE_RATE_HZ;

/**
 * Put sounds on one timeline, with long pauses shortened.
 * @param {readonly Sound[]} sounds in any order
 * @returns {{ start: number, channel: 0 | 1, pcm: Int16Array }[]} start in frames
 */
export function layOut(sounds) {
  let pausesMs = 0;
  let endMs = 0;
  return sounds
    .toSorted((a, b) => a.at - b.at)
    .map(({ side, at, pcm }, index) => {
      if (index === 0) pausesMs = at;
      else pausesMs += Math.max(0, at - pausesMs - endMs - MAX_PAUSE_MS);
      const startMs = at - pausesMs;
      endMs = Math.max(endMs, startMs + samplesToMs(pcm.length));
      return { start: Math.round(msToSamples(startMs)), channel: side === 'user' ? 0 : 1, pcm };
    });
}

/** @param {number} frames */
function header(frames) {
  const view = new DataView(new ArrayBuffer(HEADER_BYTES));
  const dataBytes = frames * CHANNELS * BYTES_PER_SAMPLE;
  const text = (/** @type {number} */ at, /** @type {string} */ letters) =>
    [...letters].forEach((letter, index) => {
      view.setUint8(at + index, letter.charCodeAt(0));
    });
  text(0, 'RIFF');
  view.setUint32(4, HEADER_BYTES - 8 + dataBytes, true);
  text(8, 'WAVEfmt ');
  view.setUint32(16, 16, true);
  view.setUint16(20, 1, true); // PCM
  view.setUint16(22, CHANNELS, true);
  view.setUint32(24, SAMPLE_RATE_HZ, true);
  view.setUint32(28, SAMPLE_RATE_HZ * CHANNELS * BYTES_PER_SAMPLE, true);
  view.setUint16(32, CHANNELS * BYTES_PER_SAMPLE, true);
  view.setUint16(34, 8 * BYTES_PER_SAMPLE, true);
  text(36, 'data');
  view.setUint32(40, dataBytes, true);
  return view;
}

/**
 * Make a stereo WAV file: the user on the left, the assistant on the right, PCM16 at 24 kHz.
 * @param {readonly Sound[]} sounds
 * @returns {Blob}
 */
export function stereoWav(sounds) {
  const placed = layOut(sounds);
  const frames = placed.reduce((end, { start, pcm }) => Math.max(end, start + pcm.length), 0);
  /** @type {BlobPart[]} */
  const parts = [header(frames)];
  for (let from = 0; from < frames; from += PART_FRAMES) {
    const part = new Int16Array(CHANNELS * Math.min(PART_FRAMES, frames - from));
    for (const { start, channel, pcm } of placed) {
      const first = Math.max(start, from);
      const end = Math.min(start + pcm.length, from + PART_FRAMES);
      for (let frame = first; frame < end; frame++)
        part[CHANNELS * (frame - from) + channel] = /** @type {number} */ (pcm[frame - start]);
    }
    parts.push(part);
  }
  return new Blob(parts, { type: 'audio/wav' });
}
