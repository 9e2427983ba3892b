import assert from 'node:assert/strict';
import { beforeEach, test } from 'node:test';
import { AudioLog } from '../../../public/store/audio-log.js';

/** @import { Sound } from '../../../public/store/audio-log.js' */

const FRAME_MS = 40;
/** @type {Sound[]} */ let sounds;
/** @type {AudioLog} */ let audioLog;

beforeEach(() => {
  sounds = [];
  audioLog = new AudioLog((sound) => sounds.push(sound));
});

const frame = (value = 1) => new Int16Array(24 * FRAME_MS).fill(value);
const shape = () => sounds.map(({ side, at, pcm }) => [side, at, pcm.length / 24]);

test('frames that arrive unevenly make one even run', () => {
  for (let count = 1; count <= 100; count++)
    audioLog.speech(frame(), 10_000 + count * FRAME_MS + (count % 3) * 15 - 15);
  audioLog.flushSpeech();
  const [first, second] = sounds;
  assert.equal(sounds.length, 2);
  assert.equal(second?.at, (first?.at ?? 0) + (first?.pcm.length ?? 0) / 24);
  assert.equal(
    sounds.reduce((length, { pcm }) => length + pcm.length, 0),
    100 * 24 * FRAME_MS,
  );
});

test('after a pause the next run starts at its own time', () => {
  audioLog.speech(frame(), 1040);
  audioLog.speech(frame(), 9040);
  audioLog.flushSpeech();
  assert.deepEqual(shape(), [
    ['user', 1000, 40],
    ['user', 9000, 40],
  ]);
});

test('an answer is kept as far as it was heard, from the moment it was', () => {
  audioLog.answer('a', frame(1));
  audioLog.answer('a', frame(2));
  audioLog.answerStarted('a', 5000);
  audioLog.answerEnded('a', 60);
  assert.deepEqual(shape(), [['assistant', 5000, 60]]);
  assert.deepEqual([sounds[0]?.pcm[0], sounds[0]?.pcm.at(-1)], [1, 2]);
});

test('an answer that nobody heard is not kept', () => {
  audioLog.answer('a', frame());
  audioLog.answerEnded('a', 0);
  audioLog.answerEnded('unknown', 40);
  assert.deepEqual(sounds, []);
});
