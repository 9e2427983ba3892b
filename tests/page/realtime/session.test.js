import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, mock, test } from 'node:test';
import { newId } from '../../../public/realtime/ids.js';
import { Session } from '../../../public/realtime/session.js';
import { DEFAULTS } from '../../../public/store/settings.js';

/** @import { RealtimeEvent } from '../../../public/realtime/dialect.js' */
/** @import { SessionEnding } from '../../../public/realtime/session.js' */

/** @type {RealtimeEvent[]} */ let sent;
/** @type {RealtimeEvent[]} */ let received;
/** @type {SessionEnding[]} */ let endings;
/** @type {any} */ let wire;
/** @type {Session} */ let session;

function newSession() {
  return new Session({
    connect: (handlers) => {
      wire = { ...handlers, closed: false, heldBackBytes: 0 };
      return {
        send: (event) => sent.push(event) > 0,
        close: () => {
          wire.closed = true;
        },
        get heldBackBytes() {
          return wire.heldBackBytes;
        },
      };
    },
    settings: DEFAULTS,
    onReceived() {},
    onEvent: (event) => received.push(event),
    onSent() {},
    onUnreadable() {},
    onEnded: (ending) => endings.push(ending),
  });
}

beforeEach(() => {
  [sent, received, endings] = [[], [], []];
  session = newSession();
});

afterEach(() => session.close());

const types = () => sent.map(({ type }) => type);
const goLive = (details = {}) => {
  wire.onEvent({ type: 'session.created', session: { model: 'gpt-realtime', expires_at: 1000, ...details } });
  wire.onEvent({ type: 'session.updated', session: {} });
};

test('nothing is sent before session.created, no speech before session.updated', async () => {
  assert.equal(session.speak('AAAA'), false);
  wire.onEvent({ type: 'session.created', session: {} });
  assert.deepEqual(types(), ['session.update']);
  assert.equal(session.speak('AAAA'), false);
  wire.onEvent({ type: 'session.updated', session: {} });
  assert.equal(await session.ready, true);
  assert.equal(session.speak('AAAA'), true);
  assert.deepEqual(types(), ['session.update', 'input_audio_buffer.append']);
});

test('the settings are sent in the dialect of session.created', () => {
  goLive({ type: 'realtime' });
  assert.equal(session.dialect, 'ga');
  assert.equal(sent[0]?.session.type, 'realtime');
  assert.equal(session.expiresAtMs, 1_000_000);
});

test('no speech is sent while the network is behind', () => {
  goLive();
  wire.heldBackBytes = 300_000;
  assert.equal(session.speak('AAAA'), false);
});

test('events are told by their GA name', () => {
  goLive();
  wire.onEvent({ type: 'response.audio.delta', delta: '' });
  assert.equal(received.at(-1)?.type, 'response.output_audio.delta');
});

test('a message asks for an answer, after the one under way', () => {
  goLive();
  session.write('i1', 'one');
  wire.onEvent({ type: 'response.created', response: { id: 'r1' } });
  session.write('i2', 'two');
  assert.deepEqual(types().slice(1), [
    'conversation.item.create',
    'response.create',
    'conversation.item.create',
  ]);
  wire.onEvent({ type: 'response.done', response: { id: 'r1' } });
  assert.equal(types().at(-1), 'response.create');
  wire.onEvent({ type: 'response.created', response: { id: 'r2' } });
  wire.onEvent({ type: 'response.done', response: { id: 'r2' } });
  assert.equal(types().filter((type) => type === 'response.create').length, 2);
});

test('an answer that was asked for too early is asked for again', () => {
  goLive();
  wire.onEvent({ type: 'error', error: { code: 'conversation_already_has_active_response' } });
  wire.onEvent({ type: 'response.done', response: {} });
  assert.equal(types().at(-1), 'response.create');
});

test('ids are new each time and short enough for the API', () => {
  const [one, two] = [newId(), newId()];
  assert.notEqual(one, two);
  assert.ok(one.length <= 32);
});

describe('an abandoned response', () => {
  beforeEach(() => {
    goLive();
    wire.onEvent({ type: 'response.created', response: { id: 'r1' } });
  });

  test('is known by what still comes of it', () => {
    session.abandonResponse({ cancel: false });
    assert.equal(session.isAbandoned({ type: 'response.output_audio.delta', response_id: 'r1' }), true);
    assert.equal(session.isAbandoned({ type: 'response.output_audio.delta', response_id: 'r2' }), false);
    assert.equal(types().includes('response.cancel'), false);
  });

  test('is cancelled only when asked for, and only while active', () => {
    session.abandonResponse({ cancel: true });
    wire.onEvent({ type: 'response.done', response: { id: 'r1' } });
    session.abandonResponse({ cancel: true });
    assert.equal(types().filter((type) => type === 'response.cancel').length, 1);
  });
});

