/**
 * Watch a page without its knowledge: which session each sound it plays belongs to, and its states; and speak into its
 * microphone. Runs before the page's own scripts, as an init script.
 */
(() => {
  const RAMP_S = 300;
  const RAMP_PEAK = 0.25;
  const RAMPS = 30;

  /**
   * violations: sounds of dead sessions; states: [state, Unix ms]; codes: with which open sockets were closed; heardMs: of each
   * answer, in the order in which they began
   */
  const tap = { violations: [], states: [], codes: [], heardMs: {} };
  window.tap = tap;

  /** By item id: the socket that brought it. */
  const socketOf = new Map();
  /** Items given to the loudspeaker, not yet ended. */
  const sounding = new Set();
  /** Items that were told to stop, and items that did. */
  let stopping = [];
  const silenced = new Set();
  let stops = 0;

  /** From here on nothing of this session may be played. */
  function bury(socket) {
    if (socket.isDead) return;
    socket.isDead = true;
    const before = stops;
    const isHeard = [...sounding].some((itemId) => socketOf.get(itemId) === socket);
    // The page has this one task to stop the sound.
    if (isHeard) setTimeout(() => stops === before && tap.violations.push('the sound went on after the end'));
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
      this.addEventListener('close', () => bury(this));
    }

    close(...parameters) {
      super.close(...parameters);
      bury(this);
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
      port.addEventListener('message', ({ data }) => noteTold(data));
    }
  };

  /** What the page asks its loudspeaker. */
  function noteSent({ type, itemId }) {
    if (type === 'stop') {
      stops += 1;
      stopping = [...stopping, ...sounding];
      sounding.clear();
    }
    if (type !== 'chunk') return;
    if (socketOf.get(itemId)?.isDead) tap.violations.push(`${itemId} was queued after its session's end`);
    sounding.add(itemId);
  }

  /** What the loudspeaker tells. */
  function noteTold({ type, itemId, played }) {
    if (type === 'started') tap.heardMs[itemId] = 0;
    if (played !== undefined && itemId) tap.heardMs[itemId] = played / 24;
    if (type === 'ended') sounding.delete(itemId);
    if (type === 'stopped') for (const stopped of stopping.splice(0)) silenced.add(stopped);
    if ((type === 'started' || type === 'position') && silenced.has(itemId))
      tap.violations.push(`${itemId} was heard after it was stopped`);
  }

  // The microphone: a ramp that tells the moment of each sample, and what a test says on top of it.
  let voice = null;

  function openVoice() {
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
    voice ??= openVoice();
    const destination = new MediaStreamAudioDestinationNode(voice.context, { channelCount: 1 });
    voice.sum.connect(destination);
    return destination.stream;
  };

  /** What the ramp tells now, in ms. */
  tap.moment = () => 1000 * ((voice.context.currentTime - voice.start) % RAMP_S);

  /** Settles once nothing is being said. */
  tap.said = Promise.resolve();

  /** Speak: base64 of mono PCM16 at 24 kHz. */
  tap.speak = (base64) => {
    const { context, sum } = voice;
    const bytes = Uint8Array.from(atob(base64), (letter) => letter.charCodeAt(0));
    const samples = Float32Array.from(new Int16Array(bytes.buffer), (sample) => sample / 32768);
    const buffer = new AudioBuffer({ length: samples.length, sampleRate: 24000 });
    buffer.copyToChannel(samples, 0);
    const source = new AudioBufferSourceNode(context, { buffer });
    source.connect(sum);
    source.start();
    tap.said = new Promise((resolve) => source.addEventListener('ended', () => resolve()));
  };

  /** Speak as soon as the page is in a state. */
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
