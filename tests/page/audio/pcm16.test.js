import assert from 'node:assert/strict';
import { test } from 'node:test';
import { toFloat, toInt16 } from '../../../public/audio/format.js';
import { decode, encode, SAMPLE_RATE_HZ, samplesToMs } from '../../../public/audio/pcm16.js';

const EVERY_SAMPLE = Int16Array.from({ length: 65_536 }, (_, i) => i - 32_768);

test('every sample survives base64 both ways', () => {
  assert.deepEqual(decode(encode(EVERY_SAMPLE)), EVERY_SAMPLE);
});

test('base64 is that of the little-endian bytes', () => {
  assert.equal(encode(Int16Array.of(1, -2)), Buffer.from([1, 0, 0xfe, 0xff]).toString('base64'));
});

test('a part of a larger array is encoded alone', () => {
  assert.deepEqual(decode(encode(EVERY_SAMPLE.subarray(10, 20))), EVERY_SAMPLE.slice(10, 20));
});

test('half a sample at the end is left out', () => {
  assert.deepEqual(decode(Buffer.from([1, 0, 7]).toString('base64')), Int16Array.of(1));
});

test('nothing is nothing', () => {
  assert.equal(encode(new Int16Array(0)), '');
  assert.equal(decode('').length, 0);
});

test('what is not base64 is refused', () => {
  assert.throws(() => decode('ä'));
});

test('floats and samples are each other’s inverse, and what is too loud is clipped', () => {
  for (const sample of EVERY_SAMPLE) assert.equal(toInt16(toFloat(sample)), sample);
  assert.equal(toInt16(1), 32_767);
  assert.equal(toInt16(-7), -32_768);
});

test('a second is 24000 samples', () => {
  assert.equal(samplesToMs(SAMPLE_RATE_HZ), 1000);
});
