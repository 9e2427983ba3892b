/** @import { RealtimeEvent } from './dialect.js' */

/** The items a session holds, as its events tell. Pure. */
export class SessionItems {
  /** @type {Set<string>} */ #held = new Set();
  /** Given to the session by the page: the conversation has them already. @type {Set<string>} */ #restored =
    new Set();
  /** @type {Set<string>} */ #forgotten = new Set();
  /** Of the response under way: they cannot be deleted yet. @type {Set<string>} */ #underWay = new Set();
  #forgetsLate = false;

  /** @param {string} id of an item that the session is sent */
  add(id) {
    this.#held.add(id);
  }

  /** @param {string} id of an item that an earlier session had */
  restore(id) {
    this.#held.add(id);
    this.#restored.add(id);
  }

  /** @param {RealtimeEvent} event of the session */
  see({ type, item, item_id: id }) {
    if (type === 'conversation.item.added' && item?.id) this.#held.add(item.id);
    if (type === 'conversation.item.deleted') this.#held.delete(id);
    if (type === 'response.output_item.added' && item?.id) this.#underWay.add(item.id);
  }

  /**
   * The event without its link to a restored item: right behind that one, the conversation may have turns the session was not given.
   * @param {RealtimeEvent} event
   * @returns {RealtimeEvent}
   */
  unlinked(event) {
    return this.#restored.has(event.previous_item_id) ? { ...event, previous_item_id: undefined } : event;
  }

  /**
   * True for what is told of an item that was forgotten.
   * @param {RealtimeEvent} event
   */
  isForgotten({ item, item_id: id }) {
    return this.#forgotten.has(item?.id ?? id);
  }

  /**
   * Forget all items so far.
   * @returns {string[]} those to delete now
   */
  forget() {
    for (const id of [...this.#held, ...this.#underWay]) this.#forgotten.add(id);
    this.#forgetsLate = this.#underWay.size > 0;
    return [...this.#held].filter((id) => !this.#underWay.has(id));
  }

  /**
   * The response is over.
   * @returns {string[]} the items of it to delete, since all was forgotten while it was under way
   */
  forgetLate() {
    const late = this.#forgetsLate ? [...this.#underWay] : [];
    this.#underWay.clear();
    this.#forgetsLate = false;
    return late;
  }
}
