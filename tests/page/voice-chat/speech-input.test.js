import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, mock, test } from 'node:test';
import { settled, TestChat } from './chat.js';

/** @type {TestChat} */ let chat;

beforeEach(() => {
  chat = new TestChat();
});

afterEach(() => chat.voiceChat.disconnect());

const appends = () => chat.types.filter((type) => type === 'input_audio_buffer.append').length;

describe('push-to-talk', () => {
  beforeEach(async () => {
    chat.settings.turnTaking = 'push-to-talk';
    await chat.connect();
    await chat.voiceChat.startRecording();
  });

  test('sends frames from the press to the end of the frame under way, and then asks for an answer', () => {
    chat.speakFrames(1);
    chat.turns.press();
    chat.speakFrames(5);
    chat.speechInput.release();
    chat.speakFrames(2);
    assert.equal(appends(), 6);
    assert.deepEqual(chat.types.slice(-2), ['input_audio_buffer.commit', 'response.create']);
    assert.equal(chat.shown, 'thinking');
  });

  test('drops a turn that is shorter than the API accepts', () => {
    chat.turns.press();
    chat.speechInput.release();
    chat.speakFrames(1);
    assert.equal(chat.types.at(-1), 'input_audio_buffer.clear');
    assert.equal(chat.shown, 'listening');
  });
});

test('without push-to-talk every frame is sent', async () => {
  await chat.connect();
  await chat.voiceChat.startRecording();
  chat.speakFrames(3);
  assert.equal(appends(), 3);
});

test('ten seconds of zeros are reported, and so is the sound after them', async () => {
  await chat.connect();
  await chat.voiceChat.startRecording();
  chat.speakFrames(249, 0);
  assert.deepEqual(chat.problems, []);
  chat.speakFrames(1, 0);
  assert.deepEqual(chat.problems, ['silent']);
  chat.speakFrames(1);
  assert.deepEqual(chat.problems, ['silent', 'hide silent']);
});

test('a session that replaces another gets the last frames again', async () => {
  mock.timers.enable({ apis: ['setTimeout', 'Date'], now: 1_000_000 });
  await chat.connect({ expires_at: 1020 });
  await chat.voiceChat.startRecording();
  chat.speakFrames(5);
  chat.sent = [];
  mock.timers.tick(10_000);
  chat.accept();
  await settled();
  mock.timers.reset();
  assert.deepEqual(chat.types, ['session.update', ...Array(5).fill('input_audio_buffer.append')]);
  chat.speakFrames(1);
  assert.equal(appends(), 6);
  assert.equal(chat.shown, 'listening');
});
