/** A conversation as a file people and programs read. Pure. */

/** @import { TurnTiming } from '../voice-chat/reply-latency.js' */
/** @import { Turn } from '../realtime/turn-list.js' */

const NAMES = { user: 'You', assistant: 'Assistant', note: 'Note' };

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
  return turns.map((turn) => `[${time(turn.startedAt)}] ${NAMES[turn.role]}: ${words(turn)}\n`).join('\n');
}

/**
 * Markdown in which what was said is quoted, and can neither be markup nor HTML.
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
    (turn) => `**${NAMES[turn.role]}** · ${time(turn.startedAt)}\n\n${quote(words(turn))}\n`,
  );
  return ['# Conversation\n', ...blocks].join('\n');
}

/**
 * @param {readonly Turn[]} turns
 * @param {readonly TurnTiming[]} timings
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
