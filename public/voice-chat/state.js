/** The page's one state value, derived from what is known. Pure. */

/**
 * @typedef {'idle' | 'connecting' | 'connected' | 'requesting-mic' | 'listening' | 'hearing-you' | 'thinking'
 *   | 'speaking' | 'reconnecting' | 'ended' | 'error'} State
 */

/**
 * @typedef {object} Facts
 * @property {'never' | 'opening' | 'live' | 'retrying' | 'ended' | 'failed'} link
 * @property {number | null} retryAtMs while retrying: Unix time of the next try, null while it is under way
 * @property {'off' | 'requesting' | 'on'} microphone
 * @property {boolean} hearing the user is speaking
 * @property {boolean} answering a turn was handed over and its answer is not complete
 * @property {boolean} playing the answer is being heard
 */

/** @type {Readonly<Facts>} */
export const NOTHING_YET = Object.freeze({
  link: 'never',
  retryAtMs: null,
  microphone: 'off',
  hearing: false,
  answering: false,
  playing: false,
});

/** @type {Record<Exclude<Facts['link'], 'live'>, State>} */
const STATE_WITHOUT_LINK = {
  never: 'idle',
  opening: 'connecting',
  retrying: 'reconnecting',
  ended: 'ended',
  failed: 'error',
};

/** @type {Record<State, string>} */
const WORDS = {
  idle: 'Ready when you are',
  connecting: 'Connecting…',
  connected: 'Connected',
  'requesting-mic': 'Allow the microphone…',
  listening: 'Listening',
  'hearing-you': 'Hearing you',
  thinking: 'Thinking…',
  speaking: 'Speaking',
  reconnecting: 'Reconnecting',
  ended: 'Conversation ended',
  error: 'Something went wrong',
};

/**
 * @param {Facts} facts
 * @returns {State}
 */
export function stateOf({ link, microphone, hearing, answering, playing }) {
  if (link !== 'live') return STATE_WITHOUT_LINK[link];
  if (microphone === 'requesting') return 'requesting-mic';
  if (hearing) return 'hearing-you';
  if (playing) return 'speaking';
  if (answering) return 'thinking';
  return microphone === 'on' ? 'listening' : 'connected';
}

/**
 * Say the state in words.
 * @param {State} state
 */
export function wordsFor(state) {
  return WORDS[state];
}
