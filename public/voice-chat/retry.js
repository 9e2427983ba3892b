/** When to retry a lost session: after a random time below a ceiling that doubles, until tries or time are used up. Pure. */

const FIRST_CEILING_MS = 500;
const LAST_CEILING_MS = 15_000;
const MAX_TRIES = 8;
const MAX_AWAY_MS = 120_000;

/** Close codes after which another try would end the same way: closed on purpose, refused, or against a rule of the server. */
const FINAL_CODES = new Set([1000, 1003, 1008, 1009, 3000, 4000]);
const FINAL_CAUSES = new Set(['signed_out', 'daily_limit']);

/** The service limits each session, so another one may follow; the relay's limit, with the same close code, is final. */
const ANOTHER_SESSION_HELPS = 'session_expired';

/**
 * Whether another try can succeed.
 * @param {number} code the websocket's close code
 * @param {string} cause of a problem
 */
export function mayRetry(code, cause) {
  const isRefusal = code >= 4400 && code < 4500 && cause !== ANOTHER_SESSION_HELPS;
  return !FINAL_CODES.has(code) && !isRefusal && !FINAL_CAUSES.has(cause);
}

/** Count the tries of one series, which begins with a loss and ends when a session has worked again. */
export class Retry {
  #waits = 0;
  #tries = 0;
  #awayMs = 0;
  /** When `next` was last called in this series. @type {number | null} */ #askedAtMs = null;
  #now;
  #random;

  /**
   * @param {() => number} [now] ms
   * @param {() => number} [random] 0 to 1
   */
  constructor(now = Date.now, random = Math.random) {
    this.#now = now;
    this.#random = random;
  }

  /**
   * How long to wait before the next try.
   * @param {object} after
   * @param {boolean} after.counts whether this try counts; one that did not reach the server does not
   * @param {boolean} after.isOnline time without any network does not count
   * @returns {number | null} ms; null: do not try any longer
   */
  next({ counts, isOnline }) {
    const now = this.#now();
    if (isOnline) this.#awayMs += now - (this.#askedAtMs ?? now);
    this.#askedAtMs = now;
    if (counts) this.#tries += 1;
    if (this.#tries >= MAX_TRIES || this.#awayMs >= MAX_AWAY_MS) return null;
    const ceilingMs = Math.min(LAST_CEILING_MS, FIRST_CEILING_MS * 2 ** this.#waits);
    this.#waits += 1;
    return this.#random() * ceilingMs;
  }

  /** A session is up: the time from now on does not count as time without one. */
  pause() {
    this.#askedAtMs = null;
  }

  /** Start a new series. */
  reset() {
    this.#waits = 0;
    this.#tries = 0;
    this.#awayMs = 0;
    this.#askedAtMs = null;
  }
}
