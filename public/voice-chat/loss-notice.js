import { whileRetrying } from '../problems/problems.js';

/** @import { Problem, ProblemDisplay } from '../problems/problems.js' */

/** A session that is back within this time was not missed. */
const UNNOTICED_MS = 1000;

/** Show that the session is lost, unless it is back within a second. */
export class LossNotice {
  /** Why the session was lost, or why the last try failed. @type {Problem | null} */ #reason = null;
  /** @type {ReturnType<typeof setTimeout> | undefined} */ #timer;
  #problems;

  /** @param {ProblemDisplay} problems */
  constructor(problems) {
    this.#problems = problems;
  }

  /** @param {Problem} reason the session was lost, or another try to get it back has failed */
  lost(reason) {
    const isFirst = this.#reason === null;
    this.#reason = reason;
    if (isFirst) this.#timer = setTimeout(() => this.#show(reason), UNNOTICED_MS);
    else this.#show(reason);
  }

  /** The session is back, or no longer wanted. */
  over() {
    clearTimeout(this.#timer);
    if (this.#reason) this.#problems.hide(this.#reason.cause);
    this.#reason = null;
  }

  /** @param {Problem} reason */
  #show(reason) {
    clearTimeout(this.#timer);
    this.#problems.show(whileRetrying(reason));
  }
}
