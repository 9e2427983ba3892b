import { problem } from '../problems/problems.js';

/** @import { AudioDevice } from '../audio/device.js' */
/** @import { Microphone } from '../audio/microphone.js' */
/** @import { ProblemDisplay } from '../problems/problems.js' */
/** @import { ChatState } from './state.js' */

/** Start and stop the sound device and the microphone, and show why they failed. Knows no DOM. */
export class MicrophoneControl {
  #device;
  #microphone;
  #deviceId;
  #state;
  #problems;

  /**
   * @param {object} options
   * @param {AudioDevice} options.device
   * @param {Microphone} options.microphone
   * @param {() => string} options.deviceId of the chosen microphone, '' for the system's default
   * @param {ChatState} options.state
   * @param {ProblemDisplay} options.problems
   */
  constructor({ device, microphone, deviceId, state, problems }) {
    this.#device = device;
    this.#microphone = microphone;
    this.#deviceId = deviceId;
    this.#state = state;
    this.#problems = problems;
  }

  /**
   * Create or resume the sound device. Call it inside a click. Without one, the user can still type and read.
   * @returns {Promise<boolean>} whether there is one
   */
  async openDevice() {
    try {
      await this.#device.open();
      return true;
    } catch {
      await this.#device.close(); // it is half open; the next click opens another
      return false;
    }
  }

  /**
   * Ask for the microphone and record. Does nothing when it is on or being asked for.
   * @param {Promise<boolean>} opened what `openDevice` returned
   */
  async start(opened) {
    const hasSound = await opened;
    const { context } = this.#device;
    if (!hasSound || !context) {
      this.#problems.show(problem('no-sound'));
      return;
    }
    if (this.#state.facts.microphone !== 'off') return;
    this.#state.update({ microphone: 'requesting' });
    try {
      await this.#microphone.start(context, { deviceId: this.#deviceId() });
    } catch (error) {
      this.#problems.show(problem(String(/** @type {Error} */ (error).cause ?? 'failed')));
    }
    this.#state.update({ microphone: this.#microphone.recording ? 'on' : 'off' });
  }

  async stop() {
    const stopped = this.#microphone.stop();
    this.#state.update({ microphone: 'off' });
    await stopped;
  }

  /** @param {string} cause why the microphone stopped by itself */
  lose(cause) {
    this.#state.update({ microphone: 'off', isUserSpeaking: false });
    this.#problems.show(problem(cause === 'missing' ? 'microphone-lost' : cause));
  }
}
