import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, mock, test } from 'node:test';
import { DEFAULTS } from '../../../public/store/settings.js';
import { ReconnectingSession } from '../../../public/voice-chat/reconnecting-session.js';
import { Retry } from '../../../public/voice-chat/retry.js';

/** @import { RealtimeEvent } from '../../../public/realtime/dialect.js' */

/** One connection: what was sent over it, and methods that act as the server. */
class Connection {
  /** @type {RealtimeEvent[]} */ sent = [];
  isClosed = false;

  /** @param {any} handlers */
  constructor(handlers) {
    this.handlers = handlers;
  }

  /** The session comes up. @param {object} [session] */
  async accept(session = {}) {
    this.handlers.onEvent({ type: 'session.created', session });
    this.handlers.onEvent({ type: 'session.updated', session });
    await settled();
  }

  /** @param {RealtimeEvent} event */
  say(event) {
    this.handlers.onEvent(event);
  }

  /** @param {number} code @param {boolean} [opened] */
  async close(code, opened = true) {
    this.handlers.onClosed({ code, reason: '', opened });
    await settled();
  }

  get types() {
    return this.sent.map(({ type }) => type);
  }
}

async function settled() {
  for (let turn = 0; turn < 10; turn++) await Promise.resolve();
}

/** @type {Connection[]} */ let connections;
/** @type {string[]} */ let reported;
/** @type {any[]} */ let seeds;
/** @type {any[]} */ let turns;
/** @type {any} */ let server;
/** @type {boolean} */ let isQuiet;
/** @type {PromiseWithResolvers<void>} */ let restored;
/** @type {ReconnectingSession} */ let reconnecting;

beforeEach(() => {
  mock.timers.enable({ apis: ['setTimeout', 'setInterval', 'Date'], now: 1_000_000 });
  [connections, reported, seeds, turns, isQuiet] = [[], [], [], [], true];
  restored = Promise.withResolvers();
  restored.resolve();
  server = {
    connect: (/** @type {any} */ handlers) => {
      const opened = new Connection(handlers);
      connections.push(opened);
      return {
        send: (/** @type {RealtimeEvent} */ event) => opened.sent.push(event) > 0,
        close: () => {
          opened.isClosed = true;
        },
        heldBackBytes: 0,
      };
    },
    refusal: 'offline',
    whyRefused: async () => server.refusal,
    alive: true,
    isAlive: async () => server.alive,
    online: true,
    isOnline: () => server.online,
  };
  reconnecting = newReconnectingSession();
});

function newReconnectingSession() {
  return new ReconnectingSession({
    server,
    settings: () => DEFAULTS,
    turns: () => turns,
    settled: () => restored.promise,
    isQuiet: () => isQuiet,
    retry: new Retry(Date.now, () => 1),
    handlers: {
      onOpening: () => reported.push('opening'),
      onLive: (_session, seed) => {
        reported.push('live');
        seeds.push(seed);
      },
      onReplaced: () => reported.push('replaced'),
      onLost: ({ cause }, atMs) => reported.push(`lost ${cause} ${atMs - Date.now()}`),
      onRetrying: () => reported.push('retrying'),
      onOver: (outcome, { cause }) => reported.push(`${outcome} ${cause}`),
      onEvent: ({ type }) => reported.push(type),
      onReceived() {},
      onSent() {},
      onUnreadable() {},
    },
  });
}

afterEach(() => {
  reconnecting.close();
  mock.timers.reset();
});

const connection = () => /** @type {Connection} */ (connections.at(-1));
const said = (/** @type {string} */ id) => ({ id, role: 'user', text: id, status: 'complete' });

async function goLive(session = {}) {
  const opened = reconnecting.open();
  await connection().accept(session);
  assert.equal(await opened, true);
  reported.length = 0;
}

/** Let seconds pass one by one, each with all that follows from it. @param {number} seconds */
async function pass(seconds) {
  for (let second = 0; second < seconds; second++) {
    mock.timers.tick(1000);
    await settled();
  }
}

test('a first connection that fails is not retried', async () => {
  const opened = reconnecting.open();
  await connection().close(1006, false);
  assert.equal(await opened, false);
  assert.deepEqual(reported, ['opening', 'failed offline']);
  await pass(60);
  assert.equal(connections.length, 1);
});

