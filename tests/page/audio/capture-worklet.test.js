import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fitSine, sine } from './signal.js';
import { feed, loadProcessor, send } from './worklet.js';

const load = (/** @type {number} */ rateHz) => loadProcessor('capture-worklet.js', rateHz);

/**
 * @param {any} processor
 * @returns {import('../../../public/audio/microphone.js').MicrophoneFrame[]}
 */
const framesOf = (processor) => processor.port.sent;

for (const rateHz of [8_000, 16_000, 24_000, 44_100, 48_000, 96_000]) {
  test(`from ${rateHz} Hz come frames of 40 ms that join without a gap`, async () => {
    const processor = await load(rateHz);
    feed(processor, sine(997, rateHz, 1.1));
    const frames = framesOf(processor);
    assert.ok(frames.length >= 25);
    for (const { pcm } of frames) assert.equal(pcm.length, 960);
    const sound = Int16Array.from(frames.slice(1, 25).flatMap(({ pcm }) => [...pcm]));
    const { amplitude, snrDb } = fitSine(sound, 997, 24_000);
    assert.ok(Math.abs(amplitude / 32_768 - 0.5) < 1e-3);
    assert.ok(snrDb > 75, `${snrDb} dB`);
  });
}

test('the level of a frame is its own', async () => {
  const processor = await load(24_000);
  feed(processor, new Float32Array(960));
  feed(processor, new Float32Array(960).fill(0.25));
  assert.deepEqual(
    framesOf(processor).map(({ rms }) => rms),
    [0, 0.25],
  );
});

test('samples beyond full scale are clipped, and the level is at most 1', async () => {
  const processor = await load(24_000);
  feed(processor, new Float32Array(1024).fill(3));
  const [{ pcm, rms }] = framesOf(processor);
  assert.ok(pcm.every((sample) => sample === 32_767));
  assert.equal(rms, 1);
});

test('without a source it posts nothing and stays alive', async () => {
  const processor = await load(48_000);
  assert.equal(processor.process([[]], []), true);
  assert.equal(processor.process([], []), true);
  assert.deepEqual(processor.port.sent, []);
});

test('it stays alive until it is closed', async () => {
  const processor = await load(48_000);
  send(processor, { type: 'close' });
  assert.equal(processor.process([[new Float32Array(128)]], []), false);
});
