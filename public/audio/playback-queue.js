import { toFloat } from './format.js';

/** @typedef {{id: string, received: number, played: number, ended: boolean}} QueuedItem counts in samples at 24 kHz */

/**
 * Hold the audio that is still to be played, in order of arrival, and count how much of each item was played.
 *
 * The resampler looks ahead, so samples are read before they are played: `read` takes them out, and `advance` says how many
 * of those have been played. Pure; knows no clock. A chunk is released once it is read.
 */
export class PlaybackQueue {
  /** @type {Map<string, QueuedItem>} */
  #items = new Map();
  /** Not yet read. @type {{item: QueuedItem, pcm: Int16Array}[]} */
  #chunks = [];
  #offset = 0;
  /** Read, but not yet played. @type {{item: QueuedItem, samples: number}[]} */
  #spans = [];
  /** @type {QueuedItem | null} */
  #current = null;
  /** @type {QueuedItem | null} */
  #reading = null;
  #samples = 0;

  /** Samples not yet read. */
  get samples() {
    return this.#samples;
  }

  /** The item of the sample that was played last; null when there is none. */
  get current() {
    return this.#current;
  }

  /** Items that have not been forgotten, oldest first. */
  get items() {
    return this.#items.values();
  }

  /** Whether all audio of the next item to be read has arrived. */
  get nextIsComplete() {
    return this.#chunks[0]?.item.ended ?? false;
  }

  /** Whether everything was read although more of the last item is to arrive. */
  get isMidItem() {
    return this.#samples === 0 && this.#reading !== null && !this.#reading.ended;
  }

  /**
   * @param {string} id
   * @param {Int16Array} pcm
   */
  push(id, pcm) {
    let item = this.#items.get(id);
    if (!item) {
      item = { id, received: 0, played: 0, ended: false };
      this.#items.set(id, item);
    }
    item.received += pcm.length;
    this.#samples += pcm.length;
    if (pcm.length > 0) this.#chunks.push({ item, pcm });
  }

  /**
   * All audio of an item has arrived.
   * @param {string} id
   */
  end(id) {
    const item = this.#items.get(id);
    if (item) item.ended = true;
  }

  /**
   * @param {Float32Array} output
   * @param {number} count samples wanted
   * @returns {number} samples written from the start of `output`, fewer when the queue runs dry
   */
  read(output, count) {
    let written = 0;
    while (written < count && this.#chunks.length > 0) {
      const { item, pcm } = this.#chunks[0];
      const take = Math.min(count - written, pcm.length - this.#offset);
      for (let i = 0; i < take; i++) output[written + i] = toFloat(pcm[this.#offset + i]);
      written += take;
      this.#reading = item;
      this.#offset += take;
      if (this.#offset === pcm.length) {
        this.#chunks.shift();
        this.#offset = 0;
      }
      const span = this.#spans.at(-1);
      if (span?.item === item) span.samples += take;
      else this.#spans.push({ item, samples: take });
    }
    this.#samples -= written;
    return written;
  }

  /** @param {number} samples how many more of those read have been played */
  advance(samples) {
    while (samples > 0 && this.#spans.length > 0) {
      const span = this.#spans[0];
      const step = Math.min(samples, span.samples);
      span.samples -= step;
      span.item.played += step;
      samples -= step;
      this.#current = span.item;
      if (span.samples === 0) this.#spans.shift();
    }
  }

  /**
   * Remove an item that was played to its end.
   * @param {string} id
   */
  forget(id) {
    this.#items.delete(id);
    if (this.#current?.id === id) this.#current = null;
  }

  /** Empty the queue. */
  clear() {
    this.#items.clear();
    this.#chunks = [];
    this.#spans = [];
    this.#offset = 0;
    this.#samples = 0;
    this.#current = null;
    this.#reading = null;
  }
}