test('opening twice opens one connection', async () => {
  const both = [reconnecting.open(), reconnecting.open()];
  await connection().accept();
  assert.deepEqual(await Promise.all(both), [true, true]);
  assert.equal(await reconnecting.open(), true);
  assert.equal(connections.length, 1);
});

test('a session goes live only after the stored turns are loaded, and is given them', async () => {
  restored = Promise.withResolvers();
  reconnecting = newReconnectingSession();
  reconnecting.open();
  await connection().accept();
  assert.equal(reconnecting.current, null);
  turns = [said('kept')];
  restored.resolve();
  await settled();
  assert.deepEqual(connection().types, ['session.update', 'conversation.item.create']);
  assert.notEqual(reconnecting.current, null);
});

test('a lost session is followed by another, which is given the conversation', async () => {
  await goLive();
  turns = [said('one'), said('two')];
  await connection().close(1014);
  assert.deepEqual(reported, ['lost upstream_lost 500']);
  assert.equal(reconnecting.current, null);
  const back = reconnecting.open();
  mock.timers.tick(500);
  await connection().accept();
  assert.equal(await back, true);
  assert.deepEqual(reported.slice(1), ['retrying', 'live']);
  assert.deepEqual(connection().types, [
    'session.update',
    'conversation.item.create',
    'conversation.item.create',
  ]);
  assert.deepEqual(
    seeds.map(({ messages, openTurn, isBack }) => [messages.length, openTurn, isBack]),
    [
      [0, null, false],
      [2, 'unanswered', true],
    ],
  );
});

test('events of a session that is over, or not yet live, are not passed on', async () => {
  const opened = reconnecting.open();
  connection().say({ type: 'session.created', session: {} });
  assert.deepEqual(reported, ['opening']);
  connection().say({ type: 'session.updated', session: {} });
  await opened;
  const former = connection();
  await former.close(1006);
  reported.length = 0;
  former.say({ type: 'response.audio.delta', delta: '' });
  assert.deepEqual(reported, []);
});

test('a refusal is not retried', async () => {
  await goLive();
  await connection().close(4401);
  assert.deepEqual(reported, ['failed upstream_unauthorized']);
  await pass(60);
  assert.equal(connections.length, 1);
});

test('a user who was signed out meanwhile is asked to sign in, and the page does not retry', async () => {
  await goLive();
  await connection().close(1012);
  server.refusal = 'signed_out';
  mock.timers.tick(500);
  await connection().close(1006, false);
  assert.equal(reported.at(-1), 'failed signed_out');
});

/** Wait until the next try is due, and let it fail. */
async function failTry() {
  mock.timers.tick(Number(reported.at(-1)?.split(' ').at(-1)));
  await connection().close(1006, false);
}

test('after eight failed tries that reached the server there is no other', async () => {
  await goLive();
  connection().say({ type: 'response.done', response: { status: 'completed' } });
  await connection().close(1012);
  server.refusal = 'busy';
  for (let count = 0; count < 7; count++) await failTry();
  assert.equal(reported.at(-1), 'lost busy 15000');
  await failTry();
  assert.equal(reported.at(-1), 'failed busy');
});

test('tries that do not reach the server do not count', async () => {
  await goLive();
  await connection().close(1012);
  for (let count = 0; count < 9; count++) await failTry();
  assert.equal(reported.at(-1), 'lost offline 15000');
  await pass(15);
  await connection().accept();
  assert.equal(reported.at(-1), 'live');
});

test('sessions that are lost as soon as they are live count as failed tries', async () => {
  await goLive();
  let losses = 0;
  while (losses < 20 && !reported.some((word) => word.startsWith('failed'))) {
    losses += 1;
    await connection().close(1011);
    await pass(15);
    if (!connection().isClosed) await connection().accept();
  }
  assert.equal(losses, 8);
});

test('sessions that complete an answer are retried without end', async () => {
  await goLive();
  for (let count = 0; count < 30; count++) {
    connection().say({ type: 'response.done', response: { status: 'completed' } });
    await connection().close(1011);
    mock.timers.tick(500);
    await connection().accept();
  }
  assert.equal(connections.length, 31);
});

