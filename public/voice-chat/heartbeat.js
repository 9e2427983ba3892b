/** After this time without an event, the server is asked whether it is still there. */
const QUIET_MS = 5000;
/** A request for an answer brings an event at once. After this time without any, the connection is dead, even if the server is not. */
const UNANSWERED_MS = 15_000;
/** A socket that has held back speech for this long without sending any of it is dead, too. */
const STALLED_MS = 10_000;
const CHECK_MS = 1000;

/**
 * Find out within seconds that a session cannot be reached, which its socket may not report for minutes. As soon as no
 * events come, ask the server; and watch that what is sent leaves the socket.
 */
export class Heartbeat {
  #receivedAtMs = 0;
  /** Since when an answer is due. @type {number | null} */ #dueSinceMs = null;
  /** When the socket last sent some of what it held back, or held back nothing. */
  #movedAtMs = 0;
  #heldBackBytes = 0;
  /** @type {ReturnType<typeof setInterval> | undefined} */ #timer;
  /** The request that is under way. The result of an earlier one is ignored. @type {object | null} */
  #question = null;
  #isAlive;
  #onDead;

  /**
   * @param {() => Promise<boolean>} isAlive whether the server answers, within a few seconds
   * @param {() => void} onDead
   */
  constructor(isAlive, onDead) {
    this.#isAlive = isAlive;
    this.#onDead = onDead;
  }

  /** @param {{ heldBackBytes: number }} session is watched from now on */
  start(session) {
    this.stop();
    this.received();
    this.#movedAtMs = Date.now();
    this.#heldBackBytes = 0;
    this.#timer = setInterval(() => this.#look(session), CHECK_MS);
  }

  stop() {
    clearInterval(this.#timer);
    this.#question = null;
    this.#dueSinceMs = null;
  }

  /** The session has sent an event. */
  received() {
    this.#receivedAtMs = Date.now();
    this.#dueSinceMs = null;
  }

  /** The session was asked for an answer. */
  expect() {
    this.#dueSinceMs ??= Date.now();
  }

  /** Ask the server now, unless it is being asked. */
  async check() {
    if (this.#question) return;
    const question = {};
    this.#question = question;
    const isAlive = await this.#isAlive();
    if (question !== this.#question) return;
    this.#question = null;
    if (isAlive) this.#receivedAtMs = Date.now();
    else this.#onDead();
  }

  /** @param {{ heldBackBytes: number }} session */
  #look({ heldBackBytes }) {
    const nowMs = Date.now();
    if (heldBackBytes === 0 || heldBackBytes < this.#heldBackBytes) this.#movedAtMs = nowMs;
    this.#heldBackBytes = heldBackBytes;
    const isUnanswered = this.#dueSinceMs !== null && nowMs - this.#dueSinceMs >= UNANSWERED_MS;
    if (isUnanswered || nowMs - this.#movedAtMs >= STALLED_MS) this.#onDead();
    else if (nowMs - this.#receivedAtMs >= QUIET_MS) this.check();
  }
}
