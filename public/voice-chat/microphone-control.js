import { problem } from '../problems/problems.js';

/** @import { AudioDevice } from '../audio/device.js' */
/** @import { Microphone } from '../audio/microphone.js' */
/** @import { Problem } from '../problems/problems.js' */
/** @import { Facts } from './state.js' */
/** @import { Settings } from '../store/settings.js' */

/** The sound device and the microphone of a talk, and what can be wrong with them. Knows no DOM. */
export class MicrophoneControl {
  /** @type {Facts['microphone']} */ #state = 'off';
  #device;
  #microphone;
  #settings;
  #onState;
  #onProblem;

  /**
   * @param {object} parts
   * @param {AudioDevice} parts.device
   * @param {Microphone} parts.microphone
   * @param {Settings} parts.settings
   * @param {(state: Facts['microphone']) => void} parts.onState
   * @param {(problem: Problem) => void} parts.onProblem
   */
  constructor({ device, microphone, settings, onState, onProblem }) {
    this.#device = device;
    this.#microphone = microphone;
    this.#settings = settings;
    this.#onState = onState;
    this.#onProblem = onProblem;
  }

  get isOn() {
    return this.#state === 'on';
  }

  /**
   * Make or wake the sound device. Call it inside a click. Without one, text still works.
   * @returns {Promise<boolean>} whether there is one
   */
  async openDevice() {
    try {
      await this.#device.open();
      return true;
    } catch {
      await this.#device.close(); // half made; the next click makes it anew
      return false;
    }
  }

  /**
   * Ask for the microphone and record.
   * @param {Promise<boolean>} opened by `openDevice`
   */
  async start(opened) {
    const hasSound = await opened;
    const { context } = this.#device;
    if (!hasSound || !context) {
      this.#onProblem(problem('no-sound'));
      return;
    }
    if (this.#state !== 'off') return;
    this.#know('requesting');
    try {
      await this.#microphone.start(context, { deviceId: this.#settings.values.microphone });
    } catch (error) {
      this.#onProblem(problem(String(/** @type {Error} */ (error).cause ?? 'failed')));
    }
    this.#know(this.#microphone.recording ? 'on' : 'off');
  }

  async stop() {
    await this.#microphone.stop();
    this.#know('off');
  }

  /** @param {string} cause why the microphone ended by itself */
  lose(cause) {
    this.#know('off');
    this.#onProblem(problem(cause === 'missing' ? 'microphone-lost' : cause));
  }

  /** @param {Facts['microphone']} state */
  #know(state) {
    this.#state = state;
    this.#onState(state);
  }
}
