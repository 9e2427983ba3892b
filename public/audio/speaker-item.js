import { samplesToMs } from './format.js';

/**
 * What the speaker knows of one answer: the audio that is still to be played, and how much was. Pure; counts in samples
 * at 24 kHz. Its audio is kept until it is played, so that another worklet can go on with it.
 */
export class SpeakerItem {
  /** @type {'arriving' | 'complete' | 'stopped' | 'played'} */ #phase = 'arriving';
  /** Audio that is not wholly played. @type {Int16Array[]} */ #chunks = [];
  /** Samples before the first of `chunks`. */
  #released = 0;
  #received = 0;
  /** Samples that left the worklet, by its last report. */
  #played = 0;
  /** What `played` was when the present worklet took over. */
  #playedBefore = 0;
  #hasStarted = false;
  /** Set once the item is over. @type {number | null} */ #heardMs = null;

  /** Whether more audio may arrive. */
  get isArriving() {
    return this.#phase === 'arriving';
  }

  /** Whether nothing of it will be played any more. */
  get isOver() {
    return this.#phase === 'stopped' || this.#phase === 'played';
  }

  /** Samples still to be played. */
  get queuedSamples() {
    return this.isOver ? 0 : this.#received - this.#played;
  }

  /** Whether it has audio that is being played or waits to be. */
  get isPlaying() {
    return !this.isOver && this.#received > 0;
  }

  /** @param {Int16Array} pcm */
  push(pcm) {
    this.#chunks.push(pcm);
    this.#received += pcm.length;
  }

  /** All of its audio has arrived. */
  complete() {
    this.#phase = 'complete';
  }

  /** @returns {boolean} whether it is the first start; later ones continue it in another worklet */
  start() {
    const isFirst = !this.#hasStarted;
    this.#hasStarted = true;
    return isFirst;
  }

  /** @param {number} played samples that have left the present worklet */
  setPlayed(played) {
    this.#played = this.#playedBefore + played;
    while (this.#chunks[0] && this.#released + this.#chunks[0].length <= this.#played) {
      this.#released += this.#chunks[0].length;
      this.#chunks.shift();
    }
  }

  /** It was played to its end. */
  finish() {
    this.#phase = 'played';
    this.#chunks = [];
    this.#played = this.#received;
    this.#heardMs = samplesToMs(this.#received);
  }

  /** It is not to be played any further. */
  stop() {
    if (this.isOver) return;
    this.#phase = 'stopped';
    this.#chunks = [];
  }

  /**
   * Fix how much was heard of a stopped item.
   * @param {number} latencyMs
   */
  settle(latencyMs) {
    if (this.#phase === 'stopped') this.#heardMs ??= this.heardMs(latencyMs);
  }

  /**
   * How much of it was heard.
   * @param {number} latencyMs from the worklet to the ear
   */
  heardMs(latencyMs) {
    return this.#heardMs ?? Math.max(0, samplesToMs(this.#played) - latencyMs);
  }

  /**
   * Another worklet takes over.
   * @returns {{ chunks: Int16Array[], isComplete: boolean }} what that one is to play, and whether no more will arrive
   */
  resume() {
    this.#playedBefore = this.#played;
    const [first, ...others] = this.#chunks;
    const chunks = first ? [first.subarray(this.#played - this.#released), ...others] : [];
    return { chunks, isComplete: this.#phase === 'complete' };
  }
}
