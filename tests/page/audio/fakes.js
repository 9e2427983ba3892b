/** Fakes of a browser's audio, with the faults of real browsers. */

/** An AudioContext that runs only when the test lets it. */
export class FakeContext extends EventTarget {
  /** @type {string} */
  state = 'suspended';
  currentTime = 0;
  outputLatency = 0;
  baseLatency = 0.01;
  destination = { name: 'destination' };
  resumed = 0;
  sinkId = '';
  /** @type {(() => void) | null} */
  onstatechange = null;
  /** @type {FakeNode[]} */
  sources = [];
  /** @type {string[]} */
  modules = [];

  constructor(sampleRate = 48_000) {
    super();
    this.sampleRate = sampleRate;
  }

  audioWorklet = {
    addModule: async (/** @type {URL} */ url) => {
      this.modules.push(url.href);
    },
  };

  async resume() {
    this.resumed++;
    if (this.mayRun) this.become('running');
  }

  mayRun = true;

  async close() {
    this.become('closed');
  }

  /** @param {string} state */
  become(state) {
    this.state = state;
    this.onstatechange?.();
  }

  outputs = [''];

  async setSinkId(/** @type {string} */ id) {
    if (!this.outputs.includes(id)) throw new DOMException('no such output', 'NotFoundError');
    this.sinkId = id;
  }

  createGain() {
    return Object.assign(new FakeNode(), { gain: new FakeParam() });
  }

  createAnalyser() {
    return new FakeNode();
  }

  createMediaStreamSource(/** @type {FakeStream} */ stream) {
    const source = Object.assign(new FakeNode(), { stream });
    this.sources.push(source);
    return source;
  }
}

class FakeParam {
  value = 1;

  setTargetAtTime(/** @type {number} */ value) {
    this.value = value;
  }
}

export class FakeNode {
  /** @type {any[]} */
  outputs = [];

  connect(/** @type {any} */ to) {
    this.outputs.push(to);
  }

  disconnect() {
    this.outputs = [];
  }
}

/** An AudioWorkletNode whose processor is the test: `got` returns what it was sent, `tell` sends a message. */
export class FakeWorkletNode extends FakeNode {
  /** @type {FakeWorkletNode[]} */
  static all = [];

  /**
   * @param {FakeContext} context
   * @param {string} name
   */
  constructor(context, name) {
    super();
    this.context = context;
    this.name = name;
    FakeWorkletNode.all.push(this);
  }

  port = {
    /** @type {any[]} */
    sent: [],
    /** @type {((event: {data: any}) => void) | null} */
    onmessage: null,
    postMessage(/** @type {any} */ message) {
      this.sent.push(message);
    },
  };

  /** @param {any} message */
  tell(message) {
    this.port.onmessage?.({ data: message });
  }

  /** @param {string} type */
  got(type) {
    return this.port.sent.filter((message) => message.type === type);
  }
}

export class FakeTrack extends EventTarget {
  readyState = 'live';

  /**
   * @param {string} label
   * @param {{deviceId?: string, groupId?: string}} settings
   */
  constructor(label, settings) {
    super();
    this.label = label;
    this.settings = settings;
  }

  getSettings() {
    return this.settings;
  }

  stop() {
    this.readyState = 'ended';
  }

  unplug() {
    this.readyState = 'ended';
    this.dispatchEvent(new Event('ended'));
  }
}

export class FakeStream {
  /** @param {FakeTrack} track */
  constructor(track) {
    this.track = track;
  }

  getTracks() {
    return [this.track];
  }

  getAudioTracks() {
    return [this.track];
  }
}

/** A navigator.mediaDevices in which `devices` are plugged in, and the first input is the default. */
export class FakeMediaDevices extends EventTarget {
  /** @type {{kind: string, deviceId: string, groupId: string, label: string}[]} */
  devices = [];
  /** @type {FakeStream[]} */
  opened = [];
  /** @type {any[]} */
  asked = [];
  /** @type {Error | null} */
  refusal = null;

  async getUserMedia(/** @type {any} */ constraints) {
    this.asked.push(constraints.audio);
    if (this.refusal) throw this.refusal;
    const inputs = this.devices.filter(
      ({ kind, deviceId }) => kind === 'audioinput' && deviceId !== 'default',
    );
    const wanted = inputs.find(({ deviceId }) => deviceId === constraints.audio.deviceId?.ideal) ?? inputs[0];
    if (!wanted) throw new DOMException('none', 'NotFoundError');
    const stream = new FakeStream(new FakeTrack(wanted.label, wanted));
    this.opened.push(stream);
    return stream;
  }

  async enumerateDevices() {
    return this.devices;
  }

  change() {
    this.dispatchEvent(new Event('devicechange'));
  }
}

/** A document that is shown or hidden. */
export class FakeDocument extends EventTarget {
  visibilityState = 'visible';

  /** @param {string} state */
  become(state) {
    this.visibilityState = state;
    this.dispatchEvent(new Event('visibilitychange'));
  }
}

/** Let everything that awaits settled promises go on. */
export const settle = () => new Promise((resolve) => setImmediate(resolve));
