/** @import { Session } from '../realtime/session.js' */

/** Long enough to find a quiet moment, and short against the life of a session. */
const MAX_LEAD_MS = 120_000;
const QUIET_CHECK_MS = 100;
const TRY_AGAIN_MS = 10_000;

/** Open the next session before the one in use expires, and hand it over in a quiet moment. */
export class RollOver {
  /** @type {Session | null} */ #next = null;
  /** @type {ReturnType<typeof setTimeout> | undefined} */ #timer;
  #open;
  #isQuiet;
  #onReady;

  /**
   * @param {object} options
   * @param {() => Session} options.open opens a session, and calls `lose` if that closes
   * @param {() => boolean} options.isQuiet whether nobody speaks and nothing is awaited
   * @param {(session: Session) => void} options.onReady the session is up and the moment is quiet
   */
  constructor({ open, isQuiet, onReady }) {
    this.#open = open;
    this.#isQuiet = isQuiet;
    this.#onReady = onReady;
  }

  /** @param {Session} session is in use from now on */
  watch({ openedAtMs, expiresAtMs }) {
    this.stop();
    const lifeMs = (expiresAtMs ?? 0) - openedAtMs;
    // A session that does not say when it expires, or says so by a clock that is off, is followed as any lost one.
    if (expiresAtMs === null || lifeMs <= 0) return;
    this.#prepareIn(expiresAtMs - Math.min(MAX_LEAD_MS, lifeMs / 2) - Date.now());
  }

  stop() {
    clearTimeout(this.#timer);
    this.#next?.close();
    this.#next = null;
  }

  /** @param {Session} session has closed; if it was to be the next one, open another in 10 s */
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
    this.#onReady(next);
  }
}
