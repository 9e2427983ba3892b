import { AudioLog } from './audio-log.js';
import { ConversationDatabase } from './indexed-db.js';

/** @import { Turn } from '../realtime/turn-list.js' */
/** @import { Sound } from './audio-log.js' */

/** What is kept of the conversation: in this browser, or where it keeps nothing, until the page goes. */
export class ConversationStore {
  /** @type {ConversationDatabase | null} */ #database = null;
  /** Sound without an archive to go to. @type {Sound[]} */ #sounds = [];
  #audioLog = new AudioLog((sound) => this.#keep(sound));

  /**
   * Open what is kept.
   * @returns {Promise<Turn[]>} the turns of the conversation that this page continues, in order
   */
  async open() {
    try {
      this.#database = await ConversationDatabase.open();
    } catch {
      return []; // a private window, perhaps: nothing is kept, and all else works
    }
    for (const sound of this.#sounds.splice(0)) this.#keep(sound);
    return this.#database.turns();
  }

  /** @param {Turn} turn */
  save(turn) {
    this.#database?.save(turn);
  }

  /** @param {string} turnId */
  remove(turnId) {
    this.#database?.remove(turnId);
  }

  /** @param {Int16Array} pcm a frame of the user's speech */
  speech(pcm) {
    this.#audioLog.speech(pcm, Date.now());
  }

  /**
   * @param {string} itemId
   * @param {Int16Array} pcm of an answer, as it arrives
   */
  answer(itemId, pcm) {
    this.#audioLog.answer(itemId, pcm);
  }

  /** @param {string} itemId its first sample is heard now */
  answerStarted(itemId) {
    this.#audioLog.answerStarted(itemId, Date.now());
  }

  /**
   * @param {string} itemId is over, at its end or before
   * @param {number} heardMs
   */
  answerEnded(itemId, heardMs) {
    this.#audioLog.answerEnded(itemId, heardMs);
  }

  /** @returns {Promise<Sound[]>} all there is */
  async sounds() {
    this.#audioLog.flushSpeech();
    return (await this.#database?.sounds()) ?? this.#sounds;
  }

  /** Forget the conversation, and those that were left behind in this browser. */
  async clear() {
    this.#audioLog = new AudioLog((sound) => this.#keep(sound));
    this.#sounds = [];
    await this.#database?.clear();
  }

  /** @param {Sound} sound */
  #keep(sound) {
    if (this.#database) this.#database.saveSound(sound);
    else this.#sounds.push(sound);
  }
}
