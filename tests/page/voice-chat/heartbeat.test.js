import assert from 'node:assert/strict';
import { afterEach, beforeEach, mock, test } from 'node:test';
import { Heartbeat } from '../../../public/voice-chat/heartbeat.js';

/** The requests to the server, each resolved with its answer. @type {PromiseWithResolvers<boolean>[]} */ let questions;
/** @type {number} */ let deaths;
/** @type {{ heldBackBytes: number }} */ let socket;
/** @type {Heartbeat} */ let heartbeat;

beforeEach(() => {
  mock.timers.enable({ apis: ['setInterval', 'Date'] });
  questions = [];
  deaths = 0;
  socket = { heldBackBytes: 0 };
  heartbeat = new Heartbeat(
    () => {
      questions.push(Promise.withResolvers());
      return /** @type {PromiseWithResolvers<boolean>} */ (questions.at(-1)).promise;
    },
    () => {
      deaths += 1;
      heartbeat.stop();
    },
  );
  heartbeat.start(socket);
});

afterEach(() => {
  heartbeat.stop();
  mock.timers.reset();
});

/** @param {boolean} isAlive */
async function answer(isAlive) {
  questions.at(-1)?.resolve(isAlive);
  await Promise.resolve();
  await Promise.resolve();
}

/** @param {number} seconds */
function pass(seconds, receiving = false) {
  for (let second = 0; second < seconds; second++) {
    mock.timers.tick(1000);
    if (receiving) heartbeat.received();
  }
}

test('the server is not asked while events come', () => {
  pass(60, true);
  assert.equal(questions.length, 0);
});

test('after 5 s without events the server is asked once, and again 5 s after its answer', async () => {
  pass(5);
  assert.equal(questions.length, 1);
  pass(3);
  assert.equal(questions.length, 1);
  await answer(true);
  pass(4);
  assert.equal(questions.length, 1);
  pass(1);
  assert.equal(questions.length, 2);
  assert.equal(deaths, 0);
});

test('a server that does not answer makes the session dead', async () => {
  pass(5);
  await answer(false);
  assert.equal(deaths, 1);
});

test('an answer that comes after a stop is ignored', async () => {
  heartbeat.check();
  heartbeat.stop();
  await answer(false);
  assert.equal(deaths, 0);
});

test('15 s without an event after a request make the session dead, even if the server answers', async () => {
  heartbeat.expect();
  pass(5);
  await answer(true);
  heartbeat.expect();
  pass(9);
  await answer(true);
  assert.equal(deaths, 0);
  pass(1);
  assert.equal(deaths, 1);
});

test('a request that is followed by events does not make the session dead', () => {
  heartbeat.expect();
  pass(60, true);
  assert.equal(deaths, 0);
});

test('a socket that sends nothing of what it holds back for 10 s is dead, one that sends little is not', () => {
  socket.heldBackBytes = 300_000;
  for (let second = 0; second < 60; second++) {
    pass(1, true);
    socket.heldBackBytes -= 100;
  }
  assert.equal(deaths, 0);
  pass(11, true);
  assert.equal(deaths, 1);
});
