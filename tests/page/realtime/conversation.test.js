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

/** @param {RealtimeEvent[]} events under the names of either dialect */
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

    test('the turn of the user stands before its answer, although its transcript arrives last', () => {
      receive(...spokenTurn());
      assert.deepEqual(texts(), ['user:  (awaited)', 'assistant: Hello there. (complete)']);
      receive({ type: `${transcription}.completed`, item_id: 'u1', transcript: 'Hi!' });
      assert.deepEqual(texts(), ['user: Hi! (complete)', 'assistant: Hello there. (complete)']);
    });

    test('a transcript grows with its deltas, and a failed one is marked', () => {
      receive(
        ...spokenTurn(),
        { type: `${transcription}.delta`, item_id: 'u1', delta: 'Hi ' },
        { type: `${transcription}.delta`, item_id: 'u1', delta: 'you' },
      );
      assert.equal(turn('u1').text, 'Hi you');
      receive({ type: `${transcription}.failed`, item_id: 'u1', error: {} });
      assert.equal(turn('u1').status, 'failed');
    });

    test('the text of a written answer counts as heard at once', () => {
      receive(
        { type: `${names.text}.delta`, item_id: 'a', delta: 'So' },
        { type: `${names.text}.done`, item_id: 'a', text: 'So be it.' },
      );
      assert.deepEqual(texts(), ['assistant: So be it. (streaming)']);
      assert.equal(heardCharacters(turn('a')), 'So be it.'.length);
    });

    test('the turns are in the same order whichever event arrives first', () => {
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

test('a turn that arrives before its predecessor is moved behind it', () => {
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

test('ranks are in order after turns were inserted in the middle', () => {
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

test('a turn is put behind the notes that follow its predecessor', () => {
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

  test('keeps the text that was heard, up to the end of a word', () => {
    speak('a', 'one two three four five six', 2700);
    interrupt('a', 1000);
    assert.deepEqual(texts(), ['assistant: one two three (interrupted)']);
  });

  test('is removed when nothing of it was heard', () => {
    speak('a', 'one two three', 2000);
    speak('b', 'four five six', 2000);
    interrupt('a', 1990);
    assert.deepEqual(removed, ['b']);
  });

  test('is not changed by events that arrive later', () => {
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

  test('that was removed does not come back with its last event', () => {
    speak('a', 'one two three', 2000);
    interrupt(null, 0);
    receive({
      type: 'conversation.item.done',
      item: { id: 'a', type: 'message', role: 'assistant', status: 'incomplete' },
    });
    assert.deepEqual(ids(), []);
  });

  test('stays complete when it was heard to its end', () => {
    speak('a', 'one two three', 2000);
    conversation.heard('a', 2000);
    interrupt(null, 0);
    assert.deepEqual(texts(), ['assistant: one two three (complete)']);
  });
});

test('until the audio is complete, the speed of speech limits what counts as heard', () => {
  receive({ type: 'response.output_audio_transcript.delta', item_id: 'a', delta: 'x'.repeat(40) });
  conversation.addAudio('a', 1000);
  conversation.heard('a', 1000);
  assert.ok(heardCharacters(turn('a')) < 40 + 1 && turn('a').text.length === 40);
  receive({ type: 'response.output_audio_transcript.delta', item_id: 'a', delta: ' yy'.repeat(300) });
  assert.ok(heardCharacters(turn('a')) < 60, 'the text arrives before its audio');
  receive({ type: 'response.output_audio.done', item_id: 'a' });
  assert.equal(heardCharacters(turn('a')), turn('a').text.length);
});

test('stored turns are restored before the present ones, and their unfinished parts are closed', () => {
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
  const TYPES = [
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
  for (const type of TYPES)
    test(`a ${type} without ids or with wrong fields changes nothing`, () => {
      receive(
        { type },
        { type, item: null },
        { type, item: {} },
        { type, item: { id: 'x', type: 'message', role: 'system' } },
        { type, response: { output: 7 } },
      );
      assert.deepEqual(ids(), []);
    });

  test('control characters are removed, and text of any language stays', () => {
    const kept = 'a\tb\nc שלום مرحبا 👩‍👩‍👧 é \u202etxt';
    conversation.add('user', 'u', `\u0000\u0007${kept}\u001b[31m\u009f`);
    assert.equal(turn('u').text, `${kept}[31m`);
  });

  test('a delta of 100 KB is kept whole', () => {
    receive({ type: 'response.output_text.delta', item_id: 'a', delta: 'x '.repeat(50_000) });
    assert.equal(turn('a').text.length, 100_000);
  });

  test('content parts are joined by their index, not in the order of their arrival', () => {
    receive(
      { type: 'response.output_text.delta', item_id: 'a', content_index: 1, delta: 'world' },
      { type: 'response.output_text.delta', item_id: 'a', content_index: 0, delta: 'hello ' },
    );
    assert.equal(turn('a').text, 'hello world');
  });
});

test('a function call is noted once its arguments are complete, and removed with its item', () => {
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
