/** The turns of a conversation in their order. Pure. */

/**
 * @typedef {object} Turn
 * @property {string} id
 * @property {number} rank orders the turns: a later turn has a higher rank
 * @property {'user' | 'assistant' | 'note'} role note: added by the page, such as a divider
 * @property {string} text
 * @property {'awaited' | 'streaming' | 'complete' | 'interrupted' | 'failed'} status awaited: the user's, whose transcript is
 *   still to come; failed: no transcript came
 * @property {boolean} spoken the turn has audio: its text counts as said only once that was heard
 * @property {number} audioMs audio received so far
 * @property {boolean} audioComplete
 * @property {number} heardMs
 * @property {number} startedAt Unix ms
 * @property {number} [delayMs] from the end of the user's speech to the first sound of this answer
 */

/** What each role is called, wherever people read a conversation. */
export const SPEAKERS = Object.freeze({ user: 'You', assistant: 'Assistant', note: 'Note' });

/** Speech is hardly ever faster than this. It limits the estimate of what was heard while more audio is to come. */
const MS_PER_CHARACTER = 55;

/** Sums of fractional milliseconds are not exact. */
const TOLERANCE_MS = 1;

const LONGEST_WORD_CHARACTERS = 40;

/**
 * Estimate how many characters of a turn's text have been heard, up to the end of a word.
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
 * Whether a turn is an answer of which something is still to arrive or to be heard.
 * @param {Turn} turn
 */
export function isUnfinishedAnswer({ role, status, spoken, audioMs, heardMs }) {
  return (
    role === 'assistant' &&
    (status === 'streaming' || (status === 'complete' && spoken && heardMs + TOLERANCE_MS < audioMs))
  );
}

/** Hold turns in order. A turn that follows one not yet known stays at the end until that one arrives. */
export class TurnList {
  /** @type {Turn[]} */ #ordered = [];
  /** @type {Map<string, Turn>} */ #byId = new Map();
  /** Turns that follow one not yet known, by the id of that one. @type {Map<string, Turn>} */ #waiting =
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
   * @returns {Turn | undefined} a turn that follows it and was moved behind it
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
   * Add turns before all others.
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
   * Put a turn right behind another, and behind the notes that follow that one.
   * @param {string} previousId of that other turn, which may not be known yet
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
