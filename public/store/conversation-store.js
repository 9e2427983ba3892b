import { ConversationDatabase } from './indexed-db.js';

/** @import { Turn } from '../realtime/turn-list.js' */
/** @import { Sound } from './audio-log.js' */

/** Keep the conversation in this browser. Where the browser stores nothing, keep its audio as long as the page is open. */
export class ConversationStore {
  /** @type {ConversationDatabase | null} */ #database = null;
  /** Audio that was added before the database was open, or without one. @type {Sound[]} */ #sounds = [];

  /** @returns {Promise<Turn[]>} the turns of the conversation that this page continues, in order */
  async open() {
    try {
      this.#database = await ConversationDatabase.open();
    } catch {
      return []; // in a private window, perhaps: nothing is stored, and everything else works
    }
    for (const sound of this.#sounds.splice(0)) this.#database.saveSound(sound);
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

  /** @param {Sound} sound */
  saveSound(sound) {
    if (this.#database) this.#database.saveSound(sound);
    else this.#sounds.push(sound);
  }

  /** @returns {Promise<Sound[]>} */
  async sounds() {
    return (await this.#database?.sounds()) ?? this.#sounds;
  }

  /** Delete this conversation, and those of tabs that are closed. */
  async clear() {
    this.#sounds = [];
    await this.#database?.clear();
  }
}
