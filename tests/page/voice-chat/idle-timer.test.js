import assert from 'node:assert/strict';
import { mock, test } from 'node:test';
import { IdleTimer } from '../../../public/voice-chat/idle-timer.js';

const MINUTE_MS = 60_000;

/** @param {number} limitMs */
function watching(limitMs) {
  mock.timers.enable({ apis: ['setTimeout', 'Date'] });
  /** @type {string[]} */ const told = [];
  const watch = new IdleTimer({ onSoon: () => told.push('soon'), onActive: () => told.push('active') });
  watch.limitMs = limitMs;
  return { watch, told };
}

test('a minute before the limit it is told, and not again', () => {
  const { watch, told } = watching(10 * MINUTE_MS);
  watch.see({ type: 'session.updated' });
  mock.timers.tick(9 * MINUTE_MS - 1);
  assert.deepEqual(told, ['active']);
  mock.timers.tick(1);
  assert.deepEqual(told, ['active', 'soon']);
  mock.timers.tick(MINUTE_MS);
  assert.deepEqual(told, ['active', 'soon']);
  mock.timers.reset();
});

test('speech and answers put it off, other events do not', () => {
  const { watch, told } = watching(10 * MINUTE_MS);
  watch.see({ type: 'session.updated' });
  mock.timers.tick(5 * MINUTE_MS);
  watch.see({ type: 'response.output_audio.delta' });
  mock.timers.tick(5 * MINUTE_MS);
  watch.see({ type: 'rate_limits.updated' });
  assert.deepEqual(told, ['active']);
  mock.timers.tick(4 * MINUTE_MS);
  assert.deepEqual(told, ['active', 'soon']);
  mock.timers.reset();
});

test('activity after the warning takes it back and counts anew', () => {
  const { watch, told } = watching(MINUTE_MS);
  watch.see({ type: 'input_audio_buffer.speech_started' });
  mock.timers.tick(MINUTE_MS / 2);
  watch.see({ type: 'session.updated' });
  mock.timers.tick(MINUTE_MS / 2);
  assert.deepEqual(told, ['active', 'soon', 'active', 'soon']);
  mock.timers.reset();
});

test('a session that is over is not warned of', () => {
  const { watch, told } = watching(MINUTE_MS);
  watch.see({ type: 'session.updated' });
  watch.stop();
  mock.timers.tick(MINUTE_MS);
  assert.deepEqual(told, ['active']);
  mock.timers.reset();
});
