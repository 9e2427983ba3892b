import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, test } from 'node:test';
import { settled, TestChat } from './chat.js';

/** @type {TestChat} */ let chat;

beforeEach(async () => {
  chat = new TestChat();
  await chat.connect();
});

afterEach(() => chat.voiceChat.disconnect());

describe('speech that interrupts an answer', () => {
  test('stops the sound at once and truncates the answer to what was heard, without a cancel', async () => {
    chat.startAnswer();
    chat.speaker.heard = { itemId: 'a', playedMs: 2000 };
    chat.interruptBySpeech();
    assert.equal(chat.speaker.calls.at(-1), 'stop');
    await settled();
    assert.partialDeepStrictEqual(chat.last('conversation.item.truncate'), {
      type: 'conversation.item.truncate',
      item_id: 'a',
      content_index: 0,
      audio_end_ms: 2000,
    });
    assert.equal(chat.types.includes('response.cancel'), false);
    assert.equal(chat.conversation.turns[0]?.status, 'interrupted');
    assert.equal(chat.shown, 'hearing-you');
  });

  test('also stops an answer that is complete and still being heard', async () => {
    chat.startAnswer();
    chat.receive({
      type: 'response.done',
      response: { id: 'r', status: 'completed', output: [{ id: 'a' }] },
    });
    chat.speaker.heard = { itemId: 'a', playedMs: 1000 };
    chat.interruptBySpeech();
    await settled();
    assert.equal(chat.last('conversation.item.truncate')?.audio_end_ms, 1000);
  });

  test('sends no truncate when nothing was heard', async () => {
    chat.startAnswer();
    chat.interruptBySpeech();
    await settled();
    assert.equal(chat.types.includes('conversation.item.truncate'), false);
  });

  test('drops what still arrives of the answer, and plays the next one', async () => {
    chat.startAnswer();
    chat.interruptBySpeech();
    await settled();
    chat.receiveAudio('a2', 'r');
    assert.equal(chat.speaker.calls.includes('play a2'), false);
    chat.cancelled('r');
    chat.startAnswer('b', 'r2');
    assert.equal(chat.speaker.calls.at(-1), 'play b');
  });

  test('does not cut an answer that begins while the sound is being stopped', async () => {
    chat.startAnswer();
    chat.speaker.heard = { itemId: 'a', playedMs: 2000 };
    chat.interruptBySpeech();
    chat.cancelled('r');
    chat.startAnswer('b', 'r2');
    await settled();
    assert.deepEqual(
      chat.conversation.turns.map(({ id, status }) => `${id} ${status}`),
      ['a interrupted', 'u awaited', 'b streaming'],
    );
    chat.state.update({ isUserSpeaking: false });
    assert.equal(chat.shown, 'speaking');
  });
});

test('Esc cancels an active response, and only an active one', async () => {
  chat.startAnswer();
  await chat.turns.interrupt();
  assert.equal(chat.types.filter((type) => type === 'response.cancel').length, 1);
  chat.cancelled('r');
  await chat.turns.interrupt();
  assert.equal(chat.types.filter((type) => type === 'response.cancel').length, 1);
  assert.equal(chat.shown, 'connected');
});

test('a written message interrupts an answer, and is answered once that response is over', async () => {
  chat.startAnswer();
  await chat.voiceChat.sendMessage('Wait');
  assert.deepEqual(chat.types.slice(-2), ['response.cancel', 'conversation.item.create']);
  chat.cancelled('r');
  assert.equal(chat.types.at(-1), 'response.create');
});

test('a turn under way is answered when recording stops', async () => {
  await chat.voiceChat.startRecording();
  chat.speakFrames(1);
  chat.interruptBySpeech();
  await chat.voiceChat.stopRecording();
  assert.deepEqual(chat.types.slice(-2), ['input_audio_buffer.commit', 'response.create']);
});

test('speech that is noticed after recording has stopped leaves nothing to wait for, and yet stops the answer', async () => {
  await chat.voiceChat.startRecording();
  chat.startAnswer();
  await chat.voiceChat.stopRecording();
  const turns = chat.conversation.turns.length;
  chat.receive({ type: 'input_audio_buffer.speech_started', item_id: 'u' });
  assert.equal(chat.state.facts.isUserSpeaking, false);
  assert.equal(chat.conversation.turns.length, turns);
  assert.equal(chat.speaker.calls.at(-1), 'stop');
});

const HARMLESS = [
  { code: 'response_cancel_not_active' },
  { code: 'input_audio_buffer_commit_empty' },
  { message: 'Audio content of 10ms is already shorter than 20ms' },
];
for (const error of HARMLESS)
  test(`the error "${error.code ?? error.message}" is not shown`, () => {
    chat.receive({ type: 'error', error });
    assert.deepEqual(chat.problems, []);
    assert.equal(chat.shown, 'connected');
  });

test('any other error is shown and does not end the session', () => {
  chat.receive({ type: 'error' });
  assert.deepEqual(chat.problems, ['request_refused']);
  assert.equal(chat.shown, 'connected');
});
