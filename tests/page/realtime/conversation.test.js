import assert from 'node:assert/strict';
import { beforeEach, describe, test } from 'node:test';
import { Conversation } from '../../../public/realtime/conversation.js';
import { toGaName } from '../../../public/realtime/dialect.js';
import { heardCharacters } from '../../../public/realtime/turn-list.js';

/** @import { RealtimeEvent } from '../../../public/realtime/dialect.js' */

/** @type {Conversation} */
let conversation;
/** @type {string[]} */
let removed;

beforeEach(() => {
  removed = [];
  conversation = new Conversation({ onChange() {}, onRemoved: ({ id }) => removed.push(id), now: () => 0 });
});

/** @param {RealtimeEvent[]} events by the name of either dialect */
const receive = (...events) => {
  for (const event of events) conversation.receive(toGaName(event));
};
const texts = () => conversation.turns.map(({ role, text, status }) => `${role}: ${text} (${status})`);
/** @type {(id: string | null, heardMs: number) => void} */
const interrupt = (id, heardMs) => conversation.interrupt(conversation.unfinishedAnswers, id, heardMs);
const ids = () => conversation.turns.map(({ id }) => id);
/** @param {string} id */
const turn = (id) =>
  /** @type {import('../../../public/realtime/turn-list.js').Turn} */ (
    conversation.turns.find((t) => t.id === id)
  );

const DIALECTS = {
  preview: {
    item: 'conversation.item.created',
    sound: 'response.audio',
    words: 'response.audio_transcript',
    text: 'response.text',
  },
  ga: {
    item: 'conversation.item.added',
    sound: 'response.output_audio',
    words: 'response.output_audio_transcript',
    text: 'response.output_text',
  },
};
const transcription = 'conversation.item.input_audio_transcription';

for (const [dialect, names] of Object.entries(DIALECTS)) {
  describe(dialect, () => {
    const spokenTurn = () => [
      { type: 'input_audio_buffer.speech_started', item_id: 'u1' },
      { type: 'input_audio_buffer.committed', item_id: 'u1', previous_item_id: null },
      {
        type: names.item,
        previous_item_id: null,
        item: {
          id: 'u1',
          type: 'message',
          role: 'user',
          content: [{ type: 'input_audio', transcript: null }],
        },
      },
      {
        type: 'response.output_item.added',
        item: { id: 'a1', type: 'message', role: 'assistant', content: [] },
      },
      {
        type: names.item,
        previous_item_id: 'u1',
        item: { id: 'a1', type: 'message', role: 'assistant', content: [] },
      },
      { type: `${names.words}.delta`, item_id: 'a1', delta: 'Hello ' },
      { type: `${names.words}.delta`, item_id: 'a1', delta: 'there' },
      { type: `${names.words}.done`, item_id: 'a1', transcript: 'Hello there.' },
      {
        type: 'response.output_item.done',
        item: { id: 'a1', type: 'message', role: 'assistant', status: 'completed' },
      },
    ];

    test('a spoken turn stands in order, the words of the user coming last of all', () => {
      receive(...spokenTurn());
      assert.deepEqual(texts(), ['user:  (awaited)', 'assistant: Hello there. (complete)']);
      receive({ type: `${transcription}.completed`, item_id: 'u1', transcript: 'Hi!' });
      assert.deepEqual(texts(), ['user: Hi! (complete)', 'assistant: Hello there. (complete)']);
    });

    test('a transcription that fails is said, and one that comes in pieces grows', () => {
      receive(
        ...spokenTurn(),
        { type: `${transcription}.delta`, item_id: 'u1', delta: 'Hi ' },
        { type: `${transcription}.delta`, item_id: 'u1', delta: 'you' },
      );
      assert.equal(turn('u1').text, 'Hi you');
      receive({ type: `${transcription}.failed`, item_id: 'u1', error: {} });
      assert.equal(turn('u1').status, 'failed');
    });

    test('a written answer is text at once', () => {
      receive(
        { type: `${names.text}.delta`, item_id: 'a', delta: 'So' },
        { type: `${names.text}.done`, item_id: 'a', text: 'So be it.' },
      );
      assert.deepEqual(texts(), ['assistant: So be it. (streaming)']);
      assert.equal(heardCharacters(turn('a')), 'So be it.'.length);
    });

    test('every order of the same events gives the same conversation', () => {
      const events = spokenTurn();
      for (let shift = 0; shift < events.length; shift++) {
        const log = new Conversation({ onChange() {}, onRemoved() {}, now: () => 0 });
        const rotated = [...events.slice(shift), ...events.slice(0, shift)];
        for (const event of rotated) log.receive(toGaName(event));
        assert.deepEqual(log.turns.map(({ id }) => id).sort(), ['a1', 'u1'], `shift ${shift}`);
        assert.equal(log.turns[0]?.id, 'u1', `shift ${shift}`);
      }
    });
  });
}