describe('what was said in earlier sessions', () => {
  const messages = /** @type {const} */ ([
    { id: 'u', role: 'user', text: 'Hi' },
    { id: 'a', role: 'assistant', text: 'Hello' },
  ]);
  const created = (/** @type {string} */ id, /** @type {string | null} */ previous) =>
    wire.onEvent({
      type: 'conversation.item.created',
      previous_item_id: previous,
      item: { id, type: 'message' },
    });

  test('is given as items with their ids, by the dialect', () => {
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

  test('is no place to put a turn behind, since the session was not given all', () => {
    goLive();
    session.restore(messages);
    created('a', 'u');
    assert.equal(received.at(-1)?.previous_item_id, undefined);
    created('new', 'a');
    assert.equal(received.at(-1)?.previous_item_id, undefined);
    created('newer', 'new');
    assert.equal(received.at(-1)?.previous_item_id, 'new');
  });

  test('is forgotten with all that was said since', () => {
    goLive();
    session.restore(messages);
    created('spoken', 'a');
    session.write('typed', 'text');
    session.forget();
    const deleted = () =>
      sent.filter(({ type }) => type === 'conversation.item.delete').map((event) => event.item_id);
    assert.deepEqual(deleted(), ['u', 'a', 'spoken', 'typed']);
    const late = { type: 'conversation.item.input_audio_transcription.completed', item_id: 'spoken' };
    assert.equal(session.isAbandoned(late), true);
  });

  test('is forgotten with the answer under way, which is deleted when it is over', () => {
    goLive();
    wire.onEvent({ type: 'response.created', response: { id: 'r' } });
    wire.onEvent({ type: 'response.output_item.added', response_id: 'r', item: { id: 'answer' } });
    created('answer', null);
    session.forget();
    assert.equal(types().includes('conversation.item.delete'), false);
    assert.equal(session.isAbandoned({ type: 'response.output_audio.delta', item_id: 'answer' }), true);
    wire.onEvent({ type: 'response.done', response: { id: 'r', status: 'cancelled' } });
    assert.equal(sent.at(-1)?.item_id, 'answer');
    wire.onEvent({ type: 'response.created', response: { id: 'r2' } });
    wire.onEvent({ type: 'response.output_item.added', response_id: 'r2', item: { id: 'next' } });
    wire.onEvent({ type: 'response.done', response: { id: 'r2', status: 'completed' } });
    assert.equal(types().filter((type) => type === 'conversation.item.delete').length, 1);
  });
});

describe('the end', () => {
  test('carries the error that came right before', async () => {
    goLive();
    wire.onEvent({ type: 'error', error: { type: 'relay_error', code: 'idle' } });
    wire.onEnded({ code: 4409, reason: '', opened: true });
    assert.deepEqual(endings, [
      { code: 4409, reason: '', opened: true, error: { type: 'relay_error', code: 'idle' } },
    ]);
  });

  test('does not carry an error of long ago', () => {
    goLive();
    wire.onEvent({ type: 'error', error: { code: 'rate_limit_exceeded' } });
    wire.onEvent({ type: 'response.done', response: {} });
    wire.onEnded({ code: 1006, reason: '', opened: true });
    assert.equal(endings[0]?.error, null);
  });

  test('before it is live settles ready with false', async () => {
    wire.onEnded({ code: 1006, reason: '', opened: false });
    assert.equal(await session.ready, false);
  });

  test('comes when the network swallows all', async () => {
    mock.timers.enable({ apis: ['setTimeout'] });
    const opening = newSession();
    mock.timers.tick(15_000);
    mock.timers.reset();
    assert.equal(await opening.ready, false);
    assert.deepEqual(endings, [{ code: 1006, reason: '', opened: false, error: null }]);
    assert.equal(wire.closed, true);
  });

  test('comes when the settings are refused', async () => {
    wire.onEvent({ type: 'session.created', session: {} });
    wire.onEvent({ type: 'error', error: { code: 'unknown_parameter', event_id: sent[0]?.event_id } });
    assert.equal(await session.ready, false);
    assert.equal(wire.closed, true);
    assert.equal(endings[0]?.error?.code, 'unknown_parameter');
  });

  test('is not told to who closes', async () => {
    goLive();
    session.close();
    session.close();
    wire.onEnded({ code: 1000, reason: '', opened: true });
    assert.deepEqual(endings, []);
    assert.equal(session.speak('AAAA'), false);
  });
});
