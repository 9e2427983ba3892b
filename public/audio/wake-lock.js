/** Keep the screen on: a phone that locks cuts the microphone off. Does nothing where the browser has no wake lock. */
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

  /** Browsers drop the lock when the page is hidden, so it is asked for again when it shows. */
  #request = async () => {
    if (this.#document.visibilityState !== 'visible' || !this.#navigator.wakeLock) return;
    try {
      const sentinel = await this.#navigator.wakeLock.request('screen');
      if (this.#held) this.#sentinel = sentinel;
      else await sentinel.release();
    } catch (error) {
      if (!(error instanceof DOMException)) throw error; // refused on a low battery: the talk goes on without
    }
  };
}
