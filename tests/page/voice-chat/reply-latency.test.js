import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SpeechClock, TurnTimer } from '../../../public/voice-chat/reply-latency.js';

test('a position in the audio leads to the moment at which it was spoken', () => {
  const clock = new SpeechClock();
  clock.sent(40, 1040);
  clock.sent(40, 1080);
  assert.equal(clock.momentOf(40), 1040);
  assert.equal(clock.momentOf(60), 1060);
});

test('a pause in the recording does not move positions in the audio', () => {
  const clock = new SpeechClock();
  clock.sent(40, 1040);
  clock.sent(40, 9040);
  assert.equal(clock.momentOf(30), 1030);
  assert.equal(clock.momentOf(60), 9020);
});

test('a position that was not sent, or is not a number, has no moment', () => {
  const clock = new SpeechClock();
  clock.sent(40, 1040);
  assert.equal(clock.momentOf(41), null);
  assert.equal(clock.momentOf(Number.NaN), null);
});

test('after an hour of speech a recent position still leads to its moment', () => {
  const clock = new SpeechClock();
  for (let frame = 1; frame <= 90_000; frame++) clock.sent(40, frame * 40);
  assert.equal(clock.momentOf(3_599_000), 3_599_000);
});

test('the steps of a turn are timed once', () => {
  const timer = new TurnTimer();
  timer.turnEnded(1000, 1250);
  timer.soundArrived('a', 1600);
  timer.soundArrived('a', 1700);
  assert.deepEqual(timer.soundPlayed('a', 1680), {
    itemId: 'a',
    noticedMs: 250,
    answeredMs: 350,
    playedMs: 80,
    totalMs: 680,
  });
  assert.equal(timer.soundPlayed('a', 1700), null);
});

test('only the first answer of a turn is timed', () => {
  const timer = new TurnTimer();
  timer.soundArrived('greeting', 100);
  assert.equal(timer.soundPlayed('greeting', 200), null);
  timer.turnEnded(1000, 1250);
  timer.soundArrived('a', 1600);
  timer.soundArrived('b', 1800);
  assert.equal(timer.soundPlayed('b', 1900), null);
});
