import assert from 'node:assert/strict';
import { beforeEach, test } from 'node:test';
import { Connection } from '../../../public/realtime/connection.js';

/** @type {any} */ let socket;
/** @type {unknown[]} */ let told;
/** @type {Connection} */ let connection;

class FakeSocket {
  readyState = 0;
  bufferedAmount = 0;
  /** @type {string[]} */ sent = [];
  /** @type {number | null} */ closedWith = null;

  /** @param {string} url */
  constructor(url) {
    this.url = url;
    socket = this;
  }

  /** @param {string} text */
  send(text) {
    this.sent.push(text);
  }

  /** @param {number} code */
  close(code) {
    this.closedWith = code;
  }
}

beforeEach(() => {
  told = [];
  connection = new Connection(
    'ws://host/ws',
    {
      onEvent: (event) => told.push(['event', event]),
      onUnreadable: (frame) => told.push(['unreadable', frame]),
      onEnded: (ending) => told.push(['ended', ending]),
    },
    /** @type {any} */ (FakeSocket),
  );
});

test('an event is sent only while the socket is open', () => {
  assert.equal(connection.send({ type: 'a' }), false);
  socket.readyState = 1;
  assert.equal(connection.send({ type: 'a' }), true);
  assert.deepEqual(socket.sent, ['{"type":"a"}']);
});

test('what is no event is told apart, whatever it is', () => {
  for (const data of ['{"type":"a"}', '{', 'null', '7', '{"type":7}', '[]', new ArrayBuffer(2)])
    socket.onmessage({ data });
  assert.deepEqual(told, [
    ['event', { type: 'a' }],
    ['unreadable', '{'],
    ['unreadable', 'null'],
    ['unreadable', '7'],
    ['unreadable', '{"type":7}'],
    ['unreadable', '[]'],
    ['unreadable', '[object ArrayBuffer]'],
  ]);
});

test('the end says whether the handshake was refused', () => {
  socket.onclose({ code: 1006, reason: '' });
  socket.onopen();
  socket.onclose({ code: 4408, reason: 'time' });
  assert.deepEqual(told, [
    ['ended', { code: 1006, reason: '', opened: false }],
    ['ended', { code: 4408, reason: 'time', opened: true }],
  ]);
});

test('much waiting to be sent is congestion', () => {
  assert.equal(connection.heldBackBytes, 0);
  socket.bufferedAmount = 1e6;
  assert.equal(connection.heldBackBytes, socket.bufferedAmount);
});

test('closing is silent and final', () => {
  connection.close();
  assert.equal(socket.closedWith, 1000);
  assert.equal(socket.onclose, null);
  assert.equal(socket.onmessage, null);
});
