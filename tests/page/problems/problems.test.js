import assert from 'node:assert/strict';
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

const CLOSE_CODES = {
  busy: 1013,
  rate_limited: 1013,
  daily_limit: 1013,
  upstream_unauthorized: 4401,
  upstream_forbidden: 4403,
  deployment_not_found: 4404,
  upstream_bad_request: 4400,
  upstream_failed: 1014,
  upstream_unreachable: 1014,
  upstream_timeout: 1014,
  upstream_tls: 1014,
  upstream_lost: 1014,
  time_limit: 4408,
  idle: 4409,
  too_big: 1009,
  text_only: 1003,
  stalled: 1011,
  restarting: 1012,
  internal: 1011,
};
for (const [errorCode, closeCode] of Object.entries(CLOSE_CODES))
  test(`the relay's error ${errorCode} has words of its own, and so has close code ${closeCode} alone`, () => {
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
