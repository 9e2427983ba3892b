import { WakeLock } from './wake-lock.js';

/** @typedef {'denied' | 'missing' | 'in-use' | 'insecure' | 'failed'} MicrophoneCause */
/** @typedef {{pcm: Int16Array, rms: number}} MicrophoneFrame 40 ms: 960 samples at 24 kHz; rms 0..1 of full scale */

/** @type {Record<string, MicrophoneCause>} by the names of getUserMedia's exceptions */
const CAUSES = {
  NotAllowedError: 'denied',
  SecurityError: 'denied',
  NotFoundError: 'missing',
  OverconstrainedError: 'missing',
  NotReadableError: 'in-use',
  AbortError: 'in-use',
};

/** The microphone cannot be used; `cause` says why. */
export class MicrophoneError extends Error {
  name = 'MicrophoneError';

  /**
   * @param {MicrophoneCause} cause
   * @param {string} [detail] the browser's own words, for a report
   */
  constructor(cause, detail) {
    super(detail ? `Microphone ${cause}: ${detail}` : `Microphone ${cause}`);
    /** @type {MicrophoneCause} */
    this.cause = cause;
  }
}

/**
 * Own the microphone: its permission, its stream, and the worklet that cuts it into frames. Main thread; knows no DOM and
 * no websocket.
 *
 * When the device is unplugged, or the system's default changes, the recording goes on with another device.
 */
export class Microphone {
  #onFrame;
  #onLost;
  #onChange;
  #navigator;
  #wakeLock;
  /** @type {AudioContext | null} */
  #context = null;
  /** @type {MediaStream | null} */
  #stream = null;
  /** @type {{source: MediaStreamAudioSourceNode, worklet: AudioWorkletNode, analyser: AnalyserNode} | null} */
  #graph = null;
  #deviceId = '';
  /** Identifies the present recording. Code that finds it changed after an await does nothing more. */
  #recording = /** @type {object | null} */ (null);
  #isReopening = false;

  /**
   * @param {object} options
   * @param {(frame: MicrophoneFrame) => void} options.onFrame called every 40 ms while there is sound
   * @param {(cause: MicrophoneCause) => void} options.onLost the recording ended by itself
   * @param {(label: string) => void} options.onChange another device took over
   * @param {Navigator} [options.navigator]
   * @param {WakeLock} [options.wakeLock] held while recording
   */
  constructor({ onFrame, onLost, onChange, navigator = globalThis.navigator, wakeLock = new WakeLock() }) {
    this.#onFrame = onFrame;
    this.#onLost = onLost;
    this.#onChange = onChange;
    this.#navigator = navigator;
    this.#wakeLock = wakeLock;
  }

  /** @returns {Promise<{deviceId: string, label: string}[]>} microphones to choose from; empty before permission is given */
  static async list() {
    const devices = (await navigator.mediaDevices?.enumerateDevices()) ?? [];
    return devices
      .filter(({ kind, deviceId }) => kind === 'audioinput' && deviceId !== '')
      .map(({ deviceId, label }) => ({ deviceId, label }));
  }

  get recording() {
    return this.#recording !== null;
  }

  /** The device's name, '' when not recording. */
  get label() {
    return this.#track?.label ?? '';
  }

  /** @returns {AnalyserNode | null} of what the microphone hears, null when not recording */
  get analyser() {
    return this.#graph?.analyser ?? null;
  }

