import { Countdown } from './countdown.js';
import { button, element } from './elements.js';

/** @import { State } from '../voice-chat/state.js' */

/** @type {Record<State, string>} */
const STATUS = {
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

/** States in which there is a session, or one is being opened. @type {ReadonlySet<State>} */
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

/** Show the state in the page's buttons and status line, and report when a button is pressed. */
export class Controls {
  #countdown = new Countdown();
  #main = /** @type {HTMLElement} */ (document.querySelector('main'));
  #status = element('status');
  #connect = button('connect');
  #record = button('record');
  #push = button('push');
  #mute = button('mute');

  /**
   * @param {object} options
   * @param {() => void} options.onConnect connect or disconnect
   * @param {() => void} options.onRecord start or stop recording
   * @param {() => void} options.onMute mute the assistant's voice, or no longer
   */
  constructor({ onConnect, onRecord, onMute }) {
    this.#connect.addEventListener('click', onConnect);
    this.#record.addEventListener('click', onRecord);
    this.#mute.addEventListener('click', onMute);
  }

  /**
   * @param {State} state
   * @param {object} details
   * @param {number | null} details.retryAtMs Unix time of the next try to reconnect
   * @param {boolean} details.isRecording
   * @param {boolean} details.isPushToTalk
   * @param {boolean} details.isMuted
   */
  render(state, { retryAtMs, isRecording, isPushToTalk, isMuted }) {
    if (this.#main.dataset.state !== state) {
      this.#main.dataset.state = state;
      this.#status.textContent = STATUS[state];
      if (state === 'reconnecting') this.#status.append(this.#countdown.element);
    }
    this.#countdown.show(retryAtMs);
    const isConnected = CONNECTED.has(state);
    setLabel(this.#connect, isConnected ? 'Disconnect' : 'Connect');
    this.#connect.classList.toggle('primary', !isConnected);
    setLabel(this.#record, isRecording ? 'Stop Recording' : 'Start Recording');
    this.#record.classList.toggle('primary', isConnected && !isRecording);
    this.#record.classList.toggle('recording', isRecording);
    this.#push.hidden = !isPushToTalk;
    this.#push.disabled = !isRecording;
    this.#mute.ariaPressed = String(isMuted);
  }
}

/**
 * @param {HTMLButtonElement} target
 * @param {string} label
 */
function setLabel(target, label) {
  const words = target.querySelector('span') ?? target;
  if (words.textContent !== label) words.textContent = label;
}
