/** The turns of a conversation and their order. Pure. */

/**
 * @typedef {object} Turn
 * @property {string} id
 * @property {number} rank place in the conversation: a later turn has a higher one
 * @property {'user' | 'assistant' | 'note'} role note: the page's own, such as a divider
 * @property {string} text
 * @property {'awaited' | 'streaming' | 'complete' | 'interrupted' | 'failed'} status
 * @property {boolean} spoken has sound: its text counts as said only once heard
 * @property {number} audioMs sound received
 * @property {boolean} audioComplete
 * @property {number} heardMs
 * @property {number} startedAt Unix ms
 * @property {number} [delayMs] end of the user's speech to the first sound heard
 */

/** Speech is hardly faster than this; it bounds the guess at what was said while the rest of the sound is to come. */
const MS_PER_CHARACTER = 55;

/** Sums of milliseconds are not exact. */
const TOLERANCE_MS = 1;

const LONGEST_WORD_CHARACTERS = 40;

/**
 * How much of a turn's text has been heard, in characters, to the end of the word.
 * @param {Turn} turn
 */
export function heardCharacters({ text, status, spoken, audioMs, audioComplete, heardMs }) {
  if (!spoken || status === 'interrupted' || (audioComplete && heardMs + TOLERANCE_MS >= audioMs))
    return text.length;
  if (heardMs <= 0 || audioMs <= 0) return 0;
  const proportional = (text.length * Math.min(heardMs, audioMs)) / audioMs;
  const estimate = Math.floor(
    audioComplete ? proportional : Math.min(proportional, heardMs / MS_PER_CHARACTER),
  );
  const toWordEnd = text.slice(estimate, estimate + LONGEST_WORD_CHARACTERS).search(/\s|$/);
  return estimate + Math.max(0, toWordEnd);
}

/**
 * True for an answer of which something is still to come or to be heard.
 * @param {Turn} turn
 */
export function isUnfinishedAnswer({ role, status, spoken, audioMs, heardMs }) {
  return (
    role === 'assistant' &&
    (status === 'streaming' || (status === 'complete' && spoken && heardMs + TOLERANCE_MS < audioMs))
  );
}

/** Turns in order, found by id. A turn that follows one not yet known waits for it at the end. */
export class TurnList {
  /** @type {Turn[]} */ #ordered = [];
  /** @type {Map<string, Turn>} */ #byId = new Map();
  /** Followers of turns not yet known, by those turns' ids. @type {Map<string, Turn>} */ #waiting =
    new Map();

  /** @returns {readonly Turn[]} */
  get ordered() {
    return this.#ordered;
  }

  /** @param {string} id */
  get(id) {
    return this.#byId.get(id);
  }

  /**
   * Add a turn at the end.
   * @param {Turn} turn
   * @returns {Turn | undefined} the turn that waited for it and has now moved behind it
   */
  append(turn) {
    turn.rank = (this.#ordered.at(-1)?.rank ?? 0) + 1;
    this.#byId.set(turn.id, turn);
    this.#ordered.push(turn);
    const follower = this.#waiting.get(turn.id);
    this.#waiting.delete(turn.id);
    if (follower) this.placeAfter(turn.id, follower);
    return follower;
  }

  /**
   * Put turns before all others.
   * @param {Turn[]} turns in order
   */
  prepend(turns) {
    const first = this.#ordered[0]?.rank ?? turns.length + 1;
    turns.forEach((turn, index) => {
      turn.rank = first - turns.length + index;
      this.#byId.set(turn.id, turn);
    });
    this.#ordered.unshift(...turns);
  }

  /**
   * Put a turn right behind another, and behind notes that already stand there.
   * @param {string} previousId
   * @param {Turn} turn
   */
  placeAfter(previousId, turn) {
    const previous = this.#byId.get(previousId);
    if (previous === turn) return;
    if (!previous) {
      this.#waiting.set(previousId, turn);
      return;
    }
    const others = this.#ordered.filter((other) => other !== turn);
    let index = others.lastIndexOf(previous) + 1;
    while (others[index]?.role === 'note') index += 1;
    if (this.#ordered[index] === turn) return;
    const before = others[index - 1]?.rank ?? 0;
    turn.rank = (before + (others[index]?.rank ?? before + 2)) / 2;
    this.#ordered = others.toSpliced(index, 0, turn);
  }

  /** @param {Turn} turn */
  remove(turn) {
    this.#byId.delete(turn.id);
    this.#ordered = this.#ordered.filter((other) => other !== turn);
  }
}
