import { SAMPLE_RATE_HZ } from './format.js';
import { PlaybackQueue } from './playback-queue.js';
import { Resampler } from './resampler.js';

/** How much of an item is buffered before it is played, if more is to arrive. An underrun doubles it, an item without one halves it. */
const PREBUFFER_MIN_SAMPLES = 0.06 * SAMPLE_RATE_HZ;
const PREBUFFER_MAX_SAMPLES = 0.5 * SAMPLE_RATE_HZ;
/** Too short to be noticed, and long enough not to click. */
const FADE_SECONDS = 0.008;
const POSITION_SECONDS = 0.05;
/** Frames that are rendered at once: a render quantum. */
const BLOCK_FRAMES = 128;

/**
 * Play 24 kHz PCM16 at the context's rate, and count to the sample how much of each item has left the node.
 *
 * Audio thread. No input, one output, mono. Takes
 *   {type: 'chunk', itemId, pcm: Int16Array} · {type: 'end', itemId} · {type: 'stop', id} · {type: 'close'}
 * and posts (counts in samples at 24 kHz)
 *   {type: 'started', itemId} · {type: 'position', itemId, played} every 50 ms of sound · {type: 'ended', itemId, played}
 *   · {type: 'underrun'} · {type: 'stopped', id, itemId: string | null, played}.
 * Rendering allocates nothing beyond what it posts.
 */
class PlaybackProcessor extends AudioWorkletProcessor {
  #queue = new PlaybackQueue();
  #resampler = new Resampler(SAMPLE_RATE_HZ, sampleRate);
  #source = new Float32Array(4096);
  #fade = new Float32Array(Math.round(FADE_SECONDS * sampleRate));
  #fadeAt = this.#fade.length;
  /** A run is a stretch of sound without a gap. Its samples and frames are counted from its start. */
  #playing = false;
  #runFrames = 0;
  #runRead = 0;
  #runPlayed = 0;
  #runIsDry = false;
  #runBrokeOff = false;
  /** @type {string | null} */
  #startedId = null;
  #framesToPosition = 0;
  #prebuffer = PREBUFFER_MIN_SAMPLES;
  #itemHadUnderrun = false;
  #open = true;

  constructor() {
    super();
    this.port.onmessage = ({ data }) => {
      if (data.type === 'chunk') this.#queue.push(data.itemId, data.pcm);
      else if (data.type === 'end') this.#end(data.itemId);
      else if (data.type === 'stop') this.#stop(data.id);
      else this.#open = false;
    };
  }

  /**
   * @param {Float32Array[][]} _inputs
   * @param {Float32Array[][]} outputs
   */
  process(_inputs, outputs) {
    const output = outputs[0][0];
    if (!this.#playing && this.#isReady()) this.#startRun();
    if (this.#playing) {
      this.#render(output);
      this.#report(output.length);
      if (!this.#playing && this.#runBrokeOff) this.#underrun();
    }
    for (let i = 0; i < output.length && this.#fadeAt < this.#fade.length; i++) {
      output[i] += this.#fade[this.#fadeAt++];
    }
    return this.#open;
  }

  #isReady() {
    return this.#queue.samples > 0 && (this.#queue.samples >= this.#prebuffer || this.#queue.nextIsComplete);
  }

  #startRun() {
    this.#playing = true;
    this.#runFrames = 0;
    this.#runRead = 0;
    this.#runPlayed = 0;
    this.#runIsDry = false;
    this.#runBrokeOff = false;
    this.#resampler.reset();
  }

  /** @param {Float32Array} output is filled with sound; after the end of the run it is left as it is */
  #render(output) {
    for (let offset = 0; offset < output.length && this.#playing; offset += BLOCK_FRAMES) {
      const frames = Math.min(BLOCK_FRAMES, output.length - offset);
      const needed = this.#resampler.needed(frames);
      const read = this.#runIsDry ? 0 : this.#queue.read(this.#source, needed);
      if (read < needed && !this.#runIsDry) {
        this.#runIsDry = true; // silence flushes the filter; audio that arrives now starts a new run
        this.#runBrokeOff = this.#queue.isMidItem;
      }
      this.#source.fill(0, read, needed);
      this.#resampler.write(this.#source, needed);
      this.#resampler.read(output, offset, frames);
      this.#runRead += read;
      this.#runFrames += frames;
      const played = Math.min(this.#runRead, Math.floor((this.#runFrames * SAMPLE_RATE_HZ) / sampleRate));
      this.#queue.advance(played - this.#runPlayed);
      this.#runPlayed = played;
      if (this.#runIsDry && played === this.#runRead) this.#playing = false;
    }
  }

  #underrun() {
    this.#itemHadUnderrun = true;
    this.#prebuffer = Math.min(PREBUFFER_MAX_SAMPLES, 2 * this.#prebuffer);
    this.port.postMessage({ type: 'underrun' });
  }

  /** @param {number} frames rendered since the last call */
  #report(frames) {
    const current = this.#queue.current;
    if (current && current.id !== this.#startedId) {
      this.#startedId = current.id;
      this.#framesToPosition = 0;
      this.port.postMessage({ type: 'started', itemId: current.id });
    }
    this.#framesToPosition -= frames;
    if (current && (this.#framesToPosition <= 0 || !this.#playing)) {
      this.#framesToPosition = POSITION_SECONDS * sampleRate;
      this.port.postMessage({ type: 'position', itemId: current.id, played: current.played });
    }
    for (const item of this.#queue.items) this.#finish(item);
  }

  /** @param {string} itemId */
  #end(itemId) {
    this.#queue.end(itemId);
    for (const item of this.#queue.items) this.#finish(item);
  }

  /** @param {import('./playback-queue.js').QueuedItem} item */
  #finish(item) {
    if (!item.ended || item.played < item.received) return;
    this.#queue.forget(item.id);
    if (!this.#itemHadUnderrun) this.#prebuffer = Math.max(PREBUFFER_MIN_SAMPLES, this.#prebuffer / 2);
    this.#itemHadUnderrun = false;
    this.port.postMessage({ type: 'ended', itemId: item.id, played: item.played });
  }

  /** @param {number} id is returned with the position, which is the one before the fade */
  #stop(id) {
    const current = this.#queue.current;
    this.port.postMessage({
      type: 'stopped',
      id,
      itemId: current?.id ?? null,
      played: current?.played ?? 0,
    });
    if (this.#playing) this.#startFade();
    this.#playing = false;
    this.#queue.clear();
    this.#itemHadUnderrun = false;
  }

  /** Fade out the samples that come next, so that the stop does not click. */
  #startFade() {
    this.#fade.fill(0);
    this.#render(this.#fade);
    for (let i = 0; i < this.#fade.length; i++) {
      this.#fade[i] *= 0.5 + 0.5 * Math.cos((Math.PI * (i + 1)) / this.#fade.length);
    }
    this.#fadeAt = 0;
  }
}

registerProcessor('playback', PlaybackProcessor);
