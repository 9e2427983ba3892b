import assert from 'node:assert/strict';
import { beforeEach, test } from 'node:test';
import { mayRetry, Retry } from '../../../public/voice-chat/retry.js';

/** @type {number} */ let nowMs;
/** @type {Retry} */ let retry;

beforeEach(() => {
  nowMs = 1_000_000;
  retry = new Retry(
    () => nowMs,
    () => 1,
  );
});

/** The waits of one series, in which every try fails. At most 100. */
function waits(counts = true, isOnline = true) {
  const all = [];
  for (let waitMs = retry.next({ counts: false, isOnline }); waitMs !== null && all.length < 100; ) {
    all.push(waitMs);
    nowMs += waitMs;
    waitMs = retry.next({ counts, isOnline });
  }
  return all;
}

test('the ceiling doubles from 0.5 s to 15 s, for 8 tries', () => {
  assert.deepEqual(waits(), [500, 1000, 2000, 4000, 8000, 15_000, 15_000, 15_000]);
});

test('each wait is a random share of the ceiling', () => {
  const dice = [0, 0.5, 0.25];
  retry = new Retry(
    () => nowMs,
    () => dice.shift() ?? 0,
  );
  assert.deepEqual(waits().slice(0, 3), [0, 500, 500]);
});

test('a server that cannot be reached is retried for two minutes', () => {
  const all = waits(false);
  const sum = all.reduce((total, waitMs) => total + waitMs);
  assert.ok(sum >= 120_000 && sum < 135_000, `${sum}`);
  assert.ok(all.length > 8);
});

test('without any network neither tries nor time count', () => {
  assert.equal(waits(false, false).length, 100);
});

test('the time in which a session is up does not count, but the tries before it do', () => {
  retry.next({ counts: false, isOnline: true });
  retry.pause();
  nowMs += 150_000;
  assert.notEqual(retry.next({ counts: true, isOnline: true }), null);
  assert.equal(waits().length, 7);
});

test('after a reset a new series begins', () => {
  waits();
  retry.reset();
  assert.equal(waits().length, 8);
});

for (const [code, cause, expected] of /** @type {const} */ ([
  [1006, 'lost', true],
  [4408, 'session_expired', true],
  [1011, 'internal', true],
  [1012, 'restarting', true],
  [1013, 'busy', true],
  [1014, 'upstream_lost', true],
  [1013, 'daily_limit', false],
  [1006, 'signed_out', false],
  [1000, 'lost', false],
  [1003, 'text_only', false],
  [1008, 'refused', false],
  [1009, 'too_big', false],
  [3000, 'upstream_unauthorized', false],
  [4000, 'refused', false],
  [4401, 'upstream_unauthorized', false],
  [4408, 'time_limit', false],
  [4409, 'idle', false],
]))
  test(`close code ${code} with cause ${cause} is ${expected ? 'retried' : 'final'}`, () => {
    assert.equal(mayRetry(code, cause), expected);
  });
