/** @import { Session } from '../realtime/session.js' */

/** Long enough to find a quiet moment, short enough to leave the session nearly all of its life. */
const MAX_LEAD_MS = 120_000;
const QUIET_CHECK_MS = 100;
const TRY_AGAIN_MS = 10_000;

/** Opens the next session before the one in use expires, and hands it over in a quiet moment. */
export class RollOver {
  /** @type {Session | null} */ #next = null;
  /** @type {ReturnType<typeof setTimeout> | undefined} */ #timer;
  #open;
  #isQuiet;
  #onNext;

  /**
   * @param {object} options
   * @param {() => Session} options.open whose end is told by `lose`
   * @param {() => boolean} options.isQuiet whether nothing is being said, thought or heard
   * @param {(session: Session) => void} options.onNext takes over from here
   */
  constructor({ open, isQuiet, onNext }) {
    this.#open = open;
    this.#isQuiet = isQuiet;
    this.#onNext = onNext;
  }

  /** @param {Session} session is in use from now on */
  watch({ openedAtMs, expiresAtMs }) {
    this.stop();
    const lifeMs = (expiresAtMs ?? 0) - openedAtMs;
    if (expiresAtMs === null || lifeMs <= 0) return; // it does not say, or by another clock: its end will be met as a loss
    this.#prepareIn(expiresAtMs - Math.min(MAX_LEAD_MS, lifeMs / 2) - Date.now());
  }

  stop() {
    clearTimeout(this.#timer);
    this.#next?.close();
    this.#next = null;
  }

  /** @param {Session} session has ended before it was used */
  lose(session) {
    if (session !== this.#next) return;
    clearTimeout(this.#timer);
    this.#next = null;
    this.#prepareIn(TRY_AGAIN_MS);
  }

  /** @param {number} ms */
  #prepareIn(ms) {
    this.#timer = setTimeout(async () => {
      const next = this.#open();
      this.#next = next;
      if (await next.ready) this.#handOver(next);
    }, ms);
  }

  /** @param {Session} next */
  #handOver(next) {
    if (next !== this.#next) return;
    if (!this.#isQuiet()) {
      this.#timer = setTimeout(() => this.#handOver(next), QUIET_CHECK_MS);
      return;
    }
    this.#next = null;
    this.#onNext(next);
  }
}
