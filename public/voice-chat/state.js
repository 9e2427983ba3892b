/** The one state value that the page shows, derived from facts. Knows no DOM. */

/**
 * @typedef {'idle' | 'connecting' | 'connected' | 'requesting-mic' | 'listening' | 'hearing-you' | 'thinking'
 *   | 'speaking' | 'reconnecting' | 'ended' | 'error'} State
 */

/**
 * @typedef {object} Facts
 * @property {'never' | 'opening' | 'live' | 'retrying' | 'ended' | 'failed'} session
 * @property {number | null} retryAtMs while retrying: Unix time of the next try; null while that try runs
 * @property {'off' | 'requesting' | 'on'} microphone
 * @property {boolean} isUserSpeaking
 * @property {boolean} isAnswerDue the user's turn is over and its answer is not complete
 * @property {boolean} isAnswerPlaying
 */

/** @type {Readonly<Facts>} */
export const INITIAL_FACTS = Object.freeze({
  session: 'never',
  retryAtMs: null,
  microphone: 'off',
  isUserSpeaking: false,
  isAnswerDue: false,
  isAnswerPlaying: false,
});

/** @type {Record<Exclude<Facts['session'], 'live'>, State>} */
const STATE_WITHOUT_SESSION = {
  never: 'idle',
  opening: 'connecting',
  retrying: 'reconnecting',
  ended: 'ended',
  failed: 'error',
};

/**
 * @param {Facts} facts
 * @returns {State}
 */
export function stateOf({ session, microphone, isUserSpeaking, isAnswerDue, isAnswerPlaying }) {
  if (session !== 'live') return STATE_WITHOUT_SESSION[session];
  if (microphone === 'requesting') return 'requesting-mic';
  if (isUserSpeaking) return 'hearing-you';
  if (isAnswerPlaying) return 'speaking';
  if (isAnswerDue) return 'thinking';
  return microphone === 'on' ? 'listening' : 'connected';
}

/** Hold the facts of a voice chat and report each change. */
export class ChatState {
  /** @type {Readonly<Facts>} */ #facts = INITIAL_FACTS;
  #onChange;

  /** @param {() => void} onChange */
  constructor(onChange) {
    this.#onChange = onChange;
  }

  get facts() {
    return this.#facts;
  }

  /** @param {Partial<Facts>} changes */
  update(changes) {
    this.#facts = { ...this.#facts, ...changes };
    this.#onChange();
  }

  /**
   * Set every fact back, except for the session.
   * @param {Facts['session']} session
   */
  reset(session) {
    this.update({ ...INITIAL_FACTS, session });
  }
}
