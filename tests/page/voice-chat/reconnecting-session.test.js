import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, mock, test } from 'node:test';
import { DEFAULTS } from '../../../public/store/settings.js';
import { ReconnectingSession } from '../../../public/voice-chat/reconnecting-session.js';
import { Retry } from '../../../public/voice-chat/retry.js';

/** @import { RealtimeEvent } from '../../../public/realtime/dialect.js' */

/** One connection the line has made: what it was sent, and the way to speak for the service. */
class Wire {
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
  async end(code, opened = true) {
    this.handlers.onEnded({ code, reason: '', opened });
    await settled();
  }

  get types() {
    return this.sent.map(({ type }) => type);
  }
}

async function settled() {
  for (let turn = 0; turn < 10; turn++) await Promise.resolve();
}

/** @type {Wire[]} */ let wires;
/** @type {string[]} */ let told;
/** @type {any[]} */ let live;
/** @type {any[]} */ let turns;
/** @type {any} */ let service;
/** @type {boolean} */ let isQuiet;
/** @type {PromiseWithResolvers<void>} */ let restored;
/** @type {ReconnectingSession} */ let reconnecting;

beforeEach(() => {
  mock.timers.enable({ apis: ['setTimeout', 'setInterval', 'Date'], now: 1_000_000 });
  [wires, told, live, turns, isQuiet] = [[], [], [], [], true];
  restored = Promise.withResolvers();
  restored.resolve();
  service = {
    connect: (/** @type {any} */ handlers) => {
      const wire = new Wire(handlers);
      wires.push(wire);
      return {
        send: (/** @type {RealtimeEvent} */ event) => wire.sent.push(event) > 0,
        close: () => {
          wire.isClosed = true;
        },
        heldBackBytes: 0,
      };
    },
    refusal: 'offline',
    whyRefused: async () => service.refusal,
    alive: true,
    isAlive: async () => service.alive,
    online: true,
    isOnline: () => service.online,
  };
  reconnecting = newReconnectingSession();
});

