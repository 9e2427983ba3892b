import { SAMPLE_RATE_HZ, samplesToMs } from './format.js';

/** More than any answer lasts; what comes beyond is dropped. */
const MAX_QUEUED_SAMPLES = 15 * 60 * SAMPLE_RATE_HZ;
/** Time constant of a change of volume: no click. */
const VOLUME_SECONDS = 0.01;
/**
 * Firefox, alone in telling a baseLatency of 0, can hang for good when outputLatency is read while sound plays: the page
 * then waits for the audio process, and that for the page (seen with 153 on PulseAudio). So what it told there is assumed.
 */
const FIREFOX_LATENCY_MS = 36;

/**
 * @typedef {object} SpeakerItem counts in samples at 24 kHz
 * @property {'arriving' | 'complete' | 'stopped' | 'played'} phase
 * @property {Int16Array[]} chunks not yet wholly played; kept so that another context can go on with them
 * @property {number} released samples before the first of `chunks`
 * @property {number} received
 * @property {number} played left the worklet, as far as told
 * @property {number} attachedAt `played` when the worklet in use took over
 * @property {boolean} started
 * @property {number | null} heardMs fixed once it is over
 */

/**
 * Play the assistant's items in order and know to the millisecond what was heard. Main thread; the queue itself, which
 * nothing on this thread can disturb, is in the worklet.
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
  /** @type {Map<string, SpeakerItem>} in order of arrival; an item that is done stays, without audio */
  #items = new Map();
  /** @type {string | null} the item being played, as far as told */
  #currentId = null;
  /** @type {Map<number, () => void>} what to do if the worklet does not answer a stop any more */
  #stops = new Map();
  #lastStop = 0;
  #underruns = 0;
  #volume = 1;
  #muted = false;

  /**
   * @param {object} options
   * @param {(itemId: string) => void} options.onStarted the first sample left for the loudspeaker
   * @param {(itemId: string, playedMs: number) => void} options.onPosition heard so far, about every 50 ms of sound
   * @param {(itemId: string, playedMs: number) => void} options.onEnded played to its end
   * @param {(count: number) => void} options.onUnderrun audio came too late, for the count-th time
   */
  constructor({ onStarted, onPosition, onEnded, onUnderrun }) {
    this.#onStarted = onStarted;
    this.#onPosition = onPosition;
    this.#onEnded = onEnded;
    this.#onUnderrun = onUnderrun;
  }

  /**
   * Play through a context from now on. What is queued, or was half played through another, goes on here.
   * @param {AudioContext} context
   */
  async attach(context) {
    this.#context = context;
    await context.audioWorklet.addModule(new URL('./playback-worklet.js', import.meta.url));
    if (context !== this.#context) return; // replaced meanwhile
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
    for (const [itemId, item] of this.#items) this.#resend(itemId, item);
  }

  /**
   * Queue audio of an item. Ignored once the item is stopped or ended.
   *
   * @param {string} itemId
   * @param {Int16Array} pcm 24 kHz mono; kept until it is played, so do not change it
   */
  play(itemId, pcm) {
    const item = this.#items.get(itemId) ?? newItem();
    this.#items.set(itemId, item);
    if (item.phase !== 'arriving' || this.#queuedSamples + pcm.length > MAX_QUEUED_SAMPLES) return;
    item.chunks.push(pcm);
    item.received += pcm.length;
    this.#postChunk(itemId, pcm);
  }

  /**
   * No more audio comes for an item: it need not be gathered any further before it sounds.
   * @param {string} itemId
   */
  end(itemId) {
    const item = this.#items.get(itemId);
    if (item?.phase !== 'arriving') return;
    item.phase = 'complete';
    this.#post({ type: 'end', itemId });
  }

  /**
   * Be silent: fade within 8 ms, forget the queue, ignore what still comes of its items.
   *
   * @returns {Promise<{itemId: string | null, playedMs: number}>} the item that was being heard and how much of it was: an
   *   integer, the output's latency subtracted; null and 0 when nothing was
   */
  async stop() {
    for (const item of this.#items.values()) {
      if (isOver(item)) continue;
      item.phase = 'stopped';
      item.chunks = [];
    }
    await this.#stopWorklet();
    for (const item of this.#items.values())
      item.heardMs ??= item.phase === 'stopped' ? this.#heardMs(item) : null;
    const itemId = this.#currentId;
    this.#currentId = null;
    const playedMs = itemId === null ? 0 : Math.floor(this.heardMs(itemId));
    return playedMs > 0 ? { itemId, playedMs } : { itemId: null, playedMs: 0 };
  }

  /**
   * @param {string} itemId
   * @returns {number} milliseconds of the item that have been heard, as of the worklet's last report
   */
  heardMs(itemId) {
    const item = this.#items.get(itemId);
    return item ? (item.heardMs ?? this.#heardMs(item)) : 0;
  }

  /** Whether sound is being played or waits to be. */
  get playing() {
    for (const item of this.#items.values()) if (!isOver(item) && item.received > 0) return true;
    return false;
  }

  /** 0..1 */
  get volume() {
    return this.#volume;
  }

  set volume(volume) {
    this.#volume = volume;
    this.#applyGain();
  }

  get muted() {
    return this.#muted;
  }

  set muted(muted) {
    this.#muted = muted;
    this.#applyGain();
  }

  /** @returns {AnalyserNode | null} of what is heard, null before `attach` */
  get analyser() {
    return this.#graph?.analyser ?? null;
  }

  get #gainValue() {
    return this.#muted ? 0 : this.#volume;
  }

  get #queuedSamples() {
    let samples = 0;
    for (const item of this.#items.values()) if (!isOver(item)) samples += item.received - item.played;
    return samples;
  }

  /** @param {SpeakerItem} item */
  #heardMs({ played }) {
    return Math.max(0, samplesToMs(played) - this.#latencyMs);
  }

  /** How long sound is under way to the ear. WebKit has no outputLatency; Chromium's is 0 until it has measured. */
  get #latencyMs() {
    const context = this.#context;
    if (!context) return 0;
    if (context.baseLatency === 0) return FIREFOX_LATENCY_MS;
    return 1000 * Math.max(context.outputLatency || 0, context.baseLatency);
  }

  #applyGain() {
    if (!this.#graph || !this.#context) return;
    this.#graph.gain.gain.setTargetAtTime(this.#gainValue, this.#context.currentTime, VOLUME_SECONDS);
  }

  /** @param {object} message */
  #post(message) {
    this.#graph?.worklet.port.postMessage(message);
  }

  /**
   * @param {string} itemId
   * @param {Int16Array} pcm copied here, so that the audio thread need not
   */
  #postChunk(itemId, pcm) {
    const copy = pcm.slice();
    this.#graph?.worklet.port.postMessage({ type: 'chunk', itemId, pcm: copy }, [copy.buffer]);
  }

  /** @param {any} message of the worklet, see there */
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
    const item = this.#item(itemId);
    if (item.started) return; // it goes on in another context
    item.started = true;
    this.#onStarted(itemId);
  }

  /**
   * @param {string} itemId
   * @param {number} played
   */
  #onItemPosition(itemId, played) {
    const item = this.#item(itemId);
    this.#setPlayed(item, played);
    this.#onPosition(itemId, this.heardMs(itemId));
  }

  /** @param {string} itemId */
  #onItemEnded(itemId) {
    const item = this.#item(itemId);
    item.phase = 'played';
    item.chunks = [];
    item.played = item.received;
    item.heardMs = samplesToMs(item.received);
    if (this.#currentId === itemId) this.#currentId = null;
    this.#onEnded(itemId, item.heardMs);
  }

  /** @param {{id: number, itemId: string | null, played: number}} message */
  #onStopped({ id, itemId, played }) {
    const settle = this.#stops.get(id);
    if (!settle) return; // settled without an answer, from the last report
    if (itemId !== null) this.#setPlayed(this.#item(itemId), played);
    this.#currentId = itemId;
    settle();
  }

  /**
   * @param {SpeakerItem} item
   * @param {number} played by the worklet in use
   */
  #setPlayed(item, played) {
    item.played = item.attachedAt + played;
    while (item.chunks[0] && item.released + item.chunks[0].length <= item.played) {
      item.released += item.chunks[0].length;
      item.chunks.shift();
    }
  }

  /** @param {string} itemId that the worklet was given */
  #item(itemId) {
    return /** @type {SpeakerItem} */ (this.#items.get(itemId));
  }

  /** @returns {Promise<void>} settles when the worklet has told where it stopped, at once when it cannot */
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
   * Give a new worklet what is left of an item.
   * @param {string} itemId
   * @param {SpeakerItem} item
   */
  #resend(itemId, item) {
    if (isOver(item)) return;
    item.attachedAt = item.played;
    let skipped = item.played - item.released;
    for (const pcm of item.chunks) {
      this.#postChunk(itemId, pcm.subarray(skipped));
      skipped = 0;
    }
    if (item.phase === 'complete') this.#post({ type: 'end', itemId });
  }
}

/** @returns {SpeakerItem} */
const newItem = () => ({
  phase: 'arriving',
  chunks: [],
  released: 0,
  received: 0,
  played: 0,
  attachedAt: 0,
  started: false,
  heardMs: null,
});

/** @param {SpeakerItem} item */
const isOver = ({ phase }) => phase === 'stopped' || phase === 'played';
