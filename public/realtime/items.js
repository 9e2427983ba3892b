/** @import { RealtimeEvent } from './dialect.js' */

/** Keep track of the items that a session holds, and of those that the user had it forget. Pure. */
export class SessionItems {
  /** @type {Set<string>} */ #held = new Set();
  /** Items of earlier sessions, which the page has given to this one. @type {Set<string>} */ #restored =
    new Set();
  /** @type {Set<string>} */ #forgotten = new Set();
  /** Items of the active response, which cannot be deleted yet. @type {Set<string>} */ #active = new Set();
  /** Whether the items of the active response are to be deleted once it is over. */
  #isActiveForgotten = false;

  /** @param {string} id of a new item that is sent to the session */
  add(id) {
    this.#held.add(id);
  }

  /** @param {string} id of an item of an earlier session that is sent to this one */
  restore(id) {
    this.#held.add(id);
    this.#restored.add(id);
  }

  /** @param {RealtimeEvent} event a server event */
  see({ type, item, item_id: id }) {
    if (type === 'conversation.item.added' && item?.id) this.#held.add(item.id);
    if (type === 'conversation.item.deleted') this.#held.delete(id);
    if (type === 'response.output_item.added' && item?.id) this.#active.add(item.id);
  }

  /**
   * Drop `previous_item_id` when it names a restored item: other turns may already follow that item on the page.
   * @param {RealtimeEvent} event
   * @returns {RealtimeEvent}
   */
  withoutRestoredLink(event) {
    return this.#restored.has(event.previous_item_id) ? { ...event, previous_item_id: undefined } : event;
  }

  /**
   * Whether an event is about an item that was forgotten.
   * @param {RealtimeEvent} event
   */
  isForgotten({ item, item_id: id }) {
    return this.#forgotten.has(item?.id ?? id);
  }

  /**
   * Forget all items that there are.
   * @returns {string[]} the ids of those to delete now
   */
  forget() {
    for (const id of [...this.#held, ...this.#active]) this.#forgotten.add(id);
    this.#isActiveForgotten = this.#active.size > 0;
    return [...this.#held].filter((id) => !this.#active.has(id));
  }

  /**
   * The active response is over.
   * @returns {string[]} the ids of its items to delete, if they were forgotten while it was active
   */
  endResponse() {
    const late = this.#isActiveForgotten ? [...this.#active] : [];
    this.#active.clear();
    this.#isActiveForgotten = false;
    return late;
  }
}
