import assert from 'node:assert/strict';
import { beforeEach, test } from 'node:test';
import { Connection } from '../../../public/realtime/connection.js';

/** @type {any} */ let socket;
/** @type {unknown[]} */ let reported;
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
  reported = [];
  connection = new Connection(
    'ws://host/ws',
    {
      onEvent: (event) => reported.push(['event', event]),
      onUnreadable: (frame) => reported.push(['unreadable', frame]),
      onClosed: (close) => reported.push(['closed', close]),
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

test('an event is passed on', () => {
  socket.onmessage({ data: '{"type":"a"}' });
  assert.deepEqual(reported, [['event', { type: 'a' }]]);
});

for (const data of ['{', 'null', '7', '{"type":7}', '[]', new ArrayBuffer(2)])
  test(`the frame ${data} is reported as unreadable`, () => {
    socket.onmessage({ data });
    assert.deepEqual(reported, [['unreadable', String(data)]]);
  });

test('the close says whether the handshake had succeeded', () => {
  socket.onclose({ code: 1006, reason: '' });
  socket.onopen();
  socket.onclose({ code: 4408, reason: 'time' });
  assert.deepEqual(reported, [
    ['closed', { code: 1006, reason: '', opened: false }],
    ['closed', { code: 4408, reason: 'time', opened: true }],
  ]);
});

test('bytes that wait to be sent are reported only when there are many', () => {
  assert.equal(connection.heldBackBytes, 0);
  socket.bufferedAmount = 1e6;
  assert.equal(connection.heldBackBytes, socket.bufferedAmount);
});

test('after close no handler is called', () => {
  connection.close();
  assert.equal(socket.closedWith, 1000);
  assert.equal(socket.onclose, null);
  assert.equal(socket.onmessage, null);
});
