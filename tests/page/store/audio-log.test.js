import assert from 'node:assert/strict';
import { beforeEach, test } from 'node:test';
import { AudioLog } from '../../../public/store/audio-log.js';

/** @import { Sound } from '../../../public/store/audio-log.js' */

const FRAME_MS = 40;
/** @type {Sound[]} */ let sounds;
/** @type {AudioLog} */ let audioLog;
/** @type {number} */ let nowMs;

beforeEach(() => {
  sounds = [];
  audioLog = new AudioLog(
    (sound) => sounds.push(sound),
    () => nowMs,
  );
});

const frame = (value = 1) => new Int16Array(24 * FRAME_MS).fill(value);
/** Add a frame of speech that ends at this time. @param {number} endedAt */
function speak(endedAt) {
  nowMs = endedAt;
  audioLog.addSpeech(frame());
}

const shape = () => sounds.map(({ side, at, pcm }) => [side, at, pcm.length / 24]);

test('frames that arrive unevenly are joined without gaps', () => {
  for (let count = 1; count <= 100; count++) speak(10_000 + count * FRAME_MS + (count % 3) * 15 - 15);
  audioLog.flushSpeech();
  const [first, second] = sounds;
  assert.equal(sounds.length, 2);
  assert.equal(second?.at, (first?.at ?? 0) + (first?.pcm.length ?? 0) / 24);
  assert.equal(
    sounds.reduce((length, { pcm }) => length + pcm.length, 0),
    100 * 24 * FRAME_MS,
  );
});

test('after a pause the speech continues at its own time', () => {
  speak(1040);
  speak(9040);
  audioLog.flushSpeech();
  assert.deepEqual(shape(), [
    ['user', 1000, 40],
    ['user', 9000, 40],
  ]);
});

test('of an answer the part that was heard is kept, with the time at which it started', () => {
  audioLog.addAnswer('a', frame(1));
  audioLog.addAnswer('a', frame(2));
  nowMs = 5000;
  audioLog.startAnswer('a');
  audioLog.endAnswer('a', 60);
  assert.deepEqual(shape(), [['assistant', 5000, 60]]);
  assert.deepEqual([sounds[0]?.pcm[0], sounds[0]?.pcm.at(-1)], [1, 2]);
});

test('an answer of which nothing was heard is not kept', () => {
  audioLog.addAnswer('a', frame());
  audioLog.endAnswer('a', 0);
  audioLog.endAnswer('unknown', 40);
  assert.deepEqual(sounds, []);
});

test('after clear nothing of what came before is passed on', () => {
  speak(1040);
  audioLog.addAnswer('a', frame());
  audioLog.clear();
  audioLog.flushSpeech();
  audioLog.endAnswer('a', 40);
  assert.deepEqual(sounds, []);
});
