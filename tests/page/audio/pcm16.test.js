import assert from 'node:assert/strict';
import { test } from 'node:test';
import { decode, encode } from '../../../public/audio/pcm16.js';

const EVERY_SAMPLE = Int16Array.from({ length: 65_536 }, (_, i) => i - 32_768);

test('every sample survives base64 in both directions', () => {
  assert.deepEqual(decode(encode(EVERY_SAMPLE)), EVERY_SAMPLE);
});

test('the base64 is that of little-endian bytes', () => {
  assert.equal(encode(Int16Array.of(1, -2)), Buffer.from([1, 0, 0xfe, 0xff]).toString('base64'));
});

test('of a part of a larger array only that part is encoded', () => {
  assert.deepEqual(decode(encode(EVERY_SAMPLE.subarray(10, 20))), EVERY_SAMPLE.slice(10, 20));
});

test('half a sample at the end is dropped', () => {
  assert.deepEqual(decode(Buffer.from([1, 0, 7]).toString('base64')), Int16Array.of(1));
});

test('an empty array becomes an empty text, and back', () => {
  assert.equal(encode(new Int16Array(0)), '');
  assert.equal(decode('').length, 0);
});

test('text that is not base64 is refused', () => {
  assert.throws(() => decode('ä'));
});
