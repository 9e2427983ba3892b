import assert from 'node:assert/strict';
import { beforeEach, test } from 'node:test';
import { AudioDevice } from '../../../public/audio/device.js';
import { FakeContext, FakeDocument, FakeMediaDevices, settle } from './fakes.js';

/** A device with fakes around it: the contexts it created, and the states it reported. */
function setUp() {
  /** @type {FakeContext[]} */
  const contexts = [];
  /** @type {FakeContext[]} */
  const attached = [];
  /** @type {string[]} */
  const states = [];
  const mediaDevices = new FakeMediaDevices();
  const document = new FakeDocument();
  const navigator = { mediaDevices, audioSession: { type: 'auto' } };
  const hardware = { rateHz: 48_000, mayRun: true, outputs: ['', 'usb'] };
  const device = new AudioDevice({
    onContext: (context) => attached.push(/** @type {any} */ (context)),
    onState: (state) => states.push(state),
    createContext: () => {
      const { rateHz, mayRun, outputs } = hardware;
      const context = Object.assign(new FakeContext(rateHz), { mayRun, outputs });
      contexts.push(context);
      return /** @type {any} */ (context);
    },
    navigator: /** @type {any} */ (navigator),
    document: /** @type {any} */ (document),
  });
  return { device, contexts, attached, states, mediaDevices, document, navigator, hardware };
}

beforeEach(() => {
  Object.assign(globalThis, { AudioContext: FakeContext });
});

test('opening creates one context, attaches it and resumes it; opening again creates no other', async () => {
  const { device, contexts, attached, states } = setUp();
  await device.open();
  await device.open();
  assert.equal(contexts.length, 1);
  assert.deepEqual(attached, contexts);
  assert.equal(device.state, 'running');
  assert.deepEqual(states, ['running']);
});

test('a context that may not run yet is blocked, until the device is opened again inside a click', async () => {
  const { device, contexts, hardware } = setUp();
  hardware.mayRun = false;
  await device.open();
  assert.equal(device.state, 'blocked');
  contexts[0].mayRun = true;
  await device.open();
  assert.equal(device.state, 'running');
});

test('the audio session of iOS is set to play and record before a context is created', async () => {
  const { device, navigator } = setUp();
  await device.open();
  assert.equal(navigator.audioSession.type, 'play-and-record');
});

test('an interrupted context is not resumed before the interruption is over', async () => {
  const { device, contexts, document, states } = setUp();
  await device.open();
  const [context] = contexts;
  const before = context.resumed;
  context.become('interrupted');
  document.become('visible');
  await device.open();
  assert.equal(context.resumed, before);
  assert.equal(device.state, 'interrupted');
  context.become('suspended');
  await settle();
  assert.equal(context.resumed, before + 1);
  assert.deepEqual(states.slice(-2), ['blocked', 'running']);
});

test('a context that was suspended while the page was hidden is resumed when the page is shown', async () => {
  const { device, contexts, document } = setUp();
  await device.open();
  contexts[0].become('suspended');
  document.become('hidden');
  assert.equal(device.state, 'blocked');
  document.become('visible');
  assert.equal(device.state, 'running');
});

test('a context whose clock stands still for 500 ms after an interruption is replaced', async (t) => {
  t.mock.timers.enable({ apis: ['setTimeout'] });
  const { device, contexts, attached } = setUp();
  await device.open();
  contexts[0].become('interrupted');
  contexts[0].become('running');
  t.mock.timers.tick(499);
  assert.equal(contexts.length, 1);
  t.mock.timers.tick(1);
  await settle();
  assert.equal(contexts.length, 2);
  assert.equal(device.context, contexts[1]);
  assert.deepEqual(attached, contexts);
  assert.equal(contexts[0].state, 'closed');
  assert.equal(device.state, 'running');
});

test('a context whose clock moves after an interruption is kept', async (t) => {
  t.mock.timers.enable({ apis: ['setTimeout'] });
  const { device, contexts, document } = setUp();
  await device.open();
  document.become('visible');
  contexts[0].currentTime = 0.1;
  t.mock.timers.tick(1000);
  await settle();
  assert.equal(contexts.length, 1);
});

test('a context is replaced when the device has another rate, and kept when it has the same', async () => {
  const { device, contexts, mediaDevices, hardware } = setUp();
  await device.open();
  mediaDevices.change();
  await settle();
  assert.equal(device.context, contexts[0]);
  assert.equal(contexts[1].state, 'closed');
  hardware.rateHz = 16_000;
  mediaDevices.change();
  await settle();
  assert.equal(device.context, contexts[2]);
  assert.equal(contexts[0].state, 'closed');
});

test('a new context uses the chosen output too, and the default after that was unplugged', async () => {
  const { device, contexts, mediaDevices, hardware } = setUp();
  mediaDevices.devices = [{ kind: 'audiooutput', deviceId: 'usb', groupId: 'g', label: 'Headset' }];
  assert.equal(device.canChooseOutput, true);
  await device.open();
  await device.chooseOutput('usb');
  hardware.rateHz = 16_000;
  mediaDevices.change();
  await settle();
  assert.equal(contexts[1].sinkId, 'usb');
  mediaDevices.devices = [];
  mediaDevices.change();
  await settle();
  assert.equal(contexts[1].sinkId, '');
});

test('without the output that was chosen earlier, the default is used', async () => {
  const { device, contexts, attached, hardware } = setUp();
  hardware.outputs = [''];
  await device.chooseOutput('usb');
  await device.open();
  assert.deepEqual(attached, contexts);
  assert.equal(contexts[0].sinkId, '');
  await assert.rejects(device.chooseOutput('usb'), DOMException);
});

test('a browser that cannot change the output lists no outputs', async () => {
  Object.assign(globalThis, { AudioContext: class {} });
  const { device, mediaDevices } = setUp();
  mediaDevices.devices = [{ kind: 'audiooutput', deviceId: 'usb', groupId: 'g', label: 'Headset' }];
  assert.equal(device.canChooseOutput, false);
  assert.deepEqual(await device.outputs(), []);
});

test('after close no event creates a context', async () => {
  const { device, contexts, mediaDevices, document } = setUp();
  await device.open();
  await device.close();
  assert.equal(device.state, 'closed');
  mediaDevices.change();
  document.become('visible');
  await settle();
  assert.equal(contexts.length, 1);
  await device.open();
  assert.equal(device.context, contexts[1]);
});
