import assert from 'node:assert/strict';
import { test } from 'node:test';
import { historySeed } from '../../../public/voice-chat/history-seed.js';

/** @import { Turn } from '../../../public/realtime/turn-list.js' */

/**
 * @param {string} id
 * @param {Turn['role']} role
 * @param {string} text
 * @param {Partial<Turn>} [details]
 * @returns {Turn}
 */
const turn = (id, role, text, details) => ({
  ...{ id, role, text, rank: 1, status: 'complete', spoken: true, audioMs: 1000, audioComplete: true },
  ...{ heardMs: role === 'assistant' ? 1000 : 0, startedAt: 0 },
  ...details,
});

test('the turns are given in order, with their ids, roles and words', () => {
  const { messages, owed } = historySeed([turn('u', 'user', 'Hi'), turn('a', 'assistant', 'Hello')]);
  assert.deepEqual(messages, [
    { id: 'u', role: 'user', text: 'Hi' },
    { id: 'a', role: 'assistant', text: 'Hello' },
  ]);
  assert.equal(owed, null);
});

test('notes and turns without words are not given', () => {
  const { messages } = historySeed([
    turn('n', 'note', 'Reconnected.'),
    turn('u', 'user', '', { status: 'failed' }),
    turn('a', 'assistant', 'Hello'),
    turn('b', 'assistant', '', { status: 'interrupted' }),
  ]);
  assert.deepEqual(
    messages.map(({ id }) => id),
    ['a'],
  );
});

test('of an answer no more is given than was heard', () => {
  const text = 'one two three four';
  const { messages } = historySeed([
    turn('a', 'assistant', 'one two', { status: 'interrupted', heardMs: 400 }),
    turn('b', 'assistant', text, { heardMs: 500 }),
    turn('c', 'assistant', text, { heardMs: 0 }),
    turn('d', 'assistant', text, { spoken: false, heardMs: 0 }),
  ]);
  assert.deepEqual(
    messages.map(({ id, text: given }) => [id, given]),
    [
      ['a', 'one two'],
      ['b', 'one two three'],
      ['d', text],
    ],
  );
});

test('of a long conversation the last twenty messages are given', () => {
  const turns = Array.from({ length: 30 }, (_, n) => turn(`t${n}`, n % 2 ? 'assistant' : 'user', `${n}`));
  const { messages } = historySeed(turns.toSpliced(25, 0, turn('n', 'note', 'x'), turn('e', 'user', ' ')));
  assert.equal(messages.length, 20);
  assert.equal(messages[0]?.id, 't10');
});

test('a user with the last word is owed an answer', () => {
  const answered = turn('a', 'assistant', 'Hello');
  assert.equal(historySeed([answered, turn('u', 'user', 'Hi'), turn('n', 'note', 'x')]).owed, 'unanswered');
  assert.equal(historySeed([answered, turn('u', 'user', '', { status: 'failed' })]).owed, 'unheard');
  assert.equal(historySeed([]).owed, null);
});
