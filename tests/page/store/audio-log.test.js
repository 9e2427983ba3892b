import assert from 'node:assert/strict';
import { beforeEach, test } from 'node:test';
import { Recording } from '../../../public/store/audio-log.js';

/** @import { Sound } from '../../../public/store/audio-log.js' */

const FRAME_MS = 40;
/** @type {Sound[]} */ let sounds;
/** @type {Recording} */ let recording;

beforeEach(() => {
  sounds = [];
  recording = new Recording((sound) => sounds.push(sound));
});

const frame = (value = 1) => new Int16Array(24 * FRAME_MS).fill(value);
const shape = () => sounds.map(({ side, at, pcm }) => [side, at, pcm.length / 24]);

test('frames that arrive unevenly make one even run', () => {
  for (let count = 1; count <= 100; count++)
    recording.speech(frame(), 10_000 + count * FRAME_MS + (count % 3) * 15 - 15);
  recording.flushSpeech();
  const [first, second] = sounds;
  assert.equal(sounds.length, 2);
  assert.equal(second?.at, (first?.at ?? 0) + (first?.pcm.length ?? 0) / 24);
  assert.equal(
    sounds.reduce((length, { pcm }) => length + pcm.length, 0),
    100 * 24 * FRAME_MS,
  );
});

test('after a pause the next run starts at its own time', () => {
  recording.speech(frame(), 1040);
  recording.speech(frame(), 9040);
  recording.flushSpeech();
  assert.deepEqual(shape(), [
    ['user', 1000, 40],
    ['user', 9000, 40],
  ]);
});

test('an answer is kept as far as it was heard, from the moment it was', () => {
  recording.answer('a', frame(1));
  recording.answer('a', frame(2));
  recording.answerStarted('a', 5000);
  recording.answerEnded('a', 60);
  assert.deepEqual(shape(), [['assistant', 5000, 60]]);
  assert.deepEqual([sounds[0]?.pcm[0], sounds[0]?.pcm.at(-1)], [1, 2]);
});

test('an answer that nobody heard is not kept', () => {
  recording.answer('a', frame());
  recording.answerEnded('a', 0);
  recording.answerEnded('unknown', 40);
  assert.deepEqual(sounds, []);
});
