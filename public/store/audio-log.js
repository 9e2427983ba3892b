/** The sound of a conversation, on one clock. Pure. */

/**
 * @typedef {object} Sound
 * @property {'user' | 'assistant'} side
 * @property {number} at Unix ms of its first sample
 * @property {Int16Array<ArrayBuffer>} pcm 24 kHz mono
 */

const SAMPLES_PER_MS = 24;
/** The user's speech is handed on in pieces of this length, so that a crash loses no more. */
const PIECE_SAMPLES = 2000 * SAMPLES_PER_MS;
/** Frames come a little early or late; a longer gap is a pause in the recording. */
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

/** Gather what both sides said: the user's speech as sent, the answers as far as they were heard. */
export class AudioLog {
  /** @type {Int16Array[]} */ #speech = [];
  #speechSamples = 0;
  #speechAt = 0;
  /** @type {Map<string, { at: number, pieces: Int16Array[] }>} */ #answers = new Map();
  #onSound;

  /** @param {(sound: Sound) => void} onSound */
  constructor(onSound) {
    this.#onSound = onSound;
  }

  /**
   * @param {Int16Array} pcm a frame of the user's speech
   * @param {number} endedAt Unix ms of its end
   */
  speech(pcm, endedAt) {
    const at = endedAt - pcm.length / SAMPLES_PER_MS;
    const expected = this.#speechAt + this.#speechSamples / SAMPLES_PER_MS;
    if (this.#speechSamples >= PIECE_SAMPLES || Math.abs(at - expected) > MAX_JITTER_MS) {
      this.flushSpeech();
      // Within one run the samples keep the time, not the jitter of their arrival.
      this.#speechAt = Math.abs(at - expected) > MAX_JITTER_MS ? at : expected;
    }
    this.#speech.push(pcm);
    this.#speechSamples += pcm.length;
  }

  /** Hand on the speech gathered so far. */
  flushSpeech() {
    if (this.#speechSamples > 0) this.#onSound({ side: 'user', at: this.#speechAt, pcm: join(this.#speech) });
    this.#speechAt += this.#speechSamples / SAMPLES_PER_MS;
    this.#speech = [];
    this.#speechSamples = 0;
  }

  /**
   * @param {string} itemId
   * @param {Int16Array} pcm of an answer, as it arrives
   */
  answer(itemId, pcm) {
    const answer = this.#answers.get(itemId) ?? { at: 0, pieces: [] };
    answer.pieces.push(pcm);
    this.#answers.set(itemId, answer);
  }

  /**
   * @param {string} itemId
   * @param {number} at Unix ms at which its first sample was heard
   */
  answerStarted(itemId, at) {
    const answer = this.#answers.get(itemId);
    if (answer) answer.at = at;
  }

  /**
   * An answer is over, at its end or before. Of one that was not heard nothing is kept.
   * @param {string} itemId
   * @param {number} heardMs
   */
  answerEnded(itemId, heardMs) {
    const answer = this.#answers.get(itemId);
    this.#answers.delete(itemId);
    const pcm = join(answer?.pieces ?? [], Math.round(heardMs * SAMPLES_PER_MS));
    if (answer && pcm.length > 0) this.#onSound({ side: 'assistant', at: answer.at, pcm });
  }
}
