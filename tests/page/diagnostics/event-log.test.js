import assert from 'node:assert/strict';
import { test } from 'node:test';
import { EventLog } from '../../../public/diagnostics/event-log.js';

const newEventLog = () =>
  new EventLog(
    () => {},
    () => 0,
  );

test('the events of a stream are counted by type, in whatever order they come', () => {
  const eventLog = newEventLog();
  const stream = ['response.output_audio.delta', 'response.output_audio_transcript.delta'];
  for (let round = 0; round < 10; round++) {
    for (const type of stream) eventLog.add('received', { type, delta: 'AAAA' });
    eventLog.add('sent', { type: 'input_audio_buffer.append', audio: 'AAAA' });
  }
  eventLog.add('received', { type: 'response.done' });
  eventLog.add('received', { type: 'response.output_audio.delta', delta: 'AAAA' });
  assert.deepEqual(
    eventLog.entries.map(({ type, count }) => [type, count]),
    [
      ['response.output_audio.delta', 10],
      ['response.output_audio_transcript.delta', 10],
      ['input_audio_buffer.append', 10],
      ['response.done', 1],
      ['response.output_audio.delta', 1],
    ],
  );
});

test('audio is replaced by its length, and text is kept', () => {
  const eventLog = newEventLog();
  eventLog.add('sent', { type: 'input_audio_buffer.append', audio: 'A'.repeat(2560) });
  eventLog.add('received', { type: 'response.output_audio.delta', delta: 'A'.repeat(6400) });
  eventLog.add('received', { type: 'response.output_audio_transcript.delta', delta: 'Hello' });
  const details = eventLog.entries.map(({ detail }) => JSON.parse(detail));
  assert.deepEqual(
    [details[0].audio, details[1].delta, details[2].delta],
    ['(2560 characters of base64)', '(6400 characters of base64)', 'Hello'],
  );
});

test('long events are cut, and only the last 500 entries are kept', () => {
  const eventLog = newEventLog();
  eventLog.add('received', { type: 'x', text: 'y'.repeat(100_000) });
  assert.ok((eventLog.entries[0]?.detail.length ?? 0) < 3000);
  for (let event = 0; event < 2000; event++) eventLog.add('received', { type: `e${event}` });
  assert.equal(eventLog.entries.length, 500);
  assert.equal(eventLog.entries.at(-1)?.type, 'e1999');
});

test('the report is JSON with browser, timings and events', () => {
  const eventLog = newEventLog();
  eventLog.about = { browser: 'test' };
  eventLog.addTiming({ itemId: 'a', noticedMs: 1, answeredMs: 2, playedMs: 3, totalMs: 6 });
  eventLog.add('page', { type: 'underrun', count: 1 });
  const report = JSON.parse(eventLog.report());
  assert.equal(report.browser, 'test');
  assert.equal(report.timings[0].totalMs, 6);
  assert.equal(report.events[0].type, 'underrun');
});
