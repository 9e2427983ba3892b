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

test('the seed has the turns in order, with their ids, roles and texts', () => {
  const { messages, openTurn } = historySeed([turn('u', 'user', 'Hi'), turn('a', 'assistant', 'Hello')]);
  assert.deepEqual(messages, [
    { id: 'u', role: 'user', text: 'Hi' },
    { id: 'a', role: 'assistant', text: 'Hello' },
  ]);
  assert.equal(openTurn, null);
});

test('the seed has no notes and no turns without text', () => {
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

test('the seed has of each answer what was heard', () => {
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

test('the seed of a long conversation has the last twenty messages', () => {
  const turns = Array.from({ length: 30 }, (_, n) => turn(`t${n}`, n % 2 ? 'assistant' : 'user', `${n}`));
  const { messages } = historySeed(turns.toSpliced(25, 0, turn('n', 'note', 'x'), turn('e', 'user', ' ')));
  assert.equal(messages.length, 20);
  assert.equal(messages[0]?.id, 't10');
});

const ANSWER = turn('a', 'assistant', 'Hello');

test('a last turn of the user, with or without a note after it, is unanswered', () => {
  assert.equal(historySeed([ANSWER, turn('u', 'user', 'Hi')]).openTurn, 'unanswered');
  assert.equal(historySeed([ANSWER, turn('u', 'user', 'Hi'), turn('n', 'note', 'x')]).openTurn, 'unanswered');
});

test('a last turn of the user whose transcript never came is unheard', () => {
  assert.equal(historySeed([ANSWER, turn('u', 'user', '', { status: 'failed' })]).openTurn, 'unheard');
});

test('an empty conversation has no open turn', () => {
  assert.equal(historySeed([]).openTurn, null);
});
