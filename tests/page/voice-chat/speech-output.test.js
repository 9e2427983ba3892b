import assert from 'node:assert/strict';
import { afterEach, beforeEach, test } from 'node:test';
import { TestChat } from './chat.js';

/** @type {TestChat} */ let chat;

beforeEach(async () => {
  chat = new TestChat();
  await chat.connect();
});

afterEach(() => chat.voiceChat.disconnect());

test('the reply delay runs from the end of speech to the first sample heard', async () => {
  await chat.voiceChat.startRecording();
  chat.speakFrames(50);
  chat.receive({ type: 'input_audio_buffer.speech_stopped', item_id: 'u', audio_end_ms: 1200 });
  chat.startAnswer();
  const [timing] = chat.timings;
  assert.ok(timing);
  assert.ok(timing.totalMs >= 0 && timing.noticedMs >= 0);
  const sumMs = timing.noticedMs + timing.answeredMs + timing.playedMs;
  assert.equal(Math.round(timing.totalMs), Math.round(sumMs));
  assert.equal(chat.conversation.turns.find(({ id }) => id === 'a')?.delayMs, timing.totalMs);
});

for (const delta of [undefined, null, 7, {}])
  test(`an audio delta that is ${JSON.stringify(delta)} is ignored`, () => {
    chat.receive({ type: 'response.audio.delta', item_id: 'a', delta });
    assert.deepEqual([chat.speaker.calls, chat.unreadable], [[], []]);
  });

test('an audio delta without an item is ignored', () => {
  chat.receive({ type: 'response.audio.delta', delta: 'AAAA' });
  assert.deepEqual(chat.speaker.calls, []);
});

test('an audio delta that is not base64 is reported and not played', () => {
  chat.receive({ type: 'response.audio.delta', item_id: 'a', delta: '***' });
  assert.deepEqual([chat.speaker.calls, chat.unreadable], [[], ['***']]);
});

test('a response.done of the wrong shape plays nothing and shows nothing', () => {
  chat.receive({ type: 'response.done', response: { output: 7, usage: 7 } });
  assert.deepEqual([chat.speaker.calls, chat.problems], [[], []]);
});
