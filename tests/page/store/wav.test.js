import assert from 'node:assert/strict';
import { test } from 'node:test';
import { layOut, stereoWav } from '../../../public/store/wav.js';

/** @import { Sound } from '../../../public/store/audio-log.js' */

const tone = (/** @type {number} */ ms, /** @type {number} */ value) => new Int16Array(24 * ms).fill(value);
/** @type {(side: Sound['side'], at: number, pcm: Int16Array<ArrayBuffer>) => Sound} */
const sound = (side, at, pcm) => ({ side, at, pcm });

test('the user is on the left and the assistant on the right, each at the right time', async () => {
  const bytes = await stereoWav([
    sound('assistant', 5020, tone(10, -7)),
    sound('user', 5000, tone(30, 9)),
  ]).arrayBuffer();
  const header = new DataView(bytes);
  assert.equal(new TextDecoder().decode(bytes.slice(0, 4)), 'RIFF');
  assert.deepEqual(
    [header.getUint16(22, true), header.getUint32(24, true), header.getUint16(34, true)],
    [2, 24000, 16],
  );
  assert.equal(header.getUint32(40, true), bytes.byteLength - 44);
  const samples = new Int16Array(bytes, 44);
  const frame = (/** @type {number} */ ms) => [samples[2 * 24 * ms], samples[2 * 24 * ms + 1]];
  assert.deepEqual(
    [frame(0), frame(19), frame(20), frame(29)],
    [
      [9, 0],
      [9, 0],
      [9, -7],
      [9, -7],
    ],
  );
  assert.equal(samples.length, 2 * 24 * 30);
});

test('a pause of a day becomes two seconds, and overlapping sounds still overlap', () => {
  const day = 24 * 3600 * 1000;
  const placed = layOut([
    sound('user', 1000, tone(1000, 1)),
    sound('assistant', 1500, tone(100, 1)),
    sound('user', day, tone(10, 1)),
    sound('assistant', day + 500, tone(10, 1)),
  ]);
  assert.deepEqual(
    placed.map(({ start }) => start / 24),
    [0, 500, 3000, 3500],
  );
});

test('a sound that is longer than a part of the file is complete', async () => {
  const ramp = Int16Array.from({ length: 24 * 25_000 }, (_, index) => index % 30_000);
  const bytes = await stereoWav([sound('user', 0, ramp)]).arrayBuffer();
  const samples = new Int16Array(bytes, 44);
  assert.equal(samples.length, 2 * ramp.length);
  assert.ok(ramp.every((value, index) => samples[2 * index] === value && samples[2 * index + 1] === 0));
});

test('without sounds the file has a header only', async () => {
  assert.equal((await stereoWav([]).arrayBuffer()).byteLength, 44);
});
