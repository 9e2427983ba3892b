import assert from 'node:assert/strict';
import { beforeEach, test } from 'node:test';
import { Microphone, MicrophoneError } from '../../../public/audio/microphone.js';
import { FakeContext, FakeMediaDevices, FakeWorkletNode, settle } from './fakes.js';

const BUILT_IN = { kind: 'audioinput', deviceId: 'built-in', groupId: 'laptop', label: 'Built-in' };
const HEADSET = { kind: 'audioinput', deviceId: 'usb', groupId: 'headset', label: 'Headset' };

const asDefault = (/** @type {typeof BUILT_IN} */ device) => ({ ...device, deviceId: 'default' });

function setUp() {
  const mediaDevices = new FakeMediaDevices();
  mediaDevices.devices = [asDefault(BUILT_IN), BUILT_IN, HEADSET];
  const held = /** @type {boolean[]} */ ([]);
  const wakeLock = { hold: async () => held.push(true), release: async () => held.push(false) };
  const told = {
    frames: /** @type {any[]} */ ([]),
    lost: /** @type {string[]} */ ([]),
    labels: /** @type {string[]} */ ([]),
  };
  const microphone = new Microphone({
    onFrame: (frame) => told.frames.push(frame),
    onLost: (cause) => told.lost.push(cause),
    onChange: (label) => told.labels.push(label),
    navigator: /** @type {any} */ ({ mediaDevices }),
    wakeLock: /** @type {any} */ (wakeLock),
  });
  const context = new FakeContext();
  const start = (/** @type {{deviceId?: string}} */ options = {}) =>
    microphone.start(/** @type {any} */ (context), options);
  return { microphone, mediaDevices, context, start, told, held };
}

beforeEach(() => {
  FakeWorkletNode.all = [];
  Object.assign(globalThis, { AudioWorkletNode: FakeWorkletNode });
});

const worklet = () => /** @type {FakeWorkletNode} */ (FakeWorkletNode.all.at(-1));

test('it delivers the worklet’s frames while recording and gives the device back on a stop', async () => {
  const { microphone, mediaDevices, start, told, held } = setUp();
  await start();
  assert.equal(microphone.recording, true);
  assert.equal(microphone.label, 'Built-in');
  assert.ok(microphone.analyser);
  const frame = { pcm: new Int16Array(960), rms: 0.1 };
  worklet().tell(frame);
  assert.deepEqual(told.frames, [frame]);
  await microphone.stop();
  worklet().tell(frame);
  assert.equal(told.frames.length, 1);
  assert.equal(mediaDevices.opened[0].track.readyState, 'ended');
  assert.deepEqual(worklet().port.sent, ['close']);
  assert.deepEqual([microphone.recording, microphone.label, microphone.analyser], [false, '', null]);
  assert.deepEqual(held, [true, false]);
});

test('it asks for cancelled echo, less noise, steady gain, one channel and no sample rate', async () => {
  const { mediaDevices, start } = setUp();
  await start({ deviceId: 'usb' });
  assert.deepEqual(mediaDevices.asked, [
    {
      deviceId: { ideal: 'usb' },
      channelCount: { ideal: 1 },
      echoCancellation: true,
      noiseSuppression: true,
      autoGainControl: true,
    },
  ]);
});

for (const [name, cause] of [
  ['NotAllowedError', 'denied'],
  ['SecurityError', 'denied'],
  ['NotFoundError', 'missing'],
  ['OverconstrainedError', 'missing'],
  ['NotReadableError', 'in-use'],
  ['AbortError', 'in-use'],
  ['TypeError', 'failed'],
]) {
  test(`${name} means ${cause}, and leaves nothing running`, async () => {
    const { microphone, mediaDevices, start } = setUp();
    mediaDevices.refusal = Object.assign(new Error('no'), { name });
    await assert.rejects(start(), (error) => error instanceof MicrophoneError && error.cause === cause);
    assert.equal(microphone.recording, false);
  });
}

