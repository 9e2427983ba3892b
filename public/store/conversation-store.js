import { Recording } from './audio-log.js';
import { Archive } from './indexed-db.js';

/** @import { Turn } from '../realtime/turn-list.js' */
/** @import { Sound } from './audio-log.js' */

/** What is kept of the conversation: in this browser, or where it keeps nothing, until the page goes. */
export class History {
  /** @type {Archive | null} */ #archive = null;
  /** Sound without an archive to go to. @type {Sound[]} */ #sounds = [];
  #recording = new Recording((sound) => this.#keep(sound));

  /**
   * Open what is kept.
   * @returns {Promise<Turn[]>} the turns of the conversation that this page continues, in order
   */
  async open() {
    try {
      this.#archive = await Archive.open();
    } catch {
      return []; // a private window, perhaps: nothing is kept, and all else works
    }
    for (const sound of this.#sounds.splice(0)) this.#keep(sound);
    return this.#archive.turns();
  }

  /** @param {Turn} turn */
  save(turn) {
    this.#archive?.save(turn);
  }

  /** @param {string} turnId */
  remove(turnId) {
    this.#archive?.remove(turnId);
  }

  /** @param {Int16Array} pcm a frame of the user's speech */
  speech(pcm) {
    this.#recording.speech(pcm, Date.now());
  }

  /**
   * @param {string} itemId
   * @param {Int16Array} pcm of an answer, as it arrives
   */
  answer(itemId, pcm) {
    this.#recording.answer(itemId, pcm);
  }

  /** @param {string} itemId its first sample is heard now */
  answerStarted(itemId) {
    this.#recording.answerStarted(itemId, Date.now());
  }

  /**
   * @param {string} itemId is over, at its end or before
   * @param {number} heardMs
   */
  answerEnded(itemId, heardMs) {
    this.#recording.answerEnded(itemId, heardMs);
  }

  /** @returns {Promise<Sound[]>} all there is */
  async sounds() {
    this.#recording.flushSpeech();
    return (await this.#archive?.sounds()) ?? this.#sounds;
  }

  /** Forget the conversation, and those that were left behind in this browser. */
  async clear() {
    this.#recording = new Recording((sound) => this.#keep(sound));
    this.#sounds = [];
    await this.#archive?.clear();
  }

  /** @param {Sound} sound */
  #keep(sound) {
    if (this.#archive) this.#archive.saveSound(sound);
    else this.#sounds.push(sound);
  }
}