test('a turn whose predecessor comes later moves behind it', () => {
  receive(
    {
      type: 'conversation.item.added',
      previous_item_id: 'a',
      item: { id: 'b', type: 'message', role: 'user', content: [] },
    },
    {
      type: 'conversation.item.added',
      previous_item_id: null,
      item: { id: 'x', type: 'message', role: 'user', content: [] },
    },
    {
      type: 'conversation.item.added',
      previous_item_id: 'x',
      item: { id: 'a', type: 'message', role: 'assistant', content: [] },
    },
  );
  assert.deepEqual(ids(), ['x', 'a', 'b']);
});

test('ranks follow the order after insertions in the middle', () => {
  for (const id of ['a', 'b', 'c']) conversation.add('user', id, id);
  for (const id of ['d', 'e', 'f'])
    receive({
      type: 'conversation.item.added',
      previous_item_id: 'a',
      item: { id, type: 'message', role: 'user', content: [{ type: 'input_text', text: id }] },
    });
  assert.deepEqual(ids(), ['a', 'f', 'e', 'd', 'b', 'c']);
  const ranks = conversation.turns.map(({ rank }) => rank);
  assert.deepEqual(
    ranks,
    ranks.toSorted((a, b) => a - b),
  );
  assert.equal(new Set(ranks).size, ranks.length);
});

test('a turn does not come before a note that stands behind its predecessor', () => {
  conversation.add('user', 'a', 'Hi');
  conversation.add('note', 'n', 'Reconnected');
  receive({
    type: 'conversation.item.added',
    previous_item_id: 'a',
    item: { id: 'b', type: 'message', role: 'assistant', content: [] },
  });
  assert.deepEqual(ids(), ['a', 'n', 'b']);
});

describe('an interrupted answer', () => {
  const speak = (/** @type {string} */ id, /** @type {string} */ words, /** @type {number} */ audioMs) => {
    receive({ type: 'response.output_audio_transcript.delta', item_id: id, delta: words });
    conversation.addAudio(id, audioMs);
    receive(
      { type: 'response.output_audio.done', item_id: id },
      { type: 'response.done', response: { output: [{ id }] } },
    );
  };

  test('keeps what was heard, to the end of the word', () => {
    speak('a', 'one two three four five six', 2700);
    interrupt('a', 1000);
    assert.deepEqual(texts(), ['assistant: one two three (interrupted)']);
  });

  test('goes when nothing of it was heard', () => {
    speak('a', 'one two three', 2000);
    speak('b', 'four five six', 2000);
    interrupt('a', 1990);
    assert.deepEqual(removed, ['b']);
  });

  test('takes no more words', () => {
    speak('a', 'one two three four', 2000);
    interrupt('a', 1000);
    const { text } = turn('a');
    receive(
      { type: 'response.output_audio_transcript.done', item_id: 'a', transcript: 'one two three four' },
      {
        type: 'conversation.item.done',
        item: { id: 'a', type: 'message', role: 'assistant', status: 'incomplete' },
      },
    );
    conversation.addAudio('a', 500);
    conversation.heard('a', 1500);
    assert.deepEqual([turn('a').text, turn('a').audioMs, turn('a').heardMs], [text, 2000, 1000]);
  });

  test('that nobody heard does not come back with its last event', () => {
    speak('a', 'one two three', 2000);
    interrupt(null, 0);
    receive({
      type: 'conversation.item.done',
      item: { id: 'a', type: 'message', role: 'assistant', status: 'incomplete' },
    });
    assert.deepEqual(ids(), []);
  });

  test('leaves one alone that was heard to its end', () => {
    speak('a', 'one two three', 2000);
    conversation.heard('a', 2000);
    interrupt(null, 0);
    assert.deepEqual(texts(), ['assistant: one two three (complete)']);
  });
});

