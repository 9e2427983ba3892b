import assert from 'node:assert/strict';
import { afterEach, beforeEach, mock, test } from 'node:test';
import { RollOver } from '../../../public/voice-chat/roll-over.js';

const MINUTE_MS = 60_000;

/** @type {any[]} */ let opened;
/** @type {any[]} */ let handedOver;
/** @type {boolean} */ let isQuiet;
/** @type {RollOver} */ let rollOver;

beforeEach(() => {
  mock.timers.enable({ apis: ['setTimeout', 'Date'], now: 1_000_000 });
  [opened, handedOver, isQuiet] = [[], [], true];
  rollOver = new RollOver({
    open: () => {
      const { promise, resolve } = Promise.withResolvers();
      const session = /** @type {any} */ ({ ready: promise, resolve, isClosed: false });
      session.close = () => {
        session.isClosed = true;
      };
      opened.push(session);
      return session;
    },
    isQuiet: () => isQuiet,
    onReady: (session) => handedOver.push(session),
  });
});

afterEach(() => {
  rollOver.stop();
  mock.timers.reset();
});

/** @param {number} lifeMs */
const watch = (lifeMs) =>
  rollOver.watch(/** @type {any} */ ({ openedAtMs: Date.now(), expiresAtMs: Date.now() + lifeMs }));

async function beReady(isUp = true) {
  opened.at(-1).resolve(isUp);
  await opened.at(-1).ready;
  await Promise.resolve();
}

test('two minutes before the end the next session is opened', async () => {
  watch(30 * MINUTE_MS);
  mock.timers.tick(28 * MINUTE_MS - 1);
  assert.equal(opened.length, 0);
  mock.timers.tick(1);
  assert.equal(opened.length, 1);
  assert.deepEqual(handedOver, []);
  await beReady();
  assert.deepEqual(handedOver, opened);
});

test('in a short session, the next one is opened at half of its life', () => {
  watch(20_000);
  mock.timers.tick(10_000);
  assert.equal(opened.length, 1);
});

test('the next session is handed over in a quiet moment, and a stop no longer closes it', async () => {
  isQuiet = false;
  watch(20_000);
  mock.timers.tick(10_000);
  await beReady();
  mock.timers.tick(5000);
  assert.deepEqual(handedOver, []);
  isQuiet = true;
  mock.timers.tick(100);
  assert.deepEqual(handedOver, opened);
  rollOver.stop();
  assert.equal(opened[0].isClosed, false);
});

test('a session that fails to open is followed by another one ten seconds later', async () => {
  watch(60_000);
  mock.timers.tick(30_000);
  rollOver.lose(opened[0]);
  await beReady(false);
  mock.timers.tick(10_000);
  assert.equal(opened.length, 2);
  await beReady();
  assert.deepEqual(handedOver, [opened[1]]);
});

test('a session that is lost while it waits for quiet is not handed over', async () => {
  isQuiet = false;
  watch(60_000);
  mock.timers.tick(30_000);
  await beReady();
  rollOver.lose(opened[0]);
  isQuiet = true;
  mock.timers.tick(1000);
  assert.deepEqual(handedOver, []);
});

test('a stop closes the session that was opened', async () => {
  watch(20_000);
  mock.timers.tick(10_000);
  rollOver.stop();
  assert.equal(opened[0].isClosed, true);
  await beReady();
  assert.deepEqual(handedOver, []);
});

test('no session is opened when the present one does not say when it expires, or says it by a clock that is off', () => {
  rollOver.watch(/** @type {any} */ ({ openedAtMs: Date.now(), expiresAtMs: null }));
  mock.timers.tick(100 * MINUTE_MS);
  watch(-1000);
  mock.timers.tick(100 * MINUTE_MS);
  assert.equal(opened.length, 0);
});