  get #track() {
    return this.#stream?.getAudioTracks()[0] ?? null;
  }

  /**
   * Ask for the microphone and deliver frames until `stop`. While recording, change the device.
   * @param {AudioContext} context
   * @param {{deviceId?: string}} [options] the system's default when there is no such device
   * @throws {MicrophoneError}
   */
  async start(context, { deviceId = '' } = {}) {
    const recording = {};
    this.#recording = recording;
    this.#context = context;
    this.#deviceId = deviceId;
    try {
      const stream = await this.#request();
      if (recording !== this.#recording) {
        stopTracks(stream);
        return;
      }
      await this.#use(stream);
    } catch (error) {
      if (recording === this.#recording) await this.stop();
      throw error;
    }
    if (recording !== this.#recording) return; // meanwhile it was stopped, or started again
    this.#navigator.mediaDevices.addEventListener('devicechange', this.#onDeviceChange);
    await this.#wakeLock.hold();
  }

  /** Stop delivering frames and release the device, whose light goes off. */
  async stop() {
    this.#recording = null;
    this.#navigator.mediaDevices?.removeEventListener('devicechange', this.#onDeviceChange);
    this.#disconnect();
    if (this.#stream) stopTracks(this.#stream);
    this.#stream = null;
    await this.#wakeLock.release();
  }

  /**
   * Go on recording in another context.
   * @param {AudioContext} context
   */
  async attach(context) {
    this.#context = context;
    if (this.#stream) await this.#connect(this.#stream);
  }

  /**
   * @returns {Promise<MediaStream>}
   * @throws {MicrophoneError}
   */
  async #request() {
    if (!this.#navigator.mediaDevices) throw new MicrophoneError('insecure'); // only secure pages have mediaDevices
    try {
      return await this.#navigator.mediaDevices.getUserMedia({
        audio: {
          ...(this.#deviceId && { deviceId: { ideal: this.#deviceId } }),
          channelCount: { ideal: 1 },
          echoCancellation: true,
          noiseSuppression: true,
          autoGainControl: true,
        },
      });
    } catch (error) {
      const { name, message } = /** @type {Error} */ (error);
      throw new MicrophoneError(CAUSES[name] ?? 'failed', `${name}: ${message}`);
    }
  }

  /** @param {MediaStream} stream takes the place of the one in use */
  async #use(stream) {
    const former = this.#stream;
    this.#stream = stream;
    const track = stream.getAudioTracks()[0];
    track?.addEventListener('ended', () => {
      if (stream === this.#stream) this.#reopen();
    });
    await this.#connect(stream);
    if (former) stopTracks(former);
  }

  /** @param {MediaStream} stream */
  async #connect(stream) {
    const context = /** @type {AudioContext} */ (this.#context);
    await context.audioWorklet.addModule(new URL('./capture-worklet.js', import.meta.url));
    if (stream !== this.#stream || context !== this.#context) return; // meanwhile it was replaced or stopped
    this.#disconnect();
    const source = context.createMediaStreamSource(stream);
    const worklet = new AudioWorkletNode(context, 'capture', {
      numberOfOutputs: 0,
      channelCount: 1,
      channelCountMode: 'explicit',
    });
    worklet.port.onmessage = ({ data }) => this.#onFrame(data);
    const analyser = context.createAnalyser();
    source.connect(worklet);
    source.connect(analyser);
    this.#graph = { source, worklet, analyser };
  }

  #disconnect() {
    if (!this.#graph) return;
    const { source, worklet } = this.#graph;
    this.#graph = null;
    source.disconnect();
    worklet.port.onmessage = null;
    worklet.port.postMessage('close');
  }

  /** Ask for the microphone again, because the device is gone or the preferred one is back. */
  async #reopen() {
    if (this.#isReopening) return;
    this.#isReopening = true;
    const recording = this.#recording;
    try {
      const stream = await this.#request();
      if (recording !== this.#recording) stopTracks(stream);
      else {
        await this.#use(stream);
        this.#onChange(this.label);
      }
    } catch (error) {
      if (recording !== this.#recording) return;
      await this.stop();
      this.#onLost(error instanceof MicrophoneError ? error.cause : 'failed');
    } finally {
      this.#isReopening = false;
    }
  }

  /** Change to the chosen device when it is back; without a choice, to the system's new default. */
  #onDeviceChange = async () => {
    const devices = await this.#navigator.mediaDevices.enumerateDevices();
    const track = this.#track;
    if (!track || track.readyState === 'ended') return; // the track's 'ended' event deals with that
    const wanted = devices.find(
      ({ kind, deviceId }) => kind === 'audioinput' && deviceId === (this.#deviceId || 'default'),
    );
    const used = track.getSettings();
    if (wanted && (wanted.groupId !== used.groupId || (this.#deviceId && used.deviceId !== this.#deviceId))) {
      await this.#reopen();
    }
  };
}

/** @param {MediaStream} stream */
function stopTracks(stream) {
  for (const track of stream.getTracks()) track.stop();
}
