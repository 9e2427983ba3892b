/** @import { RealtimeEvent } from '../realtime/dialect.js' */

const WARNING_MS = 60_000;
/** The server events that the relay counts as activity, too; microphone audio alone is none. */
const ACTIVITY = /^(response\.|input_audio_buffer\.speech_|session\.updated$)/;

/** Warn before the relay ends a session in which nobody has spoken for long. Knows no DOM, and sends nothing. */
export class IdleTimer {
  #limitMs = Number.POSITIVE_INFINITY;
  #activeAtMs = 0;
  /** @type {ReturnType<typeof setTimeout> | undefined} */ #timer;
  #onWarning;
  #onActive;

  /**
   * @param {object} options
   * @param {() => void} options.onWarning the session ends in a minute, or after the second half of its limit if that is shorter
   * @param {() => void} options.onActive somebody spoke or wrote after a warning, or for the first time
   */
  constructor({ onWarning, onActive }) {
    this.#onWarning = onWarning;
    this.#onActive = onActive;
  }

  /** @param {number} limitMs how long a session may be idle */
  set limitMs(limitMs) {
    this.#limitMs = limitMs;
  }

  /** @param {RealtimeEvent} event a server event */
  see({ type }) {
    if (!ACTIVITY.test(type) || !Number.isFinite(this.#limitMs)) return;
    this.#activeAtMs = Date.now();
    if (this.#timer !== undefined) return; // the timer looks at `activeAtMs` when it fires
    this.#onActive();
    this.#wait();
  }

  /** The session is over. */
  stop() {
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }

  #wait() {
    const quietMs = this.#limitMs - Math.min(WARNING_MS, this.#limitMs / 2);
    const leftMs = this.#activeAtMs + quietMs - Date.now();
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      if (this.#activeAtMs + quietMs > Date.now()) this.#wait();
      else this.#onWarning();
    }, leftMs);
  }
}