function newReconnectingSession() {
  return new ReconnectingSession({
    service,
    settings: () => DEFAULTS,
    turns: () => turns,
    settled: () => restored.promise,
    isQuiet: () => isQuiet,
    retry: new Retry(Date.now, () => 1),
    on: {
      onOpening: () => told.push('opening'),
      onLive: (_session, restored) => {
        told.push('live');
        live.push(restored);
      },
      onNext: () => told.push('next'),
      onLost: ({ cause }, atMs) => told.push(`lost ${cause} ${atMs - Date.now()}`),
      onTrying: () => told.push('trying'),
      onOver: (link, { cause }) => told.push(`${link} ${cause}`),
      onEvent: ({ type }) => told.push(type),
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

const wire = () => /** @type {Wire} */ (wires.at(-1));
const said = (/** @type {string} */ id) => ({ id, role: 'user', text: id, status: 'complete' });

async function goLive(session = {}) {
  const opened = reconnecting.open();
  await wire().accept(session);
  assert.equal(await opened, true);
  told.length = 0;
}

/** Pass seconds one by one, so that what each brings about happens. @param {number} seconds */
async function pass(seconds) {
  for (let second = 0; second < seconds; second++) {
    mock.timers.tick(1000);
    await settled();
  }
}

test('a first connection that fails is not tried again', async () => {
  const opened = reconnecting.open();
  await wire().end(1006, false);
  assert.equal(await opened, false);
  assert.deepEqual(told, ['opening', 'failed offline']);
  await pass(60);
  assert.equal(wires.length, 1);
});

test('a line opened twice is one line', async () => {
  const both = [reconnecting.open(), reconnecting.open()];
  await wire().accept();
  assert.deepEqual(await Promise.all(both), [true, true]);
  assert.equal(await reconnecting.open(), true);
  assert.equal(wires.length, 1);
});

test('a session waits for what is kept of the conversation', async () => {
  restored = Promise.withResolvers();
  reconnecting = newReconnectingSession();
  reconnecting.open();
  await wire().accept();
  assert.equal(reconnecting.session, null);
  turns = [said('kept')];
  restored.resolve();
  await settled();
  assert.deepEqual(wire().types, ['session.update', 'conversation.item.create']);
  assert.notEqual(reconnecting.session, null);
});

test('a lost session is followed by another, which knows what was said', async () => {
  await goLive();
  turns = [said('one'), said('two')];
  await wire().end(1014);
  assert.deepEqual(told, ['lost upstream_lost 500']);
  assert.equal(reconnecting.session, null);
  const back = reconnecting.open();
  mock.timers.tick(500);
  await wire().accept();
  assert.equal(await back, true);
  assert.deepEqual(told.slice(1), ['trying', 'live']);
  assert.deepEqual(wire().types, ['session.update', 'conversation.item.create', 'conversation.item.create']);
  assert.deepEqual(
    live.map(({ messages, owed, isBack }) => [messages.length, owed, isBack]),
    [
      [0, null, false],
      [2, 'unanswered', true],
    ],
  );
});

test('nothing of a session that is over, or not yet in use, is told', async () => {
  const opened = reconnecting.open();
  wire().say({ type: 'session.created', session: {} });
  assert.deepEqual(told, ['opening']);
  wire().say({ type: 'session.updated', session: {} });
  await opened;
  const former = wire();
  await former.end(1006);
  told.length = 0;
  former.say({ type: 'response.audio.delta', delta: '' });
  assert.deepEqual(told, []);
});

test('an ending that another try would only meet again is final', async () => {
  await goLive();
  await wire().end(4401);
  assert.deepEqual(told, ['failed upstream_unauthorized']);
  await pass(60);
  assert.equal(wires.length, 1);
});

test('a visitor who is signed out meanwhile is told', async () => {
  await goLive();
  await wire().end(1012);
  service.refusal = 'signed_out';
  mock.timers.tick(500);
  await wire().end(1006, false);
  assert.equal(told.at(-1), 'failed signed_out');
});

/** Let the next try come when it is due, and fail. */
async function failTry() {
  mock.timers.tick(Number(told.at(-1)?.split(' ').at(-1)));
  await wire().end(1006, false);
}

test('eight tries that fail although the server can be asked are enough', async () => {
  await goLive();
  wire().say({ type: 'response.done', response: { status: 'completed' } });
  await wire().end(1012);
  service.refusal = 'busy';
  for (let count = 0; count < 7; count++) await failTry();
  assert.equal(told.at(-1), 'lost busy 15000');
  await failTry();
  assert.equal(told.at(-1), 'failed busy');
});

test('a server that cannot be asked is waited for', async () => {
  await goLive();
  await wire().end(1012);
  for (let count = 0; count < 9; count++) await failTry();
  assert.equal(told.at(-1), 'lost offline 15000');
  await pass(15);
  await wire().accept();
  assert.equal(told.at(-1), 'live');
});

test('sessions that are lost as soon as they are up are given up, too', async () => {
  await goLive();
  let losses = 0;
  while (losses < 20 && !told.some((word) => word.startsWith('failed'))) {
    losses += 1;
    await wire().end(1011);
    await pass(15);
    if (!wire().isClosed) await wire().accept();
  }
  assert.equal(losses, 8);
});

test('sessions that give an answer are tried again and again', async () => {
  await goLive();
  for (let count = 0; count < 30; count++) {
    wire().say({ type: 'response.done', response: { status: 'completed' } });
    await wire().end(1011);
    mock.timers.tick(500);
    await wire().accept();
  }
  assert.equal(wires.length, 31);
});

test('Retry now tries at once and counts anew', async () => {
  await goLive();
  await wire().end(1012);
  for (let count = 0; count < 3; count++) {
    await pass(4);
    await wire().end(1006, false);
  }
  assert.equal(told.at(-1), 'lost offline 4000');
  reconnecting.retryNow();
  assert.equal(told.at(-1), 'trying');
  await wire().end(1006, false);
  assert.equal(told.at(-1), 'lost offline 500');
});

test('a disconnect gives up, whatever was under way', async () => {
  await goLive();
  await wire().end(1012);
  const back = reconnecting.open();
  mock.timers.tick(500);
  reconnecting.close();
  assert.equal(await back, false);
  assert.equal(wire().isClosed, true);
  told.length = 0;
  await wire().accept();
  await pass(60);
  assert.deepEqual([told, wires.length], [[], 2]);
});

describe('waking', () => {
  test('finds a session dead whose server does not answer', async () => {
    await goLive();
    service.alive = false;
    reconnecting.wake();
    await settled();
    assert.deepEqual(told, ['lost offline 500']);
    assert.equal(wire().isClosed, true);
  });

  test('leaves a session that lives', async () => {
    await goLive();
    reconnecting.wake();
    await settled();
    assert.deepEqual(told, []);
  });

  test('tries a lost session at once, but not without a network', async () => {
    await goLive();
    await wire().end(1012);
    service.online = false;
    reconnecting.wake();
    assert.equal(wires.length, 1);
    service.online = true;
    reconnecting.wake();
    reconnecting.wake();
    assert.equal(wires.length, 2, 'wakings come in bunches');
  });

  test('begins anew after the tries were used up, until it is closed', async () => {
    await goLive();
    await wire().end(1012);
    while (!told.some((word) => word.startsWith('failed'))) {
      await pass(15);
      await wire().end(1006, false);
    }
    for (const count of [1, 2]) {
      const before = wires.length;
      reconnecting.wake();
      assert.equal(wires.length, before + 1, `${count}`);
      await wire().end(1006, false);
    }
    reconnecting.close();
    const before = wires.length;
    reconnecting.wake();
    assert.equal(wires.length, before);
  });
});

test('a quiet session whose server is gone is lost within ten seconds', async () => {
  await goLive();
  service.alive = false;
  await pass(6);
  assert.match(told[0] ?? '', /^lost offline/);
});

describe('a session that expires', () => {
  /** Unix s. @param {number} seconds from now */
  const expiring = (seconds) => ({ expires_at: Date.now() / 1000 + seconds });

  test('is followed by the next one in a quiet moment, without a word of a loss', async () => {
    await goLive(expiring(20));
    turns = [said('one')];
    isQuiet = false;
    await pass(10);
    assert.equal(wires.length, 2);
    await wire().accept(expiring(20));
    await pass(2);
    wires[0]?.say({ type: 'response.created', response: {} });
    assert.deepEqual(told, ['response.created'], 'the former one goes on');
    assert.deepEqual(wire().types, ['session.update']);
    isQuiet = true;
    await pass(1);
    assert.deepEqual(told, ['response.created', 'next']);
    assert.equal(wires[0]?.isClosed, true);
    assert.deepEqual(wire().types, ['session.update', 'conversation.item.create']);
    await pass(10);
    assert.equal(wires.length, 3, 'and so on');
  });

  test('goes on when there is no place for the next one', async () => {
    await goLive(expiring(60));
    await pass(30);
    await wire().end(1013);
    assert.deepEqual(told, []);
    await pass(10);
    assert.equal(wires.length, 3);
  });

  test('before the next one is there is lost and followed like any other', async () => {
    await goLive(expiring(20));
    isQuiet = false;
    await pass(10);
    await wire().accept(expiring(20));
    wires[0]?.say({ type: 'error', error: { type: 'relay_error', code: 'session_expired' } });
    await wires[0]?.end(4408);
    assert.equal(wires[1]?.isClosed, true);
    assert.deepEqual(told, ['error', 'lost session_expired 500']);
  });
});
