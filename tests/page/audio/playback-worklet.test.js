import assert from 'node:assert/strict';
import { test } from 'node:test';
import { toFloat } from '../../../public/audio/format.js';
import { fitSine, sine } from './signal.js';
import { loadProcessor, render, send, sent } from './worklet.js';

const load = (rateHz = 24_000) => loadProcessor('playback-worklet.js', rateHz);

/** Samples that count up from 1, so that a lost, doubled or misplaced one is found. */
const ramp = (/** @type {number} */ length, from = 1) => Int16Array.from({ length }, (_, i) => from + i);

/**
 * @param {any} processor
 * @param {string} itemId
 * @param {Int16Array} pcm
 */
const push = (processor, itemId, pcm) => send(processor, { type: 'chunk', itemId, pcm });

/** @param {Float32Array} sound without the silence around it, as samples */
function samplesOf(sound) {
  const first = sound.findIndex((x) => x !== 0);
  const last = sound.findLastIndex((x) => x !== 0);
  return Array.from(sound.subarray(first, last + 1), (x) => x * 32_768);
}

test('at 24 kHz every sample leaves unchanged and in order, across chunks and items', async () => {
  const processor = await load();
  push(processor, 'a', ramp(1000));
  push(processor, 'a', ramp(777, 1001));
  send(processor, { type: 'end', itemId: 'a' });
  push(processor, 'b', ramp(2000, 1778));
  send(processor, { type: 'end', itemId: 'b' });
  assert.deepEqual(samplesOf(render(processor, 6000)), [...ramp(3777)]);
  assert.deepEqual(sent(processor, 'ended'), [
    { type: 'ended', itemId: 'a', played: 1777 },
    { type: 'ended', itemId: 'b', played: 2000 },
  ]);
});

for (const rateHz of [8_000, 44_100, 48_000, 96_000]) {
  test(`at ${rateHz} Hz a sine keeps its shape and length, and all of its samples are counted`, async () => {
    const processor = await load(rateHz);
    const pcm = Int16Array.from(sine(997, 24_000, 1), (x) => Math.round(x * 32_768));
    for (let start = 0; start < pcm.length; start += 2400)
      push(processor, 'a', pcm.slice(start, start + 2400));
    send(processor, { type: 'end', itemId: 'a' });
    const sound = render(processor, rateHz * 1.2);
    const { amplitude, snrDb } = fitSine(sound.subarray(rateHz * 0.1, rateHz * 0.9), 997, rateHz);
    assert.ok(Math.abs(amplitude - 0.5) < 1e-4);
    assert.ok(snrDb > 80, `${snrDb} dB`);
    assert.ok(Math.abs(sound.findLastIndex((x) => Math.abs(x) > 1e-3) - rateHz) < rateHz / 500);
    assert.equal(sent(processor, 'ended')[0].played, 24_000);
  });
}

test('an item that is still arriving starts after 60 ms of audio, a complete one at once', async () => {
  const processor = await load();
  push(processor, 'a', ramp(1439));
  assert.equal(
    render(processor, 256).some((x) => x !== 0),
    false,
  );
  push(processor, 'a', ramp(1, 1440));
  assert.equal(render(processor, 128)[0], toFloat(1));

  const complete = await load();
  push(complete, 'a', ramp(10));
  send(complete, { type: 'end', itemId: 'a' });
  assert.equal(render(complete, 128)[0], toFloat(1));
});

test('an underrun is reported once, and doubles the next buffer', async () => {
  const processor = await load();
  push(processor, 'a', ramp(1440));
  render(processor, 3000);
  assert.equal(sent(processor, 'underrun').length, 1);
  push(processor, 'a', ramp(2879, 1441));
  assert.equal(
    render(processor, 128).some((x) => x !== 0),
    false,
  );
  push(processor, 'a', ramp(1, 4320));
  assert.deepEqual(samplesOf(render(processor, 128))[0], 1441);
  assert.equal(sent(processor, 'started').length, 1);
});

test('the buffer never exceeds 500 ms, and shrinks after items without an underrun', async () => {
  const processor = await load();
  for (let i = 0; i < 6; i++) {
    push(processor, 'a', ramp(12_000));
    render(processor, 13_000);
  }
  assert.equal(sent(processor, 'underrun').length, 6);
  send(processor, { type: 'end', itemId: 'a' });
  for (const itemId of ['b', 'c', 'd', 'e']) {
    push(processor, itemId, ramp(12_000));
    send(processor, { type: 'end', itemId });
    render(processor, 13_000);
  }
  push(processor, 'f', ramp(1440));
  assert.equal(render(processor, 128)[0], toFloat(1));
});

