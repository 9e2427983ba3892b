/** @import { Turn } from '../realtime/turn-list.js' */

/** Tell screen readers each turn once, when its words are complete. */
export class LiveRegion {
  /** @type {Set<string>} */ #told = new Set();
  #element;

  /** @param {HTMLElement} element a live region */
  constructor(element) {
    this.#element = element;
  }

  /** @param {Turn} turn as it is now */
  follow({ id, role, text, status }) {
    if (status === 'awaited' || status === 'streaming' || !text || this.#told.has(id)) return;
    this.#told.add(id);
    const line = document.createElement('p');
    line.textContent = { user: `You: ${text}`, assistant: `Assistant: ${text}`, note: text }[role];
    this.#element.replaceChildren(line);
  }

  /**
   * Pass over a turn that was there before the page was.
   * @param {string} id
   */
  skip(id) {
    this.#told.add(id);
  }
}
