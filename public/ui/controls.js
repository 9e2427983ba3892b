import { wordsFor } from '../realtime/state.js';

/** @import { State } from '../realtime/state.js' */

/** States in which there is a session, or one is being made. @type {ReadonlySet<State>} */
const CONNECTED = new Set([
  'connecting',
  'connected',
  'requesting-mic',
  'listening',
  'hearing-you',
  'thinking',
  'speaking',
  'reconnecting',
]);

/** The page's buttons and its status line: a function of the state. */
export class Controls {
  #elements;

  /**
   * @param {object} elements
   * @param {HTMLElement} elements.main
   * @param {HTMLElement} elements.status
   * @param {HTMLButtonElement} elements.connect
   * @param {HTMLButtonElement} elements.record
   * @param {HTMLButtonElement} elements.push
   */
  constructor(elements) {
    this.#elements = elements;
  }

  /**
   * @param {State} state
   * @param {object} also
   * @param {boolean} also.recording
   * @param {boolean} also.pushToTalk
   */
  render(state, { recording, pushToTalk }) {
    const { main, status, connect, record, push } = this.#elements;
    if (main.dataset.state !== state) {
      main.dataset.state = state;
      status.textContent = wordsFor(state);
    }
    const connected = CONNECTED.has(state);
    connect.textContent = connected ? 'Disconnect' : 'Connect';
    connect.classList.toggle('primary', !connected);
    setLabel(record, recording ? 'Stop Recording' : 'Start Recording');
    record.classList.toggle('primary', connected && !recording);
    record.classList.toggle('recording', recording);
    push.hidden = !pushToTalk;
    push.disabled = !recording;
  }
}

/**
 * @param {HTMLButtonElement} button
 * @param {string} label
 */
function setLabel(button, label) {
  if (button.textContent !== label) button.textContent = label;
}
