/** Measure the page's own sound modules inside a browser: `window.measure`. Sound goes in and out as base64. */

import { Microphone } from '/public/audio/microphone.js';
import { decode, encode } from '/public/audio/pcm16.js';
import { Speaker } from '/public/audio/speaker.js';

const CHUNK_SAMPLES = 2400; // 100 ms
const ITEM = 'item';
/** What the filter and the last, unfilled frame may hold back. */
const LOST_AT_END_SECONDS = 0.05;

/** @param {Float32Array} sound */
const packed = (sound) => encode(new Int16Array(sound.buffer, sound.byteOffset, sound.byteLength / 2));

/** @param {string} base64 */
const unpacked = (base64) => new Float32Array(decode(base64).buffer);

/**
 * What the speaker subtracts, which cancels out here. Firefox, whose base latency is 0, is not to be asked: it can hang.
 *
 * @param {AudioContext} context
 */
const latencyMs = (context) =>
  context.baseLatency === 0 ? 36 : 1000 * Math.max(context.outputLatency || 0, context.baseLatency);

/** @param {number} ms */
const after = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

/** @param {Int16Array} pcm */
function* chunksOf(pcm) {
  for (let start = 0; start < pcm.length; start += CHUNK_SAMPLES) yield pcm.slice(start, start + CHUNK_SAMPLES);
}

/**
 * @param {number} hz
 * @param {number} seconds
 */
const sine = (hz, seconds) =>
  Int16Array.from({ length: 24_000 * seconds }, (_, i) =>
    Math.round(16_384 * Math.sin((2 * Math.PI * hz * i) / 24_000)),
  );

/** A speaker that tells what happens to it as promises and counts. */
class Listener {
  underruns = 0;
  started = Promise.withResolvers();
  ended = Promise.withResolvers();
  /** @type {{ms: number, resolve: () => void}[]} */
  #waits = [];

