/** Nothing received for so long, and the page asks whether the server is still there. */
const QUIET_MS = 5000;
const CHECK_MS = 1000;

/**
 * Finds out that the way to the server is broken, of which a socket tells nothing for minutes: asks by another way as soon as
 * nothing comes.
 */
export class Heartbeat {
  #receivedAtMs = 0;
  /** @type {ReturnType<typeof setInterval> | undefined} */ #timer;
  /** What is being asked: an answer to an earlier question says nothing. @type {object | null} */ #question =
    null;
  #ask;
  #onDead;

  /**
   * @param {() => Promise<boolean>} ask whether the server answers, within a few seconds
   * @param {() => void} onDead
   */
  constructor(ask, onDead) {
    this.#ask = ask;
    this.#onDead = onDead;
  }

  start() {
    this.stop();
    this.received();
    this.#timer = setInterval(() => {
      if (Date.now() - this.#receivedAtMs >= QUIET_MS) this.check();
    }, CHECK_MS);
  }

  stop() {
    clearInterval(this.#timer);
    this.#question = null;
  }

  /** Something came from the server. */
  received() {
    this.#receivedAtMs = Date.now();
  }

  /** Ask now, unless it is being asked. */
  async check() {
    if (this.#question) return;
    const question = {};
    this.#question = question;
    const isAlive = await this.#ask();
    if (question !== this.#question) return;
    this.#question = null;
    if (isAlive) this.received();
    else this.#onDead();
  }
}
