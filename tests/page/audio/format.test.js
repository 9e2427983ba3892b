import assert from 'node:assert/strict';
import { test } from 'node:test';
import { msToSamples, SAMPLE_RATE_HZ, samplesToMs, toFloat, toInt16 } from '../../../public/audio/format.js';

test('every sample survives the conversion to a float and back', () => {
  for (let sample = -32_768; sample < 32_768; sample++) assert.equal(toInt16(toFloat(sample)), sample);
});

test('floats beyond full scale are clipped', () => {
  assert.equal(toInt16(1), 32_767);
  assert.equal(toInt16(-7), -32_768);
});

test('a second is 24000 samples', () => {
  assert.equal(SAMPLE_RATE_HZ, 24_000);
  assert.equal(samplesToMs(SAMPLE_RATE_HZ), 1000);
  assert.equal(msToSamples(1000), SAMPLE_RATE_HZ);
});
