import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, mock, test } from 'node:test';
import { Session } from '../../../public/realtime/session.js';
import { DEFAULTS } from '../../../public/store/settings.js';

/** @import { RealtimeEvent } from '../../../public/realtime/dialect.js' */
/** @import { SessionClose } from '../../../public/realtime/session.js' */

/** @type {RealtimeEvent[]} */ let sent;
/** @type {RealtimeEvent[]} */ let received;
/** @type {SessionClose[]} */ let closes;
/** @type {any} */ let connection;
/** @type {Session} */ let session;

function newSession() {
  return new Session({
    connect: (handlers) => {
      connection = { ...handlers, closed: false, heldBackBytes: 0 };
      return {
        send: (event) => sent.push(event) > 0,
        close: () => {
          connection.closed = true;
        },
        get heldBackBytes() {
          return connection.heldBackBytes;
        },
      };
    },
    settings: DEFAULTS,
    onReceived() {},
    onEvent: (event) => received.push(event),
    onSent() {},
    onUnreadable() {},
    onClosed: (close) => closes.push(close),
  });
}

beforeEach(() => {
  [sent, received, closes] = [[], [], []];
  session = newSession();
});

afterEach(() => session.close());

const types = () => sent.map(({ type }) => type);
const goLive = (details = {}) => {
  connection.onEvent({
    type: 'session.created',
    session: { model: 'gpt-realtime', expires_at: 1000, ...details },
  });
  connection.onEvent({ type: 'session.updated', session: {} });
};

test('nothing is sent before session.created, and no audio before session.updated', async () => {
  assert.equal(session.appendAudio('AAAA'), false);
  connection.onEvent({ type: 'session.created', session: {} });
  assert.deepEqual(types(), ['session.update']);
  assert.equal(session.appendAudio('AAAA'), false);
  connection.onEvent({ type: 'session.updated', session: {} });
  assert.equal(await session.ready, true);
  assert.equal(session.appendAudio('AAAA'), true);
  assert.deepEqual(types(), ['session.update', 'input_audio_buffer.append']);
});

test('the settings are sent in the dialect of session.created', () => {
  goLive({ type: 'realtime' });
  assert.equal(session.dialect, 'ga');
  assert.equal(sent[0]?.session.type, 'realtime');
  assert.equal(session.expiresAtMs, 1_000_000);
});

test('no audio is sent while the network is too slow', () => {
  goLive();
  connection.heldBackBytes = 300_000;
  assert.equal(session.appendAudio('AAAA'), false);
});

test('events are passed on under their GA names', () => {
  goLive();
  connection.onEvent({ type: 'response.audio.delta', delta: '' });
  assert.equal(received.at(-1)?.type, 'response.output_audio.delta');
});

test('a message asks for a response once the active one is over', () => {
  goLive();
  session.sendMessage('i1', 'one');
  connection.onEvent({ type: 'response.created', response: { id: 'r1' } });
  session.sendMessage('i2', 'two');
  assert.deepEqual(types().slice(1), [
    'conversation.item.create',
    'response.create',
    'conversation.item.create',
  ]);
  connection.onEvent({ type: 'response.done', response: { id: 'r1' } });
  assert.equal(types().at(-1), 'response.create');
  connection.onEvent({ type: 'response.created', response: { id: 'r2' } });
  connection.onEvent({ type: 'response.done', response: { id: 'r2' } });
  assert.equal(types().filter((type) => type === 'response.create').length, 2);
});

test('a response that was refused because another was active is asked for again', () => {
  goLive();
  connection.onEvent({ type: 'error', error: { code: 'conversation_already_has_active_response' } });
  connection.onEvent({ type: 'response.done', response: {} });
  assert.equal(types().at(-1), 'response.create');
});

describe('an abandoned response', () => {
  beforeEach(() => {
    goLive();
    connection.onEvent({ type: 'response.created', response: { id: 'r1' } });
  });

  test('is recognised in the events that still arrive', () => {
    session.abandonResponse({ cancel: false });
    assert.equal(session.isAbandoned({ type: 'response.output_audio.delta', response_id: 'r1' }), true);
    assert.equal(session.isAbandoned({ type: 'response.output_audio.delta', response_id: 'r2' }), false);
    assert.equal(types().includes('response.cancel'), false);
  });

  test('is cancelled only on request, and only while it is active', () => {
    session.abandonResponse({ cancel: true });
    connection.onEvent({ type: 'response.done', response: { id: 'r1' } });
    session.abandonResponse({ cancel: true });
    assert.equal(types().filter((type) => type === 'response.cancel').length, 1);
  });
});

