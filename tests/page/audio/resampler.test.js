import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Resampler } from '../../../public/audio/resampler.js';
import { decibels, fitSine, rms, sine } from './signal.js';

/**
 * @param {Float32Array} input
 * @param {number} fromHz
 * @param {number} toHz
 * @param {number} [block] samples written at once
 */
function resample(input, fromHz, toHz, block = 128) {
  const resampler = new Resampler(fromHz, toHz);
  const output = new Float32Array(Math.ceil((input.length * toHz) / fromHz) + 1);
  let length = 0;
  for (let start = 0; start < input.length; start += block) {
    const part = input.subarray(start, start + block);
    resampler.write(part, part.length);
    length += resampler.read(output, length, output.length - length);
  }
  return output.subarray(0, length);
}

/** @param {Float32Array} sound its beginning and its end, next to silence, are left out */
const middle = (sound) => sound.subarray(sound.length >> 2, sound.length - (sound.length >> 2));

const RATES = [8_000, 16_000, 22_050, 44_100, 48_000, 96_000, 192_000];

for (const rateHz of RATES) {
  for (const [fromHz, toHz] of [
    [rateHz, 24_000],
    [24_000, rateHz],
  ]) {
    const lowerHz = Math.min(fromHz, toHz);

    test(`${fromHz} to ${toHz} Hz keeps a sine up to 0.78 of the Nyquist frequency, 80 dB above everything else`, () => {
      for (const hz of [440, 0.39 * lowerHz]) {
        const heard = middle(resample(sine(hz, fromHz, 0.5), fromHz, toHz));
        const { amplitude, snrDb } = fitSine(heard, hz, toHz);
        assert.ok(Math.abs(decibels(amplitude / 0.5)) < 0.01, `${hz} Hz: ${decibels(amplitude / 0.5)} dB`);
        assert.ok(snrDb > 80, `${hz} Hz: ${snrDb} dB`);
      }
    });

    test(`${fromHz} to ${toHz} Hz puts output sample j at input position j`, () => {
      const heard = resample(sine(440, fromHz, 0.2), fromHz, toHz);
      const wanted = sine(440, toHz, 0.2);
      for (let j = heard.length >> 2; j < heard.length; j++) {
        assert.ok(Math.abs(heard[j] - wanted[j]) < 1e-4, `sample ${j}`);
      }
    });

    test(`${fromHz} to ${toHz} Hz gives the same output for any size of input blocks`, () => {
      const input = sine(997, fromHz, 0.1);
      assert.deepEqual(resample(input, fromHz, toHz, 1), resample(input, fromHz, toHz, 1000));
    });
  }
}

for (const rateHz of [44_100, 48_000, 96_000]) {
  test(`${rateHz} to 24000 Hz attenuates frequencies above 12 kHz by 80 dB`, () => {
    for (const hz of [13_000, 15_000, 18_000]) {
      const heard = middle(resample(sine(hz, rateHz, 0.5), rateHz, 24_000));
      assert.ok(decibels(rms(heard) / (0.5 / Math.SQRT2)) < -80, `${hz} Hz`);
    }
  });
}

test('equal rates copy bit by bit, without look-ahead', () => {
  const noise = Float32Array.from({ length: 1000 }, () => Math.random() * 2 - 1);
  assert.deepEqual(resample(noise, 24_000, 24_000), noise);
});

test('needed is exactly the input that a read requires', () => {
  for (const rateHz of RATES) {
    const resampler = new Resampler(24_000, rateHz);
    const input = new Float32Array(4096);
    const output = new Float32Array(128);
    for (let round = 0; round < 50; round++) {
      const needed = resampler.needed(128);
      if (needed > 0) {
        resampler.write(input, needed - 1);
        assert.ok(resampler.read(output, 0, 128) < 128, `${rateHz} Hz: less is not enough`);
        resampler.reset();
      }
      resampler.write(input, resampler.needed(128));
      assert.equal(resampler.read(output, 0, 128), 128);
    }
  }
});

test('after a reset nothing of the earlier stream is left', () => {
  const resampler = new Resampler(48_000, 24_000);
  const output = new Float32Array(100);
  resampler.write(new Float32Array(200).fill(1), 200);
  resampler.reset();
  resampler.write(new Float32Array(200), 200);
  assert.equal(resampler.read(output, 0, 50), 50);
  assert.ok(output.every((sample) => sample === 0));
});
