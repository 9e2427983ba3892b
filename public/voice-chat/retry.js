/** When a lost session is tried again: full jitter under a rising ceiling, and an end to it. Pure. */

const FIRST_CEILING_MS = 500;
const LAST_CEILING_MS = 15_000;
const MAX_TRIES = 8;
const MAX_AWAY_MS = 120_000;

/** Endings that another try would only meet again: done, refused, or over by the server's own rule. */
const FINAL_CODES = new Set([1000, 1003, 1008, 1009, 3000, 4000]);
const FINAL_CAUSES = new Set(['signed_out', 'daily_limit']);

/** The service's own limit is of one session, unlike the relay's, which closes with the same code. */
const ANOTHER_SESSION_HELPS = 'session_expired';

/**
 * True for an ending after which another try makes sense.
 * @param {number} code the websocket's close code
 * @param {string} cause as problems have them
 */
export function mayRetry(code, cause) {
  const isRefusal = code >= 4400 && code < 4500 && cause !== ANOTHER_SESSION_HELPS;
  return !FINAL_CODES.has(code) && !isRefusal && !FINAL_CAUSES.has(cause);
}

/** Counts the tries of one series, from a loss until all is well again. */
export class Retry {
  #waits = 0;
  #tries = 0;
  #awayMs = 0;
  /** When it was last asked, in the series under way. @type {number | null} */ #askedAtMs = null;
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
   * @param {boolean} after.counts a try has failed although the server could be asked; one that is gone may take its time
   * @param {boolean} after.isOnline time without any network does not count
   * @returns {number | null} ms; null: do not try any more
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

  /** A session is up: the time from here on is not spent away. */
  pause() {
    this.#askedAtMs = null;
  }

  /** Count anew. */
  reset() {
    this.#waits = 0;
    this.#tries = 0;
    this.#awayMs = 0;
    this.#askedAtMs = null;
  }
}
