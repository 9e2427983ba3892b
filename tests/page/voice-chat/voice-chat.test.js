import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, mock, test } from 'node:test';
import { settled, TestChat } from './chat.js';

/** @type {TestChat} */ let chat;

beforeEach(() => {
  chat = new TestChat();
});

afterEach(() => chat.voiceChat.disconnect());

const notes = () => chat.conversation.turns.filter(({ role }) => role === 'note').map(({ text }) => text);

describe('a session that is lost', () => {
  beforeEach(async () => {
    mock.timers.enable({ apis: ['setTimeout', 'setInterval'] });
    await chat.connect();
    await chat.voiceChat.startRecording();
  });

  afterEach(() => mock.timers.reset());

  test('stops the sound and keeps the microphone, whose frames are dropped until the session is back', async () => {
    chat.startAnswer();
    chat.speaker.heard = { itemId: 'a', playedMs: 2000 };
    await chat.lose();
    assert.equal(chat.shown, 'reconnecting');
    assert.equal(chat.speaker.calls.at(-1), 'stop');
    assert.equal(chat.conversation.turns[0]?.status, 'interrupted');
    assert.equal(chat.microphone.recording, true);
    chat.speakFrames(50);
    await chat.comeBack();
    assert.deepEqual(chat.types, ['session.update', 'conversation.item.create']);
    assert.equal(chat.shown, 'listening');
    chat.speakFrames(1);
    assert.deepEqual(chat.types.slice(2), ['input_audio_buffer.append']);
  });

  test('is replaced only once it is known how much of the cut answer was heard', async () => {
    chat.startAnswer();
    const stopped = Promise.withResolvers();
    chat.speaker.stop = () => /** @type {any} */ (stopped.promise);
    await chat.lose();
    await chat.comeBack();
    assert.deepEqual(chat.types, ['session.update']);
    stopped.resolve({ itemId: 'a', playedMs: 2000 });
    await settled();
    const [answer] = chat.conversation.turns;
    assert.equal(chat.last('conversation.item.create')?.item.content[0].text, answer?.text);
    assert.equal(answer?.status, 'interrupted');
  });

  test('is not shown when it is back within a second', async () => {
    await chat.lose();
    mock.timers.tick(999);
    assert.deepEqual(chat.problems, []);
    await chat.comeBack();
    mock.timers.tick(1000);
    assert.deepEqual(chat.problems, ['hide lost']);
    assert.deepEqual(notes(), []);
  });

  test('is shown with a button to retry, until it is back', async () => {
    await chat.lose(1012);
    mock.timers.tick(1000);
    assert.deepEqual(chat.problems, ['restarting']);
    assert.equal(chat.remedy, 'retry');
    await chat.comeBack();
    assert.deepEqual(chat.problems, ['restarting', 'hide restarting']);
  });

  test('leaves one divider in the conversation, however often it is lost in a row', async () => {
    chat.startAnswer();
    chat.speaker.heard = { itemId: 'a', playedMs: 2000 };
    for (let count = 0; count < 3; count++) {
      await chat.lose();
      await chat.comeBack();
    }
    assert.deepEqual(notes(), ['Reconnected. The assistant knows the last message.']);
  });

  test('offers to go on with an answer that it cut off, until another turn has followed', async () => {
    chat.startAnswer();
    chat.speaker.heard = { itemId: 'a', playedMs: 2000 };
    await chat.lose();
    await chat.comeBack();
    assert.equal(chat.problems.at(-1), 'cut-off');
    assert.equal(chat.types.includes('response.create'), false);
    await chat.lose();
    await chat.comeBack();
    assert.equal(chat.problems.at(-1), 'cut-off');
    chat.turns.ask();
    await chat.lose();
    await chat.comeBack();
    assert.equal(chat.problems.at(-1), 'hide lost');
  });

  test('offers to answer a message that was not answered', async () => {
    await chat.voiceChat.sendMessage('Are you there?');
    await chat.lose();
    await chat.comeBack();
    assert.equal(chat.last('conversation.item.create')?.item.content[0].text, 'Are you there?');
    assert.equal(chat.types.includes('response.create'), false);
    assert.equal(chat.problems.at(-1), 'unanswered');
    chat.turns.ask();
    assert.equal(chat.types.at(-1), 'response.create');
    assert.equal(chat.problems.includes('hide unanswered'), true);
  });

  test('asks the user to repeat speech that was not transcribed', async () => {
    chat.interruptBySpeech();
    await chat.lose();
    await chat.comeBack();
    assert.equal(chat.problems.at(-1), 'unheard');
    assert.equal(chat.conversation.turns[0]?.status, 'failed');
    assert.equal(chat.types.includes('conversation.item.create'), false);
  });

  test('is followed by one that gets the messages written meanwhile, and answers them once', async () => {
    await chat.lose();
    chat.voiceChat.sendMessage('One');
    chat.voiceChat.sendMessage('Two');
    assert.deepEqual(
      chat.conversation.turns.map(({ text }) => text),
      ['One', 'Two'],
    );
    await chat.comeBack();
    assert.deepEqual(chat.types, [
      'session.update',
      'conversation.item.create',
      'conversation.item.create',
      'response.create',
    ]);
    assert.equal(chat.shown, 'thinking');
    assert.deepEqual(notes(), []);
    await chat.lose();
    await chat.comeBack();
    assert.equal(chat.types.includes('response.create'), false);
  });

  test('is not retried after a disconnect', async () => {
    await chat.lose();
    chat.voiceChat.disconnect();
    mock.timers.tick(60_000);
    assert.equal(chat.shown, 'ended');
    assert.equal(chat.microphone.recording, false);
    assert.deepEqual(chat.problems, ['hide lost']);
  });
});

test('a message written without a server is sent when there is one', async () => {
  const written = chat.voiceChat.sendMessage('Hello?');
  await chat.close(1006, false);
  await written;
  await settled();
  assert.equal(chat.shown, 'error');
  await chat.connect();
  assert.deepEqual(chat.types, ['session.update', 'conversation.item.create', 'response.create']);
});

test('what is cleared is deleted from the session and not given to the next one', async () => {
  await chat.connect();
  await chat.voiceChat.sendMessage('Remember this');
  chat.startAnswer();
  await chat.voiceChat.clear();
  assert.deepEqual(chat.conversation.turns, []);
  assert.equal(chat.speaker.playing, false);
  assert.equal(chat.types.at(-1), 'conversation.item.delete');
  chat.voiceChat.disconnect();
  chat.sent = [];
  await chat.connect();
  assert.deepEqual(chat.types, ['session.update']);
});

test('a session that is refused for good stops the microphone and shows why', async () => {
  await chat.connect();
  await chat.voiceChat.startRecording();
  await chat.close(4401);
  assert.equal(chat.shown, 'error');
  assert.deepEqual(chat.problems, ['upstream_unauthorized']);
  assert.equal(chat.microphone.recording, false);
});

test('after a refused handshake the server is asked for the cause', async () => {
  const connected = chat.voiceChat.connect();
  await chat.close(1006, false);
  assert.equal(await connected, false);
  await settled();
  assert.deepEqual(chat.problems, ['busy']);
});

test('a time limit ends the conversation without an error', async () => {
  await chat.connect();
  chat.receive({ type: 'error', error: { type: 'relay_error', code: 'time_limit' } });
  await chat.close(4408);
  assert.equal(chat.shown, 'ended');
  assert.deepEqual(chat.problems, ['time_limit']);
});
