import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, test } from 'node:test';
import { settled, TestChat } from './chat.js';

/** @type {TestChat} */ let chat;

beforeEach(() => {
  chat = new TestChat();
});

afterEach(() => chat.voiceChat.disconnect());

describe('a sound device that cannot be opened', () => {
  /** @type {string[]} */ let calls;

  beforeEach(() => {
    calls = [];
    chat.device.open = async () => {
      calls.push('open');
      throw new Error('no worklet');
    };
    chat.device.close = async () => {
      calls.push('close');
    };
  });

  test('is shown, leaves the session open for text, and is opened anew at the next click', async () => {
    await chat.connect();
    await settled();
    assert.deepEqual(chat.problems, ['no-sound']);
    assert.equal(chat.shown, 'connected');
    await chat.microphoneControl.openDevice();
    assert.deepEqual(calls, ['open', 'close', 'open', 'close']);
  });

  test('is not shown when the server cannot be reached either', async () => {
    const connected = chat.voiceChat.connect();
    await chat.close(1006, false);
    await connected;
    await settled();
    assert.deepEqual(chat.problems, ['busy']);
  });
});

test('a denied microphone is shown and leaves the session open', async () => {
  await chat.connect();
  chat.microphone.start = async () => {
    throw Object.assign(new Error(), { cause: 'denied' });
  };
  await chat.voiceChat.startRecording();
  assert.deepEqual(chat.problems, ['denied']);
  assert.equal(chat.shown, 'connected');
});

test('a microphone that is lost is shown, and the user no longer speaks', async () => {
  await chat.connect();
  await chat.voiceChat.startRecording();
  chat.interruptBySpeech();
  chat.microphoneControl.lose('missing');
  assert.deepEqual(chat.problems, ['microphone-lost']);
  assert.equal(chat.shown, 'connected');
});
