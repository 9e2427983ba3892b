import { msToSamples, samplesToMs } from '../audio/format.js';

/**
 * @typedef {object} Sound
 * @property {'user' | 'assistant'} side
 * @property {number} at Unix ms of its first sample
 * @property {Int16Array<ArrayBuffer>} pcm 24 kHz mono
 */

/** The user's speech is passed on in pieces of this length, so that a crash loses no more. */
const PIECE_SAMPLES = msToSamples(2000);
/** Frames arrive a little early or late; a gap longer than this is a pause. */
const MAX_JITTER_MS = 200;

/**
 * @param {Int16Array[]} pieces
 * @param {number} [limit] samples at most
 */
function join(pieces, limit = Number.POSITIVE_INFINITY) {
  const length = pieces.reduce((sum, piece) => sum + piece.length, 0);
  const joined = new Int16Array(Math.min(length, limit));
  let offset = 0;
  for (const piece of pieces) {
    const wanted = piece.subarray(0, joined.length - offset);
    joined.set(wanted, offset);
    offset += wanted.length;
  }
  return joined;
}

/** Collect the audio of both sides on one clock: the user's speech as it is sent, and of each answer what was heard. */
export class AudioLog {
  /** Frames not yet passed on. @type {Int16Array[]} */ #speech = [];
  #speechSamples = 0;
  /** Unix ms of the first sample in `speech`. */
  #speechAt = 0;
  /** Answers that are not over. @type {Map<string, { at: number, pieces: Int16Array[] }>} */ #answers =
    new Map();
  #onSound;
  #now;

  /**
   * @param {(sound: Sound) => void} onSound
   * @param {() => number} [now] Unix ms
   */
  constructor(onSound, now = Date.now) {
    this.#onSound = onSound;
    this.#now = now;
  }

  /** @param {Int16Array} pcm a frame of the user's speech, whose last sample was spoken now */
  addSpeech(pcm) {
    const at = this.#now() - samplesToMs(pcm.length);
    const expected = this.#speechAt + samplesToMs(this.#speechSamples);
    const isPause = Math.abs(at - expected) > MAX_JITTER_MS;
    if (this.#speechSamples >= PIECE_SAMPLES || isPause) this.flushSpeech();
    // Between pauses the number of samples tells the time; the moments at which frames arrive are less exact.
    if (isPause) this.#speechAt = at;
    this.#speech.push(pcm);
    this.#speechSamples += pcm.length;
  }

  /** Pass on the speech collected so far. */
  flushSpeech() {
    if (this.#speechSamples > 0) this.#onSound({ side: 'user', at: this.#speechAt, pcm: join(this.#speech) });
    this.#speechAt += samplesToMs(this.#speechSamples);
    this.#speech = [];
    this.#speechSamples = 0;
  }

  /**
   * Audio of an answer has arrived.
   * @param {string} itemId
   * @param {Int16Array} pcm
   */
  addAnswer(itemId, pcm) {
    const answer = this.#answers.get(itemId) ?? { at: 0, pieces: [] };
    answer.pieces.push(pcm);
    this.#answers.set(itemId, answer);
  }

  /** @param {string} itemId its first sample is heard now */
  startAnswer(itemId) {
    const answer = this.#answers.get(itemId);
    if (answer) answer.at = this.#now();
  }

  /**
   * An answer was heard to its end, or was cut off. Pass on what was heard of it.
   * @param {string} itemId
   * @param {number} heardMs
   */
  endAnswer(itemId, heardMs) {
    const answer = this.#answers.get(itemId);
    this.#answers.delete(itemId);
    const pcm = join(answer?.pieces ?? [], Math.round(msToSamples(heardMs)));
    if (answer && pcm.length > 0) this.#onSound({ side: 'assistant', at: answer.at, pcm });
  }

  /** Forget all that was not passed on. */
  clear() {
    this.#speechAt = 0;
    this.#speech = [];
    this.#speechSamples = 0;
    this.#answers.clear();
  }
}