  constructor() {
    this.speaker = new Speaker({
      onStarted: (itemId) => this.started.resolve(itemId),
      onPosition: (_itemId, ms) => {
        for (const wait of this.#waits) if (ms >= wait.ms) wait.resolve();
      },
      onEnded: (_itemId, ms) => this.ended.resolve(ms),
      onUnderrun: (count) => {
        this.underruns = count;
      },
    });
  }

  /** @param {number} ms of sound that must have been heard */
  heard(ms) {
    return new Promise((resolve) => this.#waits.push({ ms, resolve: () => resolve(undefined) }));
  }
}

/** @type {AudioContext | undefined} */
let context;

/** The one context of all measurements in real time, with a tap on what goes to its destination. */
async function open() {
  context ??= new AudioContext({ latencyHint: 'interactive' });
  await context.resume();
  await context.audioWorklet.addModule('tap-worklet.js');
  return context;
}

/**
 * @param {AudioContext} context
 * @returns {Promise<{listener: Listener, played: () => Promise<{sound: Float32Array, startedAt: number}>}>} `played` so far
 */
async function tapped(context) {
  const listener = new Listener();
  const tap = new AudioWorkletNode(context, 'tap', { numberOfOutputs: 0, channelCount: 1 });
  const connect = AudioNode.prototype.connect;
  AudioNode.prototype.connect = function (/** @type {any} */ to, ...rest) {
    if (to === context.destination) connect.call(this, tap);
    return connect.call(this, to, ...rest);
  };
  await listener.speaker.attach(context);
  AudioNode.prototype.connect = connect;
  const played = () => {
    const { promise, resolve } = Promise.withResolvers();
    tap.port.onmessage = ({ data }) => resolve(data);
    tap.port.postMessage('what was played?');
    return promise;
  };
  return { listener, played };
}

window.measure = {
  /** Capture sound by the worklet at a device's rate; the load is a share of real time. */
  async capture(rateHz, base64) {
    const input = unpacked(base64);
    const offline = new OfflineAudioContext(1, input.length, rateHz);
    await offline.audioWorklet.addModule('/public/audio/capture-worklet.js');
    const buffer = offline.createBuffer(1, input.length, rateHz);
    buffer.copyToChannel(input, 0);
    const source = new AudioBufferSourceNode(offline, { buffer });
    const worklet = new AudioWorkletNode(offline, 'capture', { numberOfOutputs: 0, channelCount: 1 });
    source.connect(worklet);
    source.start();
    const pcm = new Int16Array(Math.floor((buffer.duration - LOST_AT_END_SECONDS) / 0.04) * 960);
    const whole = Promise.withResolvers();
    let filled = 0;
    worklet.port.onmessage = ({ data }) => {
      if (filled < pcm.length) pcm.set(data.pcm, filled);
      filled += data.pcm.length;
      if (filled >= pcm.length) whole.resolve();
    };
    const begunMs = performance.now();
    await offline.startRendering();
    const tookMs = performance.now() - begunMs;
    await whole.promise;
    return { pcm: encode(pcm), load: tookMs / 1000 / buffer.duration };
  },

  /** Render what the speaker plays at a device's rate; the load is a share of real time. */
  async playback(rateHz, base64) {
    const pcm = decode(base64);
    const offline = new OfflineAudioContext(1, Math.ceil((pcm.length / 24_000 + 0.2) * rateHz), rateHz);
    const { speaker, ended } = new Listener();
    await speaker.attach(offline);
    for (const chunk of chunksOf(pcm)) speaker.play(ITEM, chunk);
    speaker.end(ITEM);
    speaker.play('nothing', new Int16Array(0));
    speaker.end('nothing');
    await ended.promise; // of nothing: so the worklet has got all that was posted before
    const begunMs = performance.now();
    const rendered = await offline.startRendering();
    const tookMs = performance.now() - begunMs;
    return { sound: packed(rendered.getChannelData(0)), load: tookMs / 1000 / rendered.duration };
  },

  /** Deltas of 100 ms that arrive after delays given; the item's end comes with the last. */
  async jitter(delaysMs) {
    const { listener } = await tapped(await open());
    const pcm = sine(997, delaysMs.length / 10);
    const begunMs = performance.now();
    let dueMs = 0;
    let number = 0;
    for (const chunk of chunksOf(pcm)) {
      dueMs += delaysMs[number++];
      const restMs = begunMs + dueMs - performance.now();
      if (restMs > 0) await after(restMs);
      listener.speaker.play(ITEM, chunk);
    }
    listener.speaker.end(ITEM);
    await listener.ended.promise;
    return { underruns: listener.underruns };
  },

  /** Four seconds of a tone, with the page's thread blocked for two of them. */
  async blocked() {
    const context = await open();
    const { listener, played } = await tapped(context);
    for (const chunk of chunksOf(sine(997, 4))) listener.speaker.play(ITEM, chunk);
    listener.speaker.end(ITEM);
    await listener.started.promise;
    const begunMs = performance.now();
    while (performance.now() - begunMs < 2000);
    await listener.ended.promise;
    return { underruns: listener.underruns, sound: packed((await played()).sound), rateHz: context.sampleRate };
  },

  /** Ten minutes, decoded and queued at once, so many times; the page's time for each. */
  async burst(rounds) {
    const deltas = Array.from(chunksOf(sine(997, 600)), encode);
    /** @type {{decodeMs: number[], queueMs: number[], underruns: number}} */
    const burst = { decodeMs: [], queueMs: [], underruns: 0 };
    for (let round = 0; round < rounds; round++) {
      const { listener } = await tapped(await open());
      const begunMs = performance.now();
      const chunks = deltas.map(decode);
      const decodedMs = performance.now();
      for (const chunk of chunks) listener.speaker.play(ITEM, chunk);
      listener.speaker.end(ITEM);
      const queuedMs = performance.now();
      burst.decodeMs.push(decodedMs - begunMs);
      burst.queueMs.push(queuedMs - decodedMs);
      await listener.heard(500);
      burst.underruns += listener.underruns;
      await listener.speaker.stop();
    }
    return burst;
  },

  /**
   * Stop in the middle of a tone. `stoppedAtMs` is the wall clock's time of the call, `silentAfterMs` what the audio
   * clock counts from then to the last sample that left for the output, `leftMs` what the speaker counts of the item, without
   * the fade, and `soundMs` what the tap counts, with it.
   */
  async stop(afterMs) {
    const context = await open();
    const { listener, played } = await tapped(context);
    for (const chunk of chunksOf(sine(997, 5))) listener.speaker.play(ITEM, chunk);
    await listener.heard(afterMs);
    const stoppedAtMs = performance.timeOrigin + performance.now();
    const stoppedAt = context.currentTime;
    const { playedMs } = await listener.speaker.stop();
    const leftMs = listener.speaker.heardMs(ITEM) + latencyMs(context);
    await after(50); // what the fade takes, and more
    const { sound, startedAt } = await played();
    const first = sound.findIndex((sample) => sample !== 0);
    const last = sound.findLastIndex((sample) => sample !== 0) + 1;
    const silentAfterMs = 1000 * (startedAt + last / context.sampleRate - stoppedAt);
    const soundMs = (1000 * (last - first)) / context.sampleRate;
    return { stoppedAtMs, silentAfterMs, playedMs, leftMs, soundMs };
  },

  /** Play speech into the room and return what the microphone hears of it meanwhile. */
  async echo(base64, cancel) {
    const context = await open();
    const getUserMedia = MediaDevices.prototype.getUserMedia;
    if (!cancel) {
      const plain = { echoCancellation: false, noiseSuppression: false, autoGainControl: false };
      MediaDevices.prototype.getUserMedia = function () {
        return getUserMedia.call(this, { audio: plain });
      };
    }
    const heard = [];
    const microphone = new Microphone({
      onFrame: ({ pcm }) => heard.push(...pcm),
      onLost: () => {},
      onChange: () => {},
    });
    await microphone.start(context);
    MediaDevices.prototype.getUserMedia = getUserMedia;
    const { listener } = await tapped(context);
    for (const chunk of chunksOf(decode(base64))) listener.speaker.play(ITEM, chunk);
    listener.speaker.end(ITEM);
    await listener.ended.promise;
    await microphone.stop();
    return { pcm: encode(Int16Array.from(heard)) };
  },

  /** Both ways of base64, of every sample there is. */
  async base64() {
    const every = Int16Array.from({ length: 65_536 }, (_, i) => i - 32_768);
    return { text: encode(every), same: decode(encode(every)).every((sample, i) => sample === every[i]) };
  },
};
