/** Show the seconds that are left until a moment. Hidden from screen readers, which would announce each of them. */
export class Countdown {
  /** @type {ReturnType<typeof setInterval> | undefined} */ #timer;
  /** Unix ms. @type {number | null} */ #endsAtMs = null;
  element = document.createElement('span');

  constructor() {
    this.element.ariaHidden = 'true';
  }

  /** @param {number | null} endsAtMs Unix ms; null: show that the moment has come */
  show(endsAtMs) {
    clearInterval(this.#timer);
    this.#endsAtMs = endsAtMs;
    this.#draw();
    if (endsAtMs !== null) this.#timer = setInterval(() => this.#draw(), 200);
  }

  #draw() {
    const seconds = Math.ceil(((this.#endsAtMs ?? 0) - Date.now()) / 1000);
    const text = seconds > 0 ? ` in ${seconds} s` : '…';
    if (this.element.textContent !== text) this.element.textContent = text;
  }
}