test('how much was said is guessed by the speed of speech until the sound is complete', () => {
  receive({ type: 'response.output_audio_transcript.delta', item_id: 'a', delta: 'x'.repeat(40) });
  conversation.addAudio('a', 1000);
  conversation.heard('a', 1000);
  assert.ok(heardCharacters(turn('a')) < 40 + 1 && turn('a').text.length === 40);
  receive({ type: 'response.output_audio_transcript.delta', item_id: 'a', delta: ' yy'.repeat(300) });
  assert.ok(heardCharacters(turn('a')) < 60, 'words run ahead of the sound');
  receive({ type: 'response.output_audio.done', item_id: 'a' });
  assert.equal(heardCharacters(turn('a')), turn('a').text.length);
});

test('kept turns come back before those of now, ended as they stood', () => {
  conversation.add('user', 'now', 'Now');
  const sound = { spoken: true, audioMs: 4000, audioComplete: true };
  conversation.restore([
    { id: 'u', rank: 1, role: 'user', text: '', status: 'awaited', startedAt: 0, ...sound, heardMs: 0 },
    {
      id: 'a',
      rank: 2,
      role: 'assistant',
      text: 'one two three four',
      status: 'streaming',
      startedAt: 0,
      ...sound,
      heardMs: 2000,
    },
  ]);
  assert.deepEqual(texts(), [
    'user:  (failed)',
    'assistant: one two three (interrupted)',
    'user: Now (complete)',
  ]);
});

describe('odd input', () => {
  test('events without ids, of unknown types or with wrong fields change nothing', () => {
    const types = [
      'conversation.item.added',
      'conversation.item.done',
      'response.output_item.added',
      'response.output_item.done',
      `${transcription}.completed`,
      `${transcription}.delta`,
      `${transcription}.failed`,
      'response.output_audio_transcript.delta',
      'response.output_text.done',
      'response.output_audio.done',
      'response.done',
      'conversation.item.deleted',
      'input_audio_buffer.committed',
      'input_audio_buffer.speech_started',
      'constructor',
      '__proto__',
      'no.such.event',
    ];
    for (const type of types)
      receive(
        { type },
        { type, item: null },
        { type, item: {} },
        { type, item: { id: 'x', type: 'message', role: 'system' } },
        { type, response: { output: 7 } },
      );
    assert.deepEqual(ids(), []);
  });

  test('control characters are dropped, all else of any language stays', () => {
    const kept = 'a\tb\nc שלום مرحبا 👩‍👩‍👧 é \u202etxt';
    conversation.add('user', 'u', `\u0000\u0007${kept}\u001b[31m\u009f`);
    assert.equal(turn('u').text, `${kept}[31m`);
  });

  test('a transcript of 100 KB in one piece is kept whole', () => {
    receive({ type: 'response.output_text.delta', item_id: 'a', delta: 'x '.repeat(50_000) });
    assert.equal(turn('a').text.length, 100_000);
  });

  test('parts of content arriving in any order are joined in theirs', () => {
    receive(
      { type: 'response.output_text.delta', item_id: 'a', content_index: 1, delta: 'world' },
      { type: 'response.output_text.delta', item_id: 'a', content_index: 0, delta: 'hello ' },
    );
    assert.equal(turn('a').text, 'hello world');
  });
});

test('a function call is noted once its arguments are there, and a deleted item goes', () => {
  receive({
    type: 'response.output_item.added',
    item: { id: 'f', type: 'function_call', name: 'weather', arguments: '' },
  });
  assert.deepEqual(texts(), []);
  receive({
    type: 'response.output_item.done',
    item: { id: 'f', type: 'function_call', name: 'weather', arguments: '{"in":"Oslo"}' },
  });
  assert.deepEqual(texts(), ['note: The model called weather({"in":"Oslo"}) (complete)']);
  receive({ type: 'conversation.item.deleted', item_id: 'f' });
  assert.deepEqual(removed, ['f']);
});
