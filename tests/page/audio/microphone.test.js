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
  const reported = {
    frames: /** @type {any[]} */ ([]),
    lost: /** @type {string[]} */ ([]),
    labels: /** @type {string[]} */ ([]),
  };
  const microphone = new Microphone({
    onFrame: (frame) => reported.frames.push(frame),
    onLost: (cause) => reported.lost.push(cause),
    onChange: (label) => reported.labels.push(label),
    navigator: /** @type {any} */ ({ mediaDevices }),
    wakeLock: /** @type {any} */ (wakeLock),
  });
  const context = new FakeContext();
  const start = (/** @type {{deviceId?: string}} */ options = {}) =>
    microphone.start(/** @type {any} */ (context), options);
  return { microphone, mediaDevices, context, start, reported, held };
}

beforeEach(() => {
  FakeWorkletNode.all = [];
  Object.assign(globalThis, { AudioWorkletNode: FakeWorkletNode });
});

const worklet = () => /** @type {FakeWorkletNode} */ (FakeWorkletNode.all.at(-1));

test('it delivers the worklet’s frames while recording, and releases the device on a stop', async () => {
  const { microphone, mediaDevices, start, reported, held } = setUp();
  await start();
  assert.equal(microphone.recording, true);
  assert.equal(microphone.label, 'Built-in');
  assert.ok(microphone.analyser);
  const frame = { pcm: new Int16Array(960), rms: 0.1 };
  worklet().tell(frame);
  assert.deepEqual(reported.frames, [frame]);
  await microphone.stop();
  worklet().tell(frame);
  assert.equal(reported.frames.length, 1);
  assert.equal(mediaDevices.opened[0].track.readyState, 'ended');
  assert.deepEqual(worklet().port.sent, ['close']);
  assert.deepEqual([microphone.recording, microphone.label, microphone.analyser], [false, '', null]);
  assert.deepEqual(held, [true, false]);
});

test('it asks for echo cancellation, noise suppression, gain control and one channel, but for no sample rate', async () => {
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
  test(`${name} becomes the cause "${cause}", and nothing stays running`, async () => {
    const { microphone, mediaDevices, start } = setUp();
    mediaDevices.refusal = Object.assign(new Error('no'), { name });
    await assert.rejects(start(), (error) => error instanceof MicrophoneError && error.cause === cause);
    assert.equal(microphone.recording, false);
  });
}

test('an insecure page, which has no mediaDevices, gets the cause "insecure"', async () => {
  const microphone = new Microphone(
    /** @type {any} */ ({ navigator: {}, wakeLock: { release: async () => {} } }),
  );
  await assert.rejects(
    microphone.start(/** @type {any} */ (new FakeContext())),
    (error) => error instanceof MicrophoneError && error.cause === 'insecure',
  );
});

test('when the device is unplugged, the recording goes on with the next one', async () => {
  const { microphone, mediaDevices, context, start, reported } = setUp();
  await start();
  mediaDevices.devices = [HEADSET];
  mediaDevices.opened[0].track.unplug();
  await settle();
  assert.deepEqual(reported.labels, ['Headset']);
  assert.deepEqual(reported.lost, []);
  assert.equal(microphone.recording, true);
  assert.equal(context.sources.at(-1)?.outputs[0], worklet());
  assert.deepEqual(FakeWorkletNode.all[0].port.sent, ['close']);
});

test('when the last device is unplugged, the recording is lost with its cause', async () => {
  const { microphone, mediaDevices, start, reported } = setUp();
  await start();
  mediaDevices.devices = [];
  mediaDevices.opened[0].track.unplug();
  await settle();
  assert.deepEqual(reported.lost, ['missing']);
  assert.equal(microphone.recording, false);
});

test('a recording of the default device goes on with the new default', async () => {
  const { mediaDevices, start, reported } = setUp();
  await start();
  mediaDevices.devices = [asDefault(HEADSET), HEADSET, BUILT_IN];
  mediaDevices.change();
  await settle();
  assert.deepEqual(reported.labels, ['Headset']);
  assert.equal(mediaDevices.opened[0].track.readyState, 'ended');
});

test('a chosen device is used again when it is back', async () => {
  const { mediaDevices, start, reported } = setUp();
  await start({ deviceId: 'usb' });
  mediaDevices.devices = [asDefault(BUILT_IN), BUILT_IN];
  mediaDevices.opened[0].track.unplug();
  await settle();
  mediaDevices.devices = [asDefault(BUILT_IN), BUILT_IN, HEADSET];
  mediaDevices.change();
  await settle();
  assert.deepEqual(reported.labels, ['Built-in', 'Headset']);
});

test('a change of other devices changes nothing', async () => {
  const { mediaDevices, start, reported } = setUp();
  await start();
  mediaDevices.devices.push({ kind: 'audioinput', deviceId: 'cam', groupId: 'cam', label: 'Camera' });
  mediaDevices.change();
  await settle();
  assert.deepEqual([reported.labels, mediaDevices.opened.length], [[], 1]);
});

test('a start while recording changes the device', async () => {
  const { microphone, mediaDevices, start } = setUp();
  await start();
  await start({ deviceId: 'usb' });
  assert.equal(microphone.label, 'Headset');
  assert.equal(mediaDevices.opened[0].track.readyState, 'ended');
  assert.equal(mediaDevices.opened[1].track.readyState, 'live');
});

test('a stop while the permission is being asked for leaves no device on', async () => {
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

test('in another context it goes on with the same stream', async () => {
  const { microphone, mediaDevices, start, reported } = setUp();
  await start();
  const other = new FakeContext(16_000);
  await microphone.attach(/** @type {any} */ (other));
  assert.equal(worklet().context, other);
  worklet().tell({ pcm: new Int16Array(960), rms: 0 });
  assert.equal(reported.frames.length, 1);
  assert.equal(mediaDevices.opened.length, 1);
});
