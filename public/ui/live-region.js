import { SPEAKERS } from '../realtime/turn-list.js';

/** @import { Turn } from '../realtime/turn-list.js' */

/** Announce each turn to screen readers, once, when its text is complete. */
export class LiveRegion {
  /** @type {Set<string>} */ #announced = new Set();
  #element;

  /** @param {HTMLElement} element an ARIA live region */
  constructor(element) {
    this.#element = element;
  }

  /** @param {Turn} turn is new or has changed */
  show({ id, role, text, status }) {
    if (status === 'awaited' || status === 'streaming' || !text || this.#announced.has(id)) return;
    this.#announced.add(id);
    const line = document.createElement('p');
    line.textContent = role === 'note' ? text : `${SPEAKERS[role]}: ${text}`;
    this.#element.replaceChildren(line);
  }

  /**
   * Do not announce a turn, which was there before the page was loaded.
   * @param {string} id
   */
  skip(id) {
    this.#announced.add(id);
  }
}
