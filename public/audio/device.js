/** The clock of a running context moves with every render quantum (about 3 ms). Even a busy machine does not take this long. */
const FROZEN_CLOCK_MS = 500;

/** @typedef {'closed' | 'running' | 'blocked' | 'interrupted'} DeviceState blocked: until a click; interrupted: by a phone call, for example */

/**
 * Own the AudioContext that microphone and speaker share, at the device's own rate. Main thread.
 *
 * A context that has stopped working is replaced. After an interruption, iOS leaves contexts "running" with a frozen
 * clock. When a Bluetooth headset changes the device's rate, the context keeps the old one.
 */
export class AudioDevice {
  #onContext;
  #onState;
  #createContext;
  #navigator;
  #document;
  /** @type {AudioContext | null} */
  #context = null;
  /** @type {DeviceState} */
  #state = 'closed';
  #outputId = '';
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #frozenTimer;

  /**
   * @param {object} options
   * @param {(context: AudioContext) => unknown} options.onContext called with the first context, and with each that
   *   replaces it, to attach speaker and microphone. `open` awaits its promise.
   * @param {(state: DeviceState) => void} options.onState
   * @param {() => AudioContext} [options.createContext]
   * @param {Navigator} [options.navigator]
   * @param {Document} [options.document]
   */
  constructor({
    onContext,
    onState,
    createContext = () => new AudioContext({ latencyHint: 'interactive' }),
    navigator = globalThis.navigator,
    document = globalThis.document,
  }) {
    this.#onContext = onContext;
    this.#onState = onState;
    this.#createContext = createContext;
    this.#navigator = navigator;
    this.#document = document;
  }

  get context() {
    return this.#context;
  }

  get state() {
    return this.#state;
  }

  /** Whether `chooseOutput` can do anything in this browser. */
  get canChooseOutput() {
    return 'setSinkId' in (globalThis.AudioContext?.prototype ?? {});
  }

  /**
   * Create the context, or resume the one there is. Call it inside a click. Resolves when `onContext` has; `onState`
   * reports whether sound can be heard.
   */
  async open() {
    if (this.#context) {
      this.#resume();
      return;
    }
    // With this type, iOS plays at full volume while the microphone is on.
    const { audioSession } = /** @type {{audioSession?: {type: string}}} */ (
      /** @type {unknown} */ (this.#navigator)
    );
    if (audioSession) audioSession.type = 'play-and-record';
    this.#navigator.mediaDevices?.addEventListener('devicechange', this.#onDeviceChange);
    this.#document.addEventListener('visibilitychange', this.#onVisibility);
    await this.#use(this.#createContext());
  }

  /** @returns {Promise<{deviceId: string, label: string}[]>} outputs to choose from; empty where the browser offers no choice */
  async outputs() {
    if (!this.canChooseOutput || !this.#navigator.mediaDevices) return [];
    const devices = await this.#navigator.mediaDevices.enumerateDevices();
    return devices
      .filter(({ kind, deviceId }) => kind === 'audiooutput' && deviceId !== '')
      .map(({ deviceId, label }) => ({ deviceId, label }));
  }

  /**
   * @param {string} deviceId '' for the system's default
   * @throws {DOMException} when there is no such output
   */
  async chooseOutput(deviceId) {
    this.#outputId = deviceId === 'default' ? '' : deviceId;
    if (this.#context) await this.#applyOutput(this.#context);
  }

  async close() {
    clearTimeout(this.#frozenTimer);
    this.#navigator.mediaDevices?.removeEventListener('devicechange', this.#onDeviceChange);
    this.#document.removeEventListener('visibilitychange', this.#onVisibility);
    const context = this.#context;
    this.#context = null;
    this.#report();
    await context?.close();
  }

  /** @param {AudioContext} context replaces the one in use */
  async #use(context) {
    const former = this.#context;
    this.#context = context;
    context.onstatechange = () => this.#onContextState(context);
    this.#resume();
    this.#report();
    await this.#onContext(context);
    if (this.#outputId) {
      await this.#applyOutput(context).catch(() => {
        this.#outputId = ''; // it was chosen earlier and is not plugged in now: use the default
      });
    }
    await former?.close();
  }

  /** @param {AudioContext} context */
  async #applyOutput(context) {
    const { setSinkId } = /** @type {{setSinkId?: (id: string) => Promise<void>}} */ (context);
    await setSinkId?.call(context, this.#outputId);
  }

  /** Resume the context. Nothing awaits the promise, which stays pending until a click; `onstatechange` reports the result. */
  #resume() {
    if (this.#context?.state === 'suspended') this.#context.resume().catch(() => this.#report());
  }

  /** @param {AudioContext} context */
  #onContextState(context) {
    if (context !== this.#context) return;
    const wasInterrupted = this.#state === 'interrupted';
    this.#report();
    if (!wasInterrupted) return;
    // In WebKit, resume() fails for good during an interruption. After it, the context is suspended or claims to run.
    this.#resume();
    this.#watchClock();
  }

  #onVisibility = () => {
    if (this.#document.visibilityState !== 'visible') return;
    this.#resume();
    this.#watchClock();
  };

  /** Replace the context if its state is 'running' although its clock does not move. */
  #watchClock() {
    clearTimeout(this.#frozenTimer);
    const context = this.#context;
    if (!context) return;
    const { currentTime } = context;
    this.#frozenTimer = setTimeout(() => {
      if (context !== this.#context) return;
      if (context.state === 'running' && context.currentTime === currentTime)
        this.#use(this.#createContext());
    }, FROZEN_CLOCK_MS);
  }

  #onDeviceChange = async () => {
    const context = this.#context;
    if (!context) return;
    if (this.#outputId && !(await this.outputs()).some(({ deviceId }) => deviceId === this.#outputId)) {
      await this.chooseOutput('');
    }
    if (context !== this.#context) return;
    const probe = this.#createContext(); // only a new context reports the device's present rate
    if (probe.sampleRate === context.sampleRate) await probe.close();
    else await this.#use(probe);
  };

  #report() {
    const state = stateOf(this.#context);
    if (state === this.#state) return;
    this.#state = state;
    this.#onState(state);
  }
}

/**
 * @param {AudioContext | null} context
 * @returns {DeviceState}
 */
function stateOf(context) {
  const state = /** @type {string | undefined} */ (context?.state);
  if (state === undefined || state === 'closed') return 'closed';
  if (state === 'running' || state === 'interrupted') return state;
  return 'blocked';
}
