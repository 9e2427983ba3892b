/** Write a conversation as text, Markdown or JSON. Pure. */

import { SPEAKERS } from '../realtime/turn-list.js';

/** @import { Turn } from '../realtime/turn-list.js' */

/** @param {Turn} turn */
const words = ({ text, status }) => {
  if (!text) return status === 'failed' ? '(not transcribed)' : '(no words)';
  return status === 'interrupted' ? `${text} — (interrupted)` : text;
};

/** @param {number} unixMs */
const time = (unixMs) => new Date(unixMs).toLocaleTimeString([], { hour: '2-digit', minute: '2-digit' });

/**
 * @param {readonly Turn[]} turns
 * @returns {string}
 */
export function toText(turns) {
  return turns.map((turn) => `[${time(turn.startedAt)}] ${SPEAKERS[turn.role]}: ${words(turn)}\n`).join('\n');
}

/**
 * Markdown with every turn as a quotation, escaped so that its text can be neither markup nor HTML.
 * @param {readonly Turn[]} turns
 * @returns {string}
 */
export function toMarkdown(turns) {
  const quote = (/** @type {string} */ text) =>
    text
      .replace(/[\\`*_{}[\]()#+!|~<>&-]/g, '\\$&')
      .split('\n')
      .map((line) => `> ${line}`)
      .join('\n');
  const blocks = turns.map(
    (turn) => `**${SPEAKERS[turn.role]}** · ${time(turn.startedAt)}\n\n${quote(words(turn))}\n`,
  );
  return ['# Conversation\n', ...blocks].join('\n');
}

/**
 * @param {readonly Turn[]} turns
 * @param {readonly ({ itemId: string } & Record<string, unknown>)[]} timings of the answers
 * @returns {string} JSON
 */
export function toJson(turns, timings) {
  const timingOf = new Map(timings.map(({ itemId, ...timing }) => [itemId, timing]));
  const entries = turns.map(({ rank, startedAt, ...turn }) => ({
    ...turn,
    startedAt: new Date(startedAt).toISOString(),
    ...(timingOf.has(turn.id) && { timing: timingOf.get(turn.id) }),
  }));
  return `${JSON.stringify({ turns: entries }, null, 2)}\n`;
}
