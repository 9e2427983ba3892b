import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Journal } from '../../../public/diagnostics/event-log.js';

const newJournal = () =>
  new Journal(
    () => {},
    () => 0,
  );

test('deltas in one stream are counted, each kind once, however they interleave', () => {
  const journal = newJournal();
  const stream = ['response.output_audio.delta', 'response.output_audio_transcript.delta'];
  for (let round = 0; round < 10; round++) {
    for (const type of stream) journal.add('received', { type, delta: 'AAAA' });
    journal.add('sent', { type: 'input_audio_buffer.append', audio: 'AAAA' });
  }
  journal.add('received', { type: 'response.done' });
  journal.add('received', { type: 'response.output_audio.delta', delta: 'AAAA' });
  assert.deepEqual(
    journal.entries.map(({ type, count }) => [type, count]),
    [
      ['response.output_audio.delta', 10],
      ['response.output_audio_transcript.delta', 10],
      ['input_audio_buffer.append', 10],
      ['response.done', 1],
      ['response.output_audio.delta', 1],
    ],
  );
});

test('sound is measured, not kept; words are kept', () => {
  const journal = newJournal();
  journal.add('sent', { type: 'input_audio_buffer.append', audio: 'A'.repeat(2560) });
  journal.add('received', { type: 'response.output_audio.delta', delta: 'A'.repeat(6400) });
  journal.add('received', { type: 'response.output_audio_transcript.delta', delta: 'Hello' });
  const details = journal.entries.map(({ detail }) => JSON.parse(detail));
  assert.deepEqual(
    [details[0].audio, details[1].delta, details[2].delta],
    ['(2560 characters of base64)', '(6400 characters of base64)', 'Hello'],
  );
});

test('a huge event and a long session stay bounded', () => {
  const journal = newJournal();
  journal.add('received', { type: 'x', text: 'y'.repeat(100_000) });
  assert.ok((journal.entries[0]?.detail.length ?? 0) < 3000);
  for (let event = 0; event < 2000; event++) journal.add('received', { type: `e${event}` });
  assert.equal(journal.entries.length, 500);
  assert.equal(journal.entries.at(-1)?.type, 'e1999');
});

test('the report is JSON with everything a bug needs', () => {
  const journal = newJournal();
  journal.about = { browser: 'test' };
  journal.addTiming({ itemId: 'a', noticedMs: 1, answeredMs: 2, playedMs: 3, totalMs: 6 });
  journal.add('page', { type: 'underrun', count: 1 });
  const report = JSON.parse(journal.report());
  assert.equal(report.browser, 'test');
  assert.equal(report.timings[0].totalMs, 6);
  assert.equal(report.events[0].type, 'underrun');
});
