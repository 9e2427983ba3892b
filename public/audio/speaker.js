import { SAMPLE_RATE_HZ } from './format.js';
import { SpeakerItem } from './speaker-item.js';

/** Longer than any answer. Audio beyond it is dropped. */
const MAX_QUEUED_SAMPLES = 15 * 60 * SAMPLE_RATE_HZ;
/** Time constant of muting, long enough not to click. */
const MUTE_SECONDS = 0.01;
/**
 * Assumed in Firefox, the one browser that reports a baseLatency of 0. Reading outputLatency while sound plays can hang
 * Firefox for good: the page waits for the audio process, and that for the page (seen with 153 on PulseAudio). This is
 * what it reported there.
 */
const FIREFOX_LATENCY_MS = 36;

/**
 * Play the assistant's answers in order, and tell to the millisecond how much of each was heard. Main thread; the queue
 * itself is in the worklet, where nothing on this thread can disturb it.
 */
export class Speaker {
  #onStarted;
  #onPosition;
  #onEnded;
  #onUnderrun;
  /** @type {AudioContext | null} */
  #context = null;
  /** @type {{worklet: AudioWorkletNode, gain: GainNode, analyser: AnalyserNode} | null} */
  #graph = null;
  /** In order of arrival. An item that is over stays, without its audio. @type {Map<string, SpeakerItem>} */
  #items = new Map();
  /** The item being played, by the worklet's last report. @type {string | null} */
  #currentId = null;
  /** Settles each stop that the worklet has not confirmed yet. @type {Map<number, () => void>} */
  #stops = new Map();
  #lastStop = 0;
  #underruns = 0;
  #muted = false;

  /**
   * @param {object} options
   * @param {(itemId: string) => void} options.onStarted its first sample was played
   * @param {(itemId: string, playedMs: number) => void} options.onPosition how much was heard so far; about every 50 ms of sound
   * @param {(itemId: string, playedMs: number) => void} options.onEnded it was played to its end
   * @param {(count: number) => void} options.onUnderrun audio arrived too late; how often so far
   */
  constructor({ onStarted, onPosition, onEnded, onUnderrun }) {
    this.#onStarted = onStarted;
    this.#onPosition = onPosition;
    this.#onEnded = onEnded;
    this.#onUnderrun = onUnderrun;
  }

