import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import {
  isCalm,
  problem,
  problemOfClose,
  problemOfError,
  problemOfResponse,
} from '../../../public/problems/problems.js';

const closeWith = (/** @type {number} */ code, /** @type {string} */ errorCode = '') => ({
  code,
  error: errorCode ? { code: errorCode } : null,
});

/** The server's close reasons: close code and error code. */
const CLOSE_REASONS = new Map(
  [
    ...readFileSync(new URL('../../../realtime_voice/endings.py', import.meta.url), 'utf8').matchAll(
      /\(\s*(\d{4}),\s*"([a-z_]+)"/g,
    ),
  ].map(([, closeCode, errorCode]) => [String(errorCode), Number(closeCode)]),
);
CLOSE_REASONS.delete('done'); // the page closed the session itself
CLOSE_REASONS.delete('protocol_error'); // browsers keep to the websocket protocol

test('the close reasons of the server were found', () => {
  assert.ok(CLOSE_REASONS.size >= 19, [...CLOSE_REASONS.keys()].join(' '));
});

for (const [errorCode, closeCode] of CLOSE_REASONS)
  test(`the error ${errorCode} has words of its own, and close code ${closeCode} alone has words, too`, () => {
    const found = problemOfClose(closeWith(closeCode, errorCode));
    assert.equal(found.cause, errorCode);
    assert.ok(found.title && found.text && found.label);
    assert.notEqual(problemOfClose(closeWith(closeCode)).cause, 'lost');
  });

test('an unknown close code is a lost connection', () => {
  for (const code of [1006, 1005, 4999]) assert.equal(problemOfClose(closeWith(code)).cause, 'lost');
  assert.equal(problem('__proto__').cause, 'lost');
});

test('a refused session.update is a refused setting', () => {
  assert.equal(problemOfClose(closeWith(1000, 'unknown_parameter')).cause, 'settings_refused');
});

test('limits of time end a conversation without a failure, a loss does not', () => {
  assert.equal(isCalm(problem('time_limit')), true);
  assert.equal(isCalm(problem('idle')), true);
  assert.equal(isCalm(problem('lost')), false);
});

test('a failed response is a problem, a cancelled one is none', () => {
  assert.equal(problemOfResponse({ status: 'cancelled' }), null);
  assert.equal(problemOfResponse(undefined), null);
  assert.equal(problemOfResponse({ status: 'failed' })?.cause, 'answer_failed');
  assert.equal(
    problemOfResponse({ status: 'failed', status_details: { error: { code: 'insufficient_quota' } } })?.cause,
    'insufficient_quota',
  );
});

test('an unknown error is a refused request', () => {
  assert.equal(problemOfError({ code: 'no_such_code' }).cause, 'request_refused');
  assert.equal(problemOfError(undefined).cause, 'request_refused');
});
