/** @import { Problem } from '../problems/problems.js' */

/** Show one problem at a time, with the one thing that the user can do about it. */
export class Banner {
  /** @type {Problem | null} */ #problem = null;
  #element;

  /**
   * @param {HTMLElement} element
   * @param {(problem: Problem) => void} onAction the button was pressed
   */
  constructor(element, onAction) {
    this.#element = element;
    this.#action.addEventListener('click', () => {
      const problem = this.#problem;
      this.hide();
      if (problem) onAction(problem);
    });
  }

  /** @param {Problem} problem takes the place of the one that is shown */
  show(problem) {
    this.#problem = problem;
    this.#part('.banner-title').textContent = problem.title;
    this.#part('.banner-text').textContent = problem.text;
    this.#action.textContent = problem.label;
    this.#element.hidden = false;
  }

  /** @param {string} [cause] hide only a problem with this cause */
  hide(cause) {
    if (cause && cause !== this.#problem?.cause) return;
    this.#problem = null;
    this.#element.hidden = true;
  }

  get #action() {
    return this.#part('.banner-action');
  }

  /** @param {string} selector */
  #part(selector) {
    return /** @type {HTMLElement} */ (this.#element.querySelector(selector));
  }
}