describe('messages of earlier sessions', () => {
  const messages = /** @type {const} */ ([
    { id: 'u', role: 'user', text: 'Hi' },
    { id: 'a', role: 'assistant', text: 'Hello' },
  ]);
  const created = (/** @type {string} */ id, /** @type {string | null} */ previous) =>
    connection.onEvent({
      type: 'conversation.item.created',
      previous_item_id: previous,
      item: { id, type: 'message' },
    });

  test('are sent as items with their ids, in the dialect of the session', () => {
    goLive({ type: 'realtime' });
    session.restore(messages);
    assert.deepEqual(
      sent.slice(1).map(({ type, item }) => [type, item]),
      [
        [
          'conversation.item.create',
          { id: 'u', type: 'message', role: 'user', content: [{ type: 'input_text', text: 'Hi' }] },
        ],
        [
          'conversation.item.create',
          { id: 'a', type: 'message', role: 'assistant', content: [{ type: 'output_text', text: 'Hello' }] },
        ],
      ],
    );
  });

  test('are no longer named as previous items, since other turns may follow them on the page', () => {
    goLive();
    session.restore(messages);
    created('a', 'u');
    assert.equal(received.at(-1)?.previous_item_id, undefined);
    created('new', 'a');
    assert.equal(received.at(-1)?.previous_item_id, undefined);
    created('newer', 'new');
    assert.equal(received.at(-1)?.previous_item_id, 'new');
  });

  test('are deleted together with the items that came later', () => {
    goLive();
    session.restore(messages);
    created('spoken', 'a');
    session.sendMessage('typed', 'text');
    session.forget();
    const deleted = () =>
      sent.filter(({ type }) => type === 'conversation.item.delete').map((event) => event.item_id);
    assert.deepEqual(deleted(), ['u', 'a', 'spoken', 'typed']);
    const late = { type: 'conversation.item.input_audio_transcription.completed', item_id: 'spoken' };
    assert.equal(session.isAbandoned(late), true);
  });

  test('are deleted together with the active response, which is deleted when it is over', () => {
    goLive();
    connection.onEvent({ type: 'response.created', response: { id: 'r' } });
    connection.onEvent({ type: 'response.output_item.added', response_id: 'r', item: { id: 'answer' } });
    created('answer', null);
    session.forget();
    assert.equal(types().includes('conversation.item.delete'), false);
    assert.equal(session.isAbandoned({ type: 'response.output_audio.delta', item_id: 'answer' }), true);
    connection.onEvent({ type: 'response.done', response: { id: 'r', status: 'cancelled' } });
    assert.equal(sent.at(-1)?.item_id, 'answer');
    connection.onEvent({ type: 'response.created', response: { id: 'r2' } });
    connection.onEvent({ type: 'response.output_item.added', response_id: 'r2', item: { id: 'next' } });
    connection.onEvent({ type: 'response.done', response: { id: 'r2', status: 'completed' } });
    assert.equal(types().filter((type) => type === 'conversation.item.delete').length, 1);
  });
});

describe('the close of a session', () => {
  test('is reported with the error right before it', async () => {
    goLive();
    connection.onEvent({ type: 'error', error: { type: 'relay_error', code: 'idle' } });
    connection.onClosed({ code: 4409, reason: '', opened: true });
    assert.deepEqual(closes, [
      { code: 4409, reason: '', opened: true, error: { type: 'relay_error', code: 'idle' } },
    ]);
  });

  test('is reported without an error that came earlier', () => {
    goLive();
    connection.onEvent({ type: 'error', error: { code: 'rate_limit_exceeded' } });
    connection.onEvent({ type: 'response.done', response: {} });
    connection.onClosed({ code: 1006, reason: '', opened: true });
    assert.equal(closes[0]?.error, null);
  });

  test('resolves ready with false before the session is live', async () => {
    connection.onClosed({ code: 1006, reason: '', opened: false });
    assert.equal(await session.ready, false);
  });

  test('comes after 15 s in which the network has dropped everything', async () => {
    mock.timers.enable({ apis: ['setTimeout'] });
    const opening = newSession();
    mock.timers.tick(15_000);
    mock.timers.reset();
    assert.equal(await opening.ready, false);
    assert.deepEqual(closes, [{ code: 1006, reason: '', opened: false, error: null }]);
    assert.equal(connection.closed, true);
  });

  test('follows when the settings are refused', async () => {
    connection.onEvent({ type: 'session.created', session: {} });
    connection.onEvent({ type: 'error', error: { code: 'unknown_parameter', event_id: sent[0]?.event_id } });
    assert.equal(await session.ready, false);
    assert.equal(connection.closed, true);
    assert.equal(closes[0]?.error?.code, 'unknown_parameter');
  });

  test('is not reported after close was called', async () => {
    goLive();
    session.close();
    session.close();
    connection.onClosed({ code: 1000, reason: '', opened: true });
    assert.deepEqual(closes, []);
    assert.equal(session.appendAudio('AAAA'), false);
  });
});
