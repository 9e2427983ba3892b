/** @import { RealtimeEvent } from '../realtime/dialect.js' */

const WARNING_MS = 60_000;
/** What the relay takes as a sign that somebody is there; microphone bytes alone are none. */
const ACTIVITY = /^(response\.|input_audio_buffer\.speech_|session\.updated$)/;

/** Foretell when the relay will end a session in which nobody speaks. Knows no DOM, and sends nothing. */
export class IdleTimer {
  #limitMs = Number.POSITIVE_INFINITY;
  #activeAtMs = 0;
  /** @type {ReturnType<typeof setTimeout> | undefined} */ #timer;
  #on;

  /**
   * @param {object} on
   * @param {() => void} on.onSoon the session ends in a minute, or in half its limit when that is shorter
   * @param {() => void} on.onActive somebody is there after all
   */
  constructor(on) {
    this.#on = on;
  }

  /** @param {number} limitMs how long nobody may speak */
  set limitMs(limitMs) {
    this.#limitMs = limitMs;
  }

  /** @param {RealtimeEvent} event of the server */
  see({ type }) {
    if (!ACTIVITY.test(type) || !Number.isFinite(this.#limitMs)) return;
    this.#activeAtMs = Date.now();
    if (this.#timer !== undefined) return; // it looks again when it rings
    this.#on.onActive();
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
      else this.#on.onSoon();
    }, leftMs);
  }
}