test('retryNow tries at once and starts a new series', async () => {
  await goLive();
  await connection().close(1012);
  for (let count = 0; count < 3; count++) {
    await pass(4);
    await connection().close(1006, false);
  }
  assert.equal(reported.at(-1), 'lost offline 4000');
  reconnecting.retryNow();
  assert.equal(reported.at(-1), 'retrying');
  await connection().close(1006, false);
  assert.equal(reported.at(-1), 'lost offline 500');
});

test('closing ends everything that was under way', async () => {
  await goLive();
  await connection().close(1012);
  const back = reconnecting.open();
  mock.timers.tick(500);
  reconnecting.close();
  assert.equal(await back, false);
  assert.equal(connection().isClosed, true);
  reported.length = 0;
  await connection().accept();
  await pass(60);
  assert.deepEqual([reported, connections.length], [[], 2]);
});

describe('a wake event', () => {
  test('ends a session whose server does not answer', async () => {
    await goLive();
    server.alive = false;
    reconnecting.wake();
    await settled();
    assert.deepEqual(reported, ['lost offline 500']);
    assert.equal(connection().isClosed, true);
  });

  test('leaves a session whose server answers as it is', async () => {
    await goLive();
    reconnecting.wake();
    await settled();
    assert.deepEqual(reported, []);
  });

  test('retries a lost session at once, but not without a network', async () => {
    await goLive();
    await connection().close(1012);
    server.online = false;
    reconnecting.wake();
    assert.equal(connections.length, 1);
    server.online = true;
    reconnecting.wake();
    reconnecting.wake();
    assert.equal(connections.length, 2, 'the second wake event leaves the new try alone');
  });

  test('starts a new series after all tries have failed, but not after a close', async () => {
    await goLive();
    await connection().close(1012);
    while (!reported.some((word) => word.startsWith('failed'))) {
      await pass(15);
      await connection().close(1006, false);
    }
    for (const count of [1, 2]) {
      const before = connections.length;
      reconnecting.wake();
      assert.equal(connections.length, before + 1, `${count}`);
      await connection().close(1006, false);
    }
    reconnecting.close();
    const before = connections.length;
    reconnecting.wake();
    assert.equal(connections.length, before);
  });
});

test('a quiet session whose server is gone is reported as lost within six seconds', async () => {
  await goLive();
  server.alive = false;
  await pass(6);
  assert.match(reported[0] ?? '', /^lost offline/);
});

describe('a session that expires', () => {
  /** Unix s. @param {number} seconds from now */
  const expiring = (seconds) => ({ expires_at: Date.now() / 1000 + seconds });

  test('is replaced by the next one in a quiet moment, without being reported as lost', async () => {
    await goLive(expiring(20));
    turns = [said('one')];
    isQuiet = false;
    await pass(10);
    assert.equal(connections.length, 2);
    await connection().accept(expiring(20));
    await pass(2);
    connections[0]?.say({ type: 'response.created', response: {} });
    assert.deepEqual(reported, ['response.created'], 'the present session goes on');
    assert.deepEqual(connection().types, ['session.update']);
    isQuiet = true;
    await pass(1);
    assert.deepEqual(reported, ['response.created', 'replaced']);
    assert.equal(connections[0]?.isClosed, true);
    assert.deepEqual(connection().types, ['session.update', 'conversation.item.create']);
    await pass(10);
    assert.equal(connections.length, 3, 'the replacement is replaced, too');
  });

  test('goes on while the server is full, and opens the next one later', async () => {
    await goLive(expiring(60));
    await pass(30);
    await connection().close(1013);
    assert.deepEqual(reported, []);
    await pass(10);
    assert.equal(connections.length, 3);
  });

  test('and ends before a quiet moment is reported as lost, and retried', async () => {
    await goLive(expiring(20));
    isQuiet = false;
    await pass(10);
    await connection().accept(expiring(20));
    connections[0]?.say({ type: 'error', error: { type: 'relay_error', code: 'session_expired' } });
    await connections[0]?.close(4408);
    assert.equal(connections[1]?.isClosed, true);
    assert.deepEqual(reported, ['error', 'lost session_expired 500']);
  });
});
