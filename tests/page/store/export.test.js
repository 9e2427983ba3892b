import assert from 'node:assert/strict';
import { test } from 'node:test';
import { toJson, toMarkdown, toText } from '../../../public/store/export.js';

/** @import { Turn } from '../../../public/realtime/turn-list.js' */

const SOUND = { spoken: true, audioMs: 0, audioComplete: true, heardMs: 0 };
/** @type {Turn[]} */
const TURNS = [
  {
    id: 'u',
    rank: 1,
    role: 'user',
    text: 'Is 2 < 3?',
    status: 'complete',
    startedAt: Date.UTC(2026, 0, 1),
    ...SOUND,
  },
  {
    id: 'a',
    rank: 2,
    role: 'assistant',
    text: '# Yes\n<img src=x onerror=alert(1)>',
    status: 'interrupted',
    startedAt: Date.UTC(2026, 0, 1),
    ...SOUND,
  },
  { id: 'v', rank: 3, role: 'user', text: '', status: 'failed', startedAt: Date.UTC(2026, 0, 1), ...SOUND },
];

test('the text has one paragraph for each turn, and marks interrupted turns and missing transcripts', () => {
  const text = toText(TURNS);
  assert.match(text, /You: Is 2 < 3\?\n\n/);
  assert.match(text, /Assistant: # Yes\n<img .*> — \(interrupted\)\n/);
  assert.match(text, /You: \(not transcribed\)\n$/);
});

test('in Markdown no text of a turn is markup', () => {
  const markdown = toMarkdown(TURNS);
  assert.match(markdown, /^# Conversation\n/);
  assert.match(markdown, /> \\# Yes\n> \\<img src=x onerror=alert\\\(1\\\)\\> — \\\(interrupted\\\)\n/);
  assert.equal(/(^|[^\\])<img/.test(markdown), false);
});

test('the JSON has the turns, with the timings of those that have any', () => {
  const { turns } = JSON.parse(
    toJson(TURNS, [{ itemId: 'a', noticedMs: 1, answeredMs: 2, playedMs: 3, totalMs: 6 }]),
  );
  assert.deepEqual(turns[1].timing, { noticedMs: 1, answeredMs: 2, playedMs: 3, totalMs: 6 });
  assert.equal(turns[0].startedAt, '2026-01-01T00:00:00.000Z');
  assert.equal('timing' in turns[0], false);
});
