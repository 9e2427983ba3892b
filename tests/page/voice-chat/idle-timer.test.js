import assert from 'node:assert/strict';
import { mock, test } from 'node:test';
import { IdleTimer } from '../../../public/voice-chat/idle-timer.js';

const MINUTE_MS = 60_000;

/** @param {number} limitMs */
function startTimer(limitMs) {
  mock.timers.enable({ apis: ['setTimeout', 'Date'] });
  /** @type {string[]} */ const reported = [];
  const timer = new IdleTimer({
    onWarning: () => reported.push('warning'),
    onActive: () => reported.push('active'),
  });
  timer.limitMs = limitMs;
  return { timer, reported };
}

test('one warning comes a minute before the limit', () => {
  const { timer, reported } = startTimer(10 * MINUTE_MS);
  timer.see({ type: 'session.updated' });
  mock.timers.tick(9 * MINUTE_MS - 1);
  assert.deepEqual(reported, ['active']);
  mock.timers.tick(1);
  assert.deepEqual(reported, ['active', 'warning']);
  mock.timers.tick(MINUTE_MS);
  assert.deepEqual(reported, ['active', 'warning']);
  mock.timers.reset();
});

test('speech and answers postpone the warning, other events do not', () => {
  const { timer, reported } = startTimer(10 * MINUTE_MS);
  timer.see({ type: 'session.updated' });
  mock.timers.tick(5 * MINUTE_MS);
  timer.see({ type: 'response.output_audio.delta' });
  mock.timers.tick(5 * MINUTE_MS);
  timer.see({ type: 'rate_limits.updated' });
  assert.deepEqual(reported, ['active']);
  mock.timers.tick(4 * MINUTE_MS);
  assert.deepEqual(reported, ['active', 'warning']);
  mock.timers.reset();
});

test('activity after a warning is reported, and the next warning comes after the same time', () => {
  const { timer, reported } = startTimer(MINUTE_MS);
  timer.see({ type: 'input_audio_buffer.speech_started' });
  mock.timers.tick(MINUTE_MS / 2);
  timer.see({ type: 'session.updated' });
  mock.timers.tick(MINUTE_MS / 2);
  assert.deepEqual(reported, ['active', 'warning', 'active', 'warning']);
  mock.timers.reset();
});

test('there is no warning after the session is over', () => {
  const { timer, reported } = startTimer(MINUTE_MS);
  timer.see({ type: 'session.updated' });
  timer.stop();
  mock.timers.tick(MINUTE_MS);
  assert.deepEqual(reported, ['active']);
  mock.timers.reset();
});
