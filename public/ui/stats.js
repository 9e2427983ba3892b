const NOTHING = '–';
const EXACT_TOKENS = 10_000;
const SHORT = new Intl.NumberFormat('en', { notation: 'compact', maximumSignificantDigits: 3 });

/** @param {number} ms */
function timeLeft(ms) {
  const seconds = Math.max(0, Math.round(ms / 1000));
  if (seconds >= 120) return `${Math.floor(seconds / 60)} min`;
  return `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, '0')}`;
}

/** Show the figures of the conversation: reply delay, time left, cost. Each is a button. */
export class Stats {
  /** Unix ms. @type {number | null} */ #endsAt = null;
  #isPriced = true;
  #root;

  /**
   * @param {HTMLElement} root
   * @param {() => void} onPress one of the figures was pressed
   */
  constructor(root, onPress) {
    this.#root = root;
    for (const stat of root.querySelectorAll('.stat')) stat.addEventListener('click', onPress);
    setInterval(() => this.#showTime(), 1000);
  }

  /** @param {{ totalMs: number } | undefined} timing of the last turn */
  showDelay(timing) {
    this.#set('delay', timing ? `${(timing.totalMs / 1000).toFixed(2)} s` : NOTHING);
  }

  /** @param {number | null} endsAt Unix ms at which the session ends; null without a session */
  showEnd(endsAt) {
    this.#endsAt = endsAt;
    this.#showTime();
  }

  /** Show tokens but no price: the simulator costs nothing. */
  omitPrice() {
    this.#isPriced = false;
    this.#set('tokens', 'tokens');
  }

  /** @param {{ tokens: number, costUsd: number }} usage */
  showUsage({ tokens, costUsd }) {
    const count = tokens < EXACT_TOKENS ? tokens.toLocaleString('en') : SHORT.format(tokens);
    const price = this.#isPriced ? `≈ $${costUsd.toFixed(costUsd < 0.1 ? 3 : 2)}` : count;
    this.#set('cost', tokens ? price : NOTHING);
    if (this.#isPriced) this.#set('tokens', `estimated, ${count} tokens`);
  }

  #showTime() {
    const left = (this.#endsAt ?? Number.POSITIVE_INFINITY) - Date.now();
    this.#set('time', Number.isFinite(left) ? timeLeft(left) : NOTHING);
  }

  /**
   * @param {string} name
   * @param {string} text
   */
  #set(name, text) {
    const value = /** @type {HTMLElement} */ (this.#root.querySelector(`[data-value="${name}"]`));
    if (value.textContent !== text) value.textContent = text;
  }
}