test('a page that is neither https nor localhost has no microphones at all', async () => {
  const microphone = new Microphone(
    /** @type {any} */ ({ navigator: {}, wakeLock: { release: async () => {} } }),
  );
  await assert.rejects(
    microphone.start(/** @type {any} */ (new FakeContext())),
    (error) => error instanceof MicrophoneError && error.cause === 'insecure',
  );
});

test('an unplugged device is followed by the next one, in the same recording', async () => {
  const { microphone, mediaDevices, context, start, told } = setUp();
  await start();
  mediaDevices.devices = [HEADSET];
  mediaDevices.opened[0].track.unplug();
  await settle();
  assert.deepEqual(told.labels, ['Headset']);
  assert.deepEqual(told.lost, []);
  assert.equal(microphone.recording, true);
  assert.equal(context.sources.at(-1)?.outputs[0], worklet());
  assert.deepEqual(FakeWorkletNode.all[0].port.sent, ['close']);
});

test('when the last device is unplugged the recording is lost, and says why', async () => {
  const { microphone, mediaDevices, start, told } = setUp();
  await start();
  mediaDevices.devices = [];
  mediaDevices.opened[0].track.unplug();
  await settle();
  assert.deepEqual(told.lost, ['missing']);
  assert.equal(microphone.recording, false);
});

test('a new default is followed when the default was asked for', async () => {
  const { mediaDevices, start, told } = setUp();
  await start();
  mediaDevices.devices = [asDefault(HEADSET), HEADSET, BUILT_IN];
  mediaDevices.change();
  await settle();
  assert.deepEqual(told.labels, ['Headset']);
  assert.equal(mediaDevices.opened[0].track.readyState, 'ended');
});

test('a chosen device is taken again when it comes back', async () => {
  const { mediaDevices, start, told } = setUp();
  await start({ deviceId: 'usb' });
  mediaDevices.devices = [asDefault(BUILT_IN), BUILT_IN];
  mediaDevices.opened[0].track.unplug();
  await settle();
  mediaDevices.devices = [asDefault(BUILT_IN), BUILT_IN, HEADSET];
  mediaDevices.change();
  await settle();
  assert.deepEqual(told.labels, ['Built-in', 'Headset']);
});

test('a change that does not concern it is left alone', async () => {
  const { mediaDevices, start, told } = setUp();
  await start();
  mediaDevices.devices.push({ kind: 'audioinput', deviceId: 'cam', groupId: 'cam', label: 'Camera' });
  mediaDevices.change();
  await settle();
  assert.deepEqual([told.labels, mediaDevices.opened.length], [[], 1]);
});

test('starting while recording changes the device without a pause', async () => {
  const { microphone, mediaDevices, start } = setUp();
  await start();
  await start({ deviceId: 'usb' });
  assert.equal(microphone.label, 'Headset');
  assert.equal(mediaDevices.opened[0].track.readyState, 'ended');
  assert.equal(mediaDevices.opened[1].track.readyState, 'live');
});

test('a stop while the permission is being asked leaves no device on', async () => {
  const { microphone, mediaDevices, start } = setUp();
  const started = start();
  await microphone.stop();
  await started;
  assert.equal(mediaDevices.opened[0].track.readyState, 'ended');
  assert.equal(FakeWorkletNode.all.length, 0);
  assert.equal(microphone.recording, false);
});

test('a stop while the worklet is being loaded leaves no device on and no lock held', async () => {
  const { microphone, mediaDevices, context, start, held } = setUp();
  const { promise, resolve } = Promise.withResolvers();
  context.audioWorklet.addModule = () => promise;
  const started = start();
  await settle();
  await microphone.stop();
  resolve(undefined);
  await started;
  assert.equal(mediaDevices.opened[0].track.readyState, 'ended');
  assert.equal(FakeWorkletNode.all.length, 0);
  assert.equal(held.at(-1), false);
});

test('it goes on in another context with the same stream', async () => {
  const { microphone, mediaDevices, start, told } = setUp();
  await start();
  const other = new FakeContext(16_000);
  await microphone.attach(/** @type {any} */ (other));
  assert.equal(worklet().context, other);
  worklet().tell({ pcm: new Int16Array(960), rms: 0 });
  assert.equal(told.frames.length, 1);
  assert.equal(mediaDevices.opened.length, 1);
});
