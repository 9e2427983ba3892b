/** @import { Turn } from '../realtime/turn-list.js' */
/** @import { Sound } from './audio-log.js' */

const DATABASE = 'realtime-voice';
const VERSION = 1;
/** Key in the tab's session storage. */
const OWN_ID = 'conversation';
/** A page that reloads waits at most this long until the page before it has released the conversation. */
const RELOAD_WAIT_MS = 1000;

/**
 * @template T
 * @param {IDBRequest<T>} request
 * @returns {Promise<T>}
 */
function result(request) {
  return new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });
}

/** @returns {Promise<IDBDatabase>} */
function openDatabase() {
  const request = indexedDB.open(DATABASE, VERSION);
  request.onupgradeneeded = () => {
    const database = request.result;
    database.createObjectStore('conversations', { keyPath: 'id' });
    for (const store of ['turns', 'sounds']) database.createObjectStore(store);
  };
  return result(request);
}

/** @param {string} conversationId */
const keysOf = (conversationId) => IDBKeyRange.bound([conversationId], [conversationId, []]);

/**
 * Lock a conversation for as long as the page lives.
 * @param {string} id
 * @param {number} waitMs how long to wait for a tab that has locked it
 * @returns {Promise<boolean>} false when another tab keeps it locked
 */
function claim(id, waitMs) {
  if (!navigator.locks) return Promise.resolve(true); // there are no locks on insecure pages
  const options = waitMs > 0 ? { signal: AbortSignal.timeout(waitMs) } : { ifAvailable: true };
  return new Promise((resolve) => {
    const held = navigator.locks.request(`conversation:${id}`, options, (lock) => {
      resolve(lock !== null);
      return lock ? new Promise(() => {}) : null;
    });
    held.catch(() => resolve(false)); // the wait is over
  });
}

/**
 * Store one conversation: its turns and its audio. Tabs do not share conversations: each has locked its own.
 *
 * Every transaction is committed explicitly. Otherwise it would commit only after its requests have been answered, and a
 * page that is reloaded before that would lose it.
 */
export class ConversationDatabase {
  /** Writes not yet made, by turn; a later one replaces an earlier one. @type {Map<string, (turns: IDBObjectStore) => void>} */
  #due = new Map();
  #isWriting = false;
  #soundCount = 0;
  #database;
  #id;

  /**
   * @param {IDBDatabase} database
   * @param {string} id
   */
  constructor(database, id) {
    this.#database = database;
    this.#id = id;
    addEventListener('pagehide', () => this.#writeDue());
  }

  /**
   * Open this tab's conversation, or else the newest one that no tab has locked, or else a new one.
   * @throws {DOMException} where the browser stores nothing
   */
  static async open() {
    const database = await openDatabase();
    const id = await ConversationDatabase.#choose(database);
    sessionStorage.setItem(OWN_ID, id);
    const store = database.transaction('conversations', 'readwrite').objectStore('conversations');
    await result(store.put({ id, openedAt: Date.now() }));
    return new ConversationDatabase(database, id);
  }

  /** @param {IDBDatabase} database */
  static async #choose(database) {
    const own = sessionStorage.getItem(OWN_ID);
    if (own && (await claim(own, RELOAD_WAIT_MS))) return own;
    const stored = await result(database.transaction('conversations').objectStore('conversations').getAll());
    for (const { id } of stored.sort((a, b) => b.openedAt - a.openedAt)) if (await claim(id, 0)) return id;
    const id = crypto.randomUUID();
    await claim(id, 0);
    return id;
  }

  /** @returns {Promise<Turn[]>} in order */
  async turns() {
    const store = this.#database.transaction('turns').objectStore('turns');
    /** @type {Turn[]} */
    const turns = await result(store.getAll(keysOf(this.#id)));
    return turns.sort((a, b) => a.rank - b.rank);
  }

  /** @returns {Promise<Sound[]>} */
  sounds() {
    return result(this.#database.transaction('sounds').objectStore('sounds').getAll(keysOf(this.#id)));
  }

  /** @param {Turn} turn */
  save(turn) {
    this.#write(turn.id, (turns) => turns.put({ ...turn }, [this.#id, turn.id]));
  }

  /** @param {string} turnId */
  remove(turnId) {
    this.#write(turnId, (turns) => turns.delete([this.#id, turnId]));
  }

  /** @param {Sound} sound */
  saveSound(sound) {
    this.#soundCount += 1;
    const store = this.#database.transaction('sounds', 'readwrite').objectStore('sounds');
    store.put(sound, [this.#id, Date.now(), this.#soundCount]);
    store.transaction.commit();
  }

  /** Delete this conversation, and then those that no tab has locked. */
  async clear() {
    this.#due.clear();
    await this.#delete(this.#id);
    const stored = await result(
      this.#database.transaction('conversations').objectStore('conversations').getAllKeys(),
    );
    for (const id of stored.map(String)) if (id !== this.#id && (await claim(id, 0))) await this.#delete(id);
  }

  /** @param {string} id */
  #delete(id) {
    const transaction = this.#database.transaction(['conversations', 'turns', 'sounds'], 'readwrite');
    for (const store of ['turns', 'sounds']) transaction.objectStore(store).delete(keysOf(id));
    if (id !== this.#id) transaction.objectStore('conversations').delete(id);
    transaction.commit();
    return new Promise((resolve, reject) => {
      transaction.oncomplete = resolve;
      transaction.onabort = () => reject(transaction.error);
    });
  }

  /**
   * Write at the end of this task. While a transaction runs, later writes are collected: a turn that keeps changing is
   * written as often as the disk allows, and once more when the page goes.
   * @param {string} key
   * @param {(turns: IDBObjectStore) => void} write
   */
  #write(key, write) {
    this.#due.set(key, write);
    if (!this.#isWriting) queueMicrotask(() => this.#writeDue());
    this.#isWriting = true;
  }

  #writeDue() {
    this.#isWriting = this.#due.size > 0;
    if (!this.#isWriting) return;
    const transaction = this.#database.transaction('turns', 'readwrite');
    const turns = transaction.objectStore('turns');
    for (const write of this.#due.values()) write(turns);
    this.#due.clear();
    transaction.commit();
    transaction.oncomplete = () => this.#writeDue();
    transaction.onabort = () => {
      this.#isWriting = false; // the disk is full: the page goes on without storing
    };
  }
}
