/** Nothing received for so long, and the page asks whether the server is still there. */
const QUIET_MS = 5000;
/** A request for an answer brings an event at once. After so long without any, the socket is dead though the server may live. */
const UNANSWERED_MS = 15_000;
/** A socket that holds back speech and moves none of it for so long is dead, too. */
const STALLED_MS = 10_000;
const CHECK_MS = 1000;

/**
 * Finds out that a session cannot be reached any more, of which its socket tells nothing for minutes: the way to the server is
 * asked as soon as nothing comes, and what is sent must get somewhere.
 */
export class Heartbeat {
  #receivedAtMs = 0;
  /** An answer is due since. @type {number | null} */ #dueSinceMs = null;
  #movedAtMs = 0;
  #heldBackBytes = 0;
  /** @type {ReturnType<typeof setInterval> | undefined} */ #timer;
  /** What is being asked: the answer to an earlier question says nothing. @type {object | null} */
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

  /** @param {{ heldBackBytes: number }} session whose socket is watched from now on */
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

  /** Something came from the session. */
  received() {
    this.#receivedAtMs = Date.now();
    this.#dueSinceMs = null;
  }

  /** An answer was asked for. */
  expect() {
    this.#dueSinceMs ??= Date.now();
  }

  /** Ask for the server now, unless it is being asked. */
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
    const isDue = this.#dueSinceMs !== null && nowMs - this.#dueSinceMs >= UNANSWERED_MS;
    if (isDue || nowMs - this.#movedAtMs >= STALLED_MS) this.#onDead();
    else if (nowMs - this.#receivedAtMs >= QUIET_MS) this.check();
  }
}
