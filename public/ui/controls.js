import { wordsFor } from '../voice-chat/state.js';
import { Countdown } from './countdown.js';

/** @import { State } from '../voice-chat/state.js' */

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
  #countdown = new Countdown();
  #elements;

  /**
   * @param {object} elements
   * @param {HTMLElement} elements.main
   * @param {HTMLElement} elements.status
   * @param {HTMLButtonElement} elements.connect
   * @param {HTMLButtonElement} elements.record
   * @param {HTMLButtonElement} elements.push
   * @param {HTMLButtonElement} elements.mute the assistant's voice
   */
  constructor(elements) {
    this.#elements = elements;
  }

  /**
   * @param {State} state
   * @param {object} also
   * @param {number | null} also.retryAtMs
   * @param {boolean} also.isRecording
   * @param {boolean} also.isPushToTalk
   * @param {boolean} also.isMuted
   */
  render(state, { retryAtMs, isRecording, isPushToTalk, isMuted }) {
    const { main, status, connect, record, push, mute } = this.#elements;
    if (main.dataset.state !== state) {
      main.dataset.state = state;
      status.textContent = wordsFor(state);
      if (state === 'reconnecting') status.append(this.#countdown.element);
    }
    this.#countdown.show(retryAtMs);
    const isConnected = CONNECTED.has(state);
    setLabel(connect, isConnected ? 'Disconnect' : 'Connect');
    connect.classList.toggle('primary', !isConnected);
    setLabel(record, isRecording ? 'Stop Recording' : 'Start Recording');
    record.classList.toggle('primary', isConnected && !isRecording);
    record.classList.toggle('recording', isRecording);
    push.hidden = !isPushToTalk;
    push.disabled = !isRecording;
    mute.ariaPressed = String(isMuted);
  }
}

/**
 * @param {HTMLButtonElement} button
 * @param {string} label
 */
function setLabel(button, label) {
  const words = button.querySelector('span') ?? button;
  if (words.textContent !== label) words.textContent = label;
}
