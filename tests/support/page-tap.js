/**
 * Check which session each played sound belongs to, note the page's states, and replace its microphone by one that a test
 * speaks into. Runs as an init script, before the page's own scripts.
 */
(() => {
  const RAMP_S = 300;
  const RAMP_PEAK = 0.25;
  const RAMPS = 30;

  /**
   * violations: sounds that were played although their session had ended or they had been stopped
   * states: [state, Unix ms]; codes: the close code of each websocket that had opened
   * heardMs: by item id, how much of each answer was played, in the order in which they began
   */
  const tap = { violations: [], states: [], codes: [], heardMs: {} };
  window.tap = tap;

  /** By item id: the socket that the item came from. */
  const socketOf = new Map();
  /** Items that were given to the loudspeaker and have not ended. */
  const sounding = new Set();
  /** Items that were told to stop, and items that have stopped. */
  let stopping = [];
  const silenced = new Set();
  let stops = 0;

  /** Note that this session has ended: from now on none of its sound may be played. */
  function endSession(socket) {
    if (socket.hasEnded) return;
    socket.hasEnded = true;
    const before = stops;
    const isHeard = [...sounding].some((itemId) => socketOf.get(itemId) === socket);
    // The page must stop the sound within the current task.
    if (isHeard) setTimeout(() => stops === before && tap.violations.push('the sound continued after its session had ended'));
  }

  window.WebSocket = class extends WebSocket {
    constructor(...parameters) {
      super(...parameters);
      this.addEventListener('message', ({ data }) => {
        const event = JSON.parse(data);
        if (event.type === 'response.output_item.added') socketOf.set(event.item.id, this);
      });
      this.addEventListener('open', () => {
        this.addEventListener('close', ({ code }) => tap.codes.push(code));
      });
      this.addEventListener('close', () => endSession(this));
    }

    close(...parameters) {
      super.close(...parameters);
      endSession(this);
    }
  };

  window.AudioWorkletNode = class extends AudioWorkletNode {
    constructor(context, name, options) {
      super(context, name, options);
      if (name !== 'playback') return;
      const { port } = this;
      const post = port.postMessage.bind(port);
      port.postMessage = (message, transfer) => {
        noteSent(message);
        post(message, transfer);
      };
      port.addEventListener('message', ({ data }) => noteReported(data));
    }
  };

  /** Note what the page sends to its playback worklet. */
  function noteSent({ type, itemId }) {
    if (type === 'stop') {
      stops += 1;
      stopping = [...stopping, ...sounding];
      sounding.clear();
    }
    if (type !== 'chunk') return;
    if (socketOf.get(itemId)?.hasEnded) tap.violations.push(`${itemId} was queued after its session had ended`);
    sounding.add(itemId);
  }

  /** Note what the playback worklet reports. */
  function noteReported({ type, itemId, played }) {
    if (type === 'started') tap.heardMs[itemId] = 0;
    if (played !== undefined && itemId) tap.heardMs[itemId] = played / 24;
    if (type === 'ended') sounding.delete(itemId);
    if (type === 'stopped') for (const stopped of stopping.splice(0)) silenced.add(stopped);
    if ((type === 'started' || type === 'position') && silenced.has(itemId))
      tap.violations.push(`${itemId} was heard after it was stopped`);
  }

  // The microphone: a ramp whose value tells when each sample was captured, with a test's speech added to it.
  let microphone = null;

  function openMicrophone() {
    const context = new AudioContext();
    const moment = new ConstantSourceNode(context);
    const sum = new GainNode(context);
    const start = context.currentTime;
    for (let ramp = 0; ramp < RAMPS; ramp++) {
      moment.offset.setValueAtTime(-RAMP_PEAK, start + ramp * RAMP_S);
      moment.offset.linearRampToValueAtTime(RAMP_PEAK, start + (ramp + 1) * RAMP_S - 0.001);
    }
    moment.connect(sum);
    moment.start();
    return { context, sum, start };
  }

  navigator.mediaDevices.getUserMedia = async () => {
    microphone ??= openMicrophone();
    const destination = new MediaStreamAudioDestinationNode(microphone.context, { channelCount: 1 });
    microphone.sum.connect(destination);
    return destination.stream;
  };

  /** Return the time that the ramp encodes now, in ms. */
  tap.moment = () => 1000 * ((microphone.context.currentTime - microphone.start) % RAMP_S);

  /** Settles once the speech is over. */
  tap.speechEnd = Promise.resolve();

  /** Speak into the microphone: base64 of mono PCM16 at 24 kHz. */
  tap.speak = (base64) => {
    const { context, sum } = microphone;
    const bytes = Uint8Array.from(atob(base64), (letter) => letter.charCodeAt(0));
    const samples = Float32Array.from(new Int16Array(bytes.buffer), (sample) => sample / 32768);
    const buffer = new AudioBuffer({ length: samples.length, sampleRate: 24000 });
    buffer.copyToChannel(samples, 0);
    const source = new AudioBufferSourceNode(context, { buffer });
    source.connect(sum);
    source.start();
    tap.speechEnd = new Promise((resolve) => source.addEventListener('ended', () => resolve()));
  };

  /** Speak as soon as the page enters a state. */
  tap.speakWhen = (state, base64) => {
    waiting = { state, base64 };
  };
  let waiting = null;

  new MutationObserver(() => {
    const state = document.querySelector('main')?.dataset.state;
    if (!state || tap.states.at(-1)?.[0] === state) return;
    tap.states.push([state, Date.now()]);
    if (waiting?.state !== state) return;
    tap.speak(waiting.base64);
    waiting = null;
  }).observe(document, { subtree: true, childList: true, attributeFilter: ['data-state'] });
})();