  /**
   * Play through this context from now on, beginning with what another context has not played.
   * @param {AudioContext} context
   */
  async attach(context) {
    this.#context = context;
    await context.audioWorklet.addModule(new URL('./playback-worklet.js', import.meta.url));
    if (context !== this.#context) return; // it was replaced meanwhile
    this.#detach();
    const worklet = new AudioWorkletNode(context, 'playback', { numberOfInputs: 0, outputChannelCount: [1] });
    worklet.port.onmessage = ({ data }) => this.#onMessage(data);
    const gain = context.createGain();
    gain.gain.value = this.#gainValue;
    const analyser = context.createAnalyser();
    worklet.connect(gain);
    gain.connect(context.destination);
    gain.connect(analyser);
    this.#graph = { worklet, gain, analyser };
    for (const [itemId, item] of this.#items) if (!item.isOver) this.#resend(itemId, item);
  }

  /**
   * Queue audio of an answer. Audio of one that was stopped, or was complete, is dropped.
   * @param {string} itemId
   * @param {Int16Array} pcm 24 kHz mono; kept until it is played, so do not change it
   */
  play(itemId, pcm) {
    const item = this.#items.get(itemId) ?? new SpeakerItem();
    this.#items.set(itemId, item);
    if (!item.isArriving || this.#queuedSamples + pcm.length > MAX_QUEUED_SAMPLES) return;
    item.push(pcm);
    this.#postChunk(itemId, pcm);
  }

  /**
   * All audio of an answer has arrived: it need not be buffered any longer before it is played.
   * @param {string} itemId
   */
  end(itemId) {
    const item = this.#items.get(itemId);
    if (!item?.isArriving) return;
    item.complete();
    this.#post({ type: 'end', itemId });
  }

  /**
   * Stop: fade out within 8 ms, empty the queue, and drop what still arrives of these answers.
   * @returns {Promise<{itemId: string | null, playedMs: number}>} the answer that was being heard, and how much of it: an
   *   integer, with the output's latency subtracted; null and 0 when none was
   */
  async stop() {
    for (const item of this.#items.values()) item.stop();
    await this.#stopWorklet();
    const latencyMs = this.#latencyMs;
    for (const item of this.#items.values()) item.settle(latencyMs);
    const itemId = this.#currentId;
    this.#currentId = null;
    const playedMs = itemId === null ? 0 : Math.floor(this.heardMs(itemId));
    return playedMs > 0 ? { itemId, playedMs } : { itemId: null, playedMs: 0 };
  }

  /**
   * @param {string} itemId
   * @returns {number} ms of the answer that have been heard, by the worklet's last report
   */
  heardMs(itemId) {
    return this.#items.get(itemId)?.heardMs(this.#latencyMs) ?? 0;
  }

  /** Whether sound is being played or waits to be. */
  get playing() {
    return [...this.#items.values()].some(({ isPlaying }) => isPlaying);
  }

  get muted() {
    return this.#muted;
  }

  set muted(muted) {
    this.#muted = muted;
    if (!this.#graph || !this.#context) return;
    this.#graph.gain.gain.setTargetAtTime(this.#gainValue, this.#context.currentTime, MUTE_SECONDS);
  }

  /** @returns {AnalyserNode | null} of what is heard, null before `attach` */
  get analyser() {
    return this.#graph?.analyser ?? null;
  }

  get #gainValue() {
    return this.#muted ? 0 : 1;
  }

  get #queuedSamples() {
    let samples = 0;
    for (const { queuedSamples } of this.#items.values()) samples += queuedSamples;
    return samples;
  }

  /** How long sound takes from the worklet to the ear. WebKit has no outputLatency; Chromium's is 0 until it has measured it. */
  get #latencyMs() {
    const context = this.#context;
    if (!context) return 0;
    if (context.baseLatency === 0) return FIREFOX_LATENCY_MS;
    return 1000 * Math.max(context.outputLatency || 0, context.baseLatency);
  }

  /** @param {object} message */
  #post(message) {
    this.#graph?.worklet.port.postMessage(message);
  }

  /**
   * @param {string} itemId
   * @param {Int16Array} pcm copied here, so that the audio thread need not do it
   */
  #postChunk(itemId, pcm) {
    const copy = pcm.slice();
    this.#graph?.worklet.port.postMessage({ type: 'chunk', itemId, pcm: copy }, [copy.buffer]);
  }

  /** @param {any} message as playback-worklet.js describes it */
  #onMessage(message) {
    if (message.type === 'started') this.#onItemStarted(message.itemId);
    else if (message.type === 'position') this.#onItemPosition(message.itemId, message.played);
    else if (message.type === 'ended') this.#onItemEnded(message.itemId);
    else if (message.type === 'underrun') this.#onUnderrun(++this.#underruns);
    else if (message.type === 'stopped') this.#onStopped(message);
  }

  /** @param {string} itemId */
  #onItemStarted(itemId) {
    this.#currentId = itemId;
    if (this.#item(itemId).start()) this.#onStarted(itemId);
  }

  /**
   * @param {string} itemId
   * @param {number} played
   */
  #onItemPosition(itemId, played) {
    this.#item(itemId).setPlayed(played);
    this.#onPosition(itemId, this.heardMs(itemId));
  }

  /** @param {string} itemId */
  #onItemEnded(itemId) {
    const item = this.#item(itemId);
    item.finish();
    if (this.#currentId === itemId) this.#currentId = null;
    this.#onEnded(itemId, item.heardMs(0));
  }

  /** @param {{id: number, itemId: string | null, played: number}} message */
  #onStopped({ id, itemId, played }) {
    const settle = this.#stops.get(id);
    if (!settle) return; // it was settled by the worklet's last report
    if (itemId !== null) this.#item(itemId).setPlayed(played);
    this.#currentId = itemId;
    settle();
  }

  /** @param {string} itemId of an answer that the worklet was given */
  #item(itemId) {
    return /** @type {SpeakerItem} */ (this.#items.get(itemId));
  }

  /** @returns {Promise<void>} resolves when the worklet has reported where it stopped; at once when it cannot */
  #stopWorklet() {
    const id = ++this.#lastStop;
    const { promise, resolve } = /** @type {PromiseWithResolvers<void>} */ (Promise.withResolvers());
    this.#post({ type: 'stop', id });
    if (this.#graph && this.#context?.state === 'running') this.#stops.set(id, resolve);
    else resolve();
    return promise.finally(() => this.#stops.delete(id));
  }

  #detach() {
    if (!this.#graph) return;
    const { worklet, gain } = this.#graph;
    this.#graph = null;
    worklet.port.onmessage = null;
    worklet.port.postMessage({ type: 'close' });
    gain.disconnect();
    for (const settle of this.#stops.values()) settle();
  }

  /**
   * Give a new worklet what is left of an answer.
   * @param {string} itemId
   * @param {SpeakerItem} item
   */
  #resend(itemId, item) {
    const { chunks, isComplete } = item.resume();
    for (const pcm of chunks) this.#postChunk(itemId, pcm);
    if (isComplete) this.#post({ type: 'end', itemId });
  }
}