test('neither the end of an item nor the pause before the next is an underrun', async () => {
  const processor = await load(48_000);
  push(processor, 'a', ramp(2400));
  send(processor, { type: 'end', itemId: 'a' });
  render(processor, 9600);
  push(processor, 'b', ramp(2400));
  send(processor, { type: 'end', itemId: 'b' });
  render(processor, 9600);
  assert.deepEqual(sent(processor, 'underrun'), []);
  assert.equal(sent(processor, 'ended').length, 2);
});

test('an end that arrives after the last sample was played still ends the item', async () => {
  const processor = await load();
  push(processor, 'a', ramp(1500));
  render(processor, 3000);
  assert.deepEqual(sent(processor, 'ended'), []);
  send(processor, { type: 'end', itemId: 'a' });
  assert.deepEqual(sent(processor, 'ended'), [{ type: 'ended', itemId: 'a', played: 1500 }]);
});

test('every 50 ms of sound a position reports what has left the node', async () => {
  const processor = await load();
  push(processor, 'a', ramp(24_000));
  const before = sent(processor, 'position').length;
  render(processor, 12_800);
  const positions = sent(processor, 'position');
  assert.equal(before, 0);
  assert.equal(positions.length, Math.ceil(12_800 / 1280)); // ten whole quanta are the first to reach 50 ms
  for (const { played } of positions) assert.equal(played % 128, 0);
  assert.equal(positions.at(-1).played, 9 * 1280 + 128);
});

test('a stop reports what has left the node, fades the next samples out within 8 ms, and drops the rest', async () => {
  const processor = await load();
  push(processor, 'a', new Int16Array(24_000).fill(16_384));
  push(processor, 'b', ramp(24_000));
  render(processor, 1280);
  send(processor, { type: 'stop', id: 7 });
  assert.deepEqual(sent(processor, 'stopped'), [{ type: 'stopped', id: 7, itemId: 'a', played: 1280 }]);
  const sound = render(processor, 2400);
  const fade = sound.subarray(0, 192);
  assert.ok(Math.abs(fade[0] - 0.5) < 1e-3, 'it goes on where the sound was');
  assert.ok(
    fade.every((x, i) => i === 0 || x < fade[i - 1]),
    'it only falls',
  );
  assert.ok(
    sound.subarray(191).every((x) => x === 0),
    'silence after 8 ms',
  );
  assert.equal(sent(processor, 'underrun').length, 0);
  assert.equal(sent(processor, 'started').length, 1);
});

test('a stop in silence reports that nothing was heard', async () => {
  const processor = await load();
  send(processor, { type: 'stop', id: 1 });
  push(processor, 'a', ramp(100));
  render(processor, 256);
  send(processor, { type: 'stop', id: 2 });
  for (const { itemId, played } of sent(processor, 'stopped')) assert.deepEqual([itemId, played], [null, 0]);
  assert.ok(render(processor, 1280).every((x) => x === 0));
});

test('audio that arrives after a stop is played from its beginning', async () => {
  const processor = await load(48_000);
  push(processor, 'a', ramp(24_000));
  render(processor, 4800);
  send(processor, { type: 'stop', id: 1 });
  push(processor, 'b', ramp(4800));
  send(processor, { type: 'end', itemId: 'b' });
  render(processor, 14_400);
  assert.deepEqual(sent(processor, 'ended'), [{ type: 'ended', itemId: 'b', played: 4800 }]);
});

test('ten minutes of audio that arrive at once are played to the end without an underrun', async () => {
  const processor = await load();
  const chunk = ramp(2400);
  for (let i = 0; i < 6000; i++) push(processor, 'a', chunk);
  send(processor, { type: 'end', itemId: 'a' });
  const output = new Float32Array(128);
  for (let frame = 0; frame <= 14_400_000; frame += 128) processor.process([], [[output]]);
  assert.deepEqual(sent(processor, 'ended'), [{ type: 'ended', itemId: 'a', played: 14_400_000 }]);
  assert.deepEqual(sent(processor, 'underrun'), []);
});

test('it stays alive until it is closed', async () => {
  const processor = await load();
  assert.equal(processor.process([], [[new Float32Array(128)]]), true);
  send(processor, { type: 'close' });
  assert.equal(processor.process([], [[new Float32Array(128)]]), false);
});
