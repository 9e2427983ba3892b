import { heardCharacters } from '../realtime/turn-list.js';

/** @import { Turn } from '../realtime/turn-list.js' */

/**
 * @typedef {object} Message as said before, for a session that was not there
 * @property {string} id
 * @property {'user' | 'assistant'} role
 * @property {string} text
 */

/** More than a talk refers back to, and little beside the model's context. */
const MAX_MESSAGES = 20;

/** @param {Turn} turn */
const saidText = (turn) =>
  turn.role === 'assistant' ? turn.text.slice(0, heardCharacters(turn)) : turn.text;

/**
 * What a new session must know of a conversation: its last turns in words, and of an answer no more than was heard. Pure.
 * @param {readonly Turn[]} turns in order
 * @returns {{ messages: Message[], owed: 'unanswered' | 'unheard' | null }} owed: the user had the last word, and it has
 *   no answer yet; or nobody knows it, since its words never came
 */
export function historySeed(turns) {
  const said = turns.filter(({ role }) => role !== 'note');
  const messages = said
    .map((turn) => ({
      id: turn.id,
      role: /** @type {Message['role']} */ (turn.role),
      text: saidText(turn),
    }))
    .filter(({ text }) => text.trim() !== '')
    .slice(-MAX_MESSAGES);
  const last = said.at(-1);
  if (last?.role !== 'user') return { messages, owed: null };
  return { messages, owed: last.text.trim() ? 'unanswered' : 'unheard' };
}
