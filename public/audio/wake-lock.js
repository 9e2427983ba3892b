/** Keep the screen on, because a phone that locks its screen stops the microphone. Does nothing in browsers without wake locks. */
export class WakeLock {
  #navigator;
  #document;
  /** @type {WakeLockSentinel | null} */
  #sentinel = null;
  #held = false;

  /**
   * @param {object} [options]
   * @param {Navigator} [options.navigator]
   * @param {Document} [options.document]
   */
  constructor({ navigator = globalThis.navigator, document = globalThis.document } = {}) {
    this.#navigator = navigator;
    this.#document = document;
  }

  async hold() {
    if (this.#held) return;
    this.#held = true;
    this.#document.addEventListener('visibilitychange', this.#request);
    await this.#request();
  }

  async release() {
    this.#held = false;
    this.#document.removeEventListener('visibilitychange', this.#request);
    const sentinel = this.#sentinel;
    this.#sentinel = null;
    await sentinel?.release();
  }

  /** Ask for the lock, and again whenever the page is shown: browsers release it when the page is hidden. */
  #request = async () => {
    if (this.#document.visibilityState !== 'visible' || !this.#navigator.wakeLock) return;
    try {
      const sentinel = await this.#navigator.wakeLock.request('screen');
      if (this.#held) this.#sentinel = sentinel;
      else await sentinel.release();
    } catch (error) {
      if (!(error instanceof DOMException)) throw error; // it is refused when the battery is low: the conversation goes on without it
    }
  };
}
