import { heardCharacters } from '../realtime/turn-list.js';

/** @import { Message } from '../realtime/dialect.js' */
/** @import { Turn } from '../realtime/turn-list.js' */

/**
 * @typedef {object} HistorySeed what a new session is given of the conversation so far
 * @property {Message[]} messages
 * @property {'unanswered' | 'unheard' | null} openTurn `unanswered`: the last turn is the user's and has no answer.
 *   `unheard`: its transcript never arrived. null: the user's last turn was answered, or there is none.
 */

/** More than people refer back to, and little of the model's context. */
const MAX_MESSAGES = 20;

/** @param {Turn} turn */
const heardText = (turn) =>
  turn.role === 'assistant' ? turn.text.slice(0, heardCharacters(turn)) : turn.text;

/**
 * The last turns of a conversation as text; of each answer only what was heard. Pure.
 * @param {readonly Turn[]} turns in order
 * @returns {HistorySeed}
 */
export function historySeed(turns) {
  const spoken = turns.filter(({ role }) => role !== 'note');
  const messages = spoken
    .map((turn) => ({
      id: turn.id,
      role: /** @type {Message['role']} */ (turn.role),
      text: heardText(turn),
    }))
    .filter(({ text }) => text.trim() !== '')
    .slice(-MAX_MESSAGES);
  const last = spoken.at(-1);
  if (last?.role !== 'user') return { messages, openTurn: null };
  return { messages, openTurn: last.text.trim() ? 'unanswered' : 'unheard' };
}
