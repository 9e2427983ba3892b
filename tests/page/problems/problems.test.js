import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  isCalm,
  problem,
  problemOfEnding,
  problemOfError,
  problemOfResponse,
} from '../../../public/problems/problems.js';

const ending = (/** @type {number} */ code, /** @type {string} */ told = '') => ({
  code,
  reason: '',
  opened: true,
  error: told ? { code: told } : null,
});

test('every close code of the relay, and every error that explains one, has words of its own', () => {
  const codes = {
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
  for (const [code, closeCode] of Object.entries(codes)) {
    const found = problemOfEnding(ending(closeCode, code));
    assert.equal(found.cause, code);
    assert.ok(found.title && found.text && found.label);
    assert.notEqual(problemOfEnding(ending(closeCode)).cause, 'lost', `close code ${closeCode} alone`);
  }
});

test('an ending nobody explained is a lost connection', () => {
  for (const code of [1006, 1005, 4999]) assert.equal(problemOfEnding(ending(code)).cause, 'lost');
  assert.equal(problem('__proto__').cause, 'lost');
});

test('refused settings are told as such', () => {
  assert.equal(problemOfEnding(ending(1000, 'unknown_parameter')).cause, 'settings_refused');
});

test('a time limit is calm, a loss is not', () => {
  assert.equal(isCalm(problem('time_limit')), true);
  assert.equal(isCalm(problem('idle')), true);
  assert.equal(isCalm(problem('lost')), false);
});

test('a failed answer says what failed, a cancelled one nothing', () => {
  assert.equal(problemOfResponse({ status: 'cancelled' }), null);
  assert.equal(problemOfResponse(undefined), null);
  assert.equal(problemOfResponse({ status: 'failed' })?.cause, 'answer_failed');
  assert.equal(
    problemOfResponse({ status: 'failed', status_details: { error: { code: 'insufficient_quota' } } })?.cause,
    'insufficient_quota',
  );
});

test('an error that is not known is told without its raw words', () => {
  assert.equal(problemOfError({ code: 'no_such_code' }).cause, 'request_refused');
  assert.equal(problemOfError(undefined).cause, 'request_refused');
});
