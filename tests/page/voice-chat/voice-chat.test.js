import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, mock, test } from 'node:test';
import { encode } from '../../../public/audio/pcm16.js';
import { Conversation } from '../../../public/realtime/conversation.js';
import { Settings } from '../../../public/store/settings.js';
import { stateOf } from '../../../public/voice-chat/state.js';
import { VoiceChat } from '../../../public/voice-chat/voice-chat.js';

/** @import { RealtimeEvent } from '../../../public/realtime/dialect.js' */
/** @import { Facts } from '../../../public/voice-chat/state.js' */

/** Lets what was awaited go on. */
const settled = () => new Promise((resolve) => setImmediate(resolve));

/** Stands in for the sound: hears as much as the test says. */
class FakeSpeaker {
  /** @type {string[]} */ calls = [];
  /** @type {{ itemId: string | null, playedMs: number }} */ heard = { itemId: null, playedMs: 0 };
  playing = false;

  /** @param {string} itemId */
  play(itemId) {
    this.calls.push(`play ${itemId}`);
    this.playing = true;
  }

  /** @param {string} itemId */
  end(itemId) {
    this.calls.push(`end ${itemId}`);
  }

  async stop() {
    this.calls.push('stop');
    this.playing = false;
    const { heard } = this;
    this.heard = { itemId: null, playedMs: 0 };
    return heard;
  }
}

/** @type {any} */ let wire;
/** @type {RealtimeEvent[]} */ let sent;
/** @type {Facts} */ let facts;
/** @type {string[]} */ let problems;
/** @type {string} */ let remedy;
/** @type {any} */ let microphone;
/** @type {any} */ let device;
/** @type {FakeSpeaker} */ let speaker;
/** @type {Conversation} */ let conversation;
/** @type {Settings} */ let settings;
/** @type {import('../../../public/voice-chat/reply-latency.js').TurnTiming[]} */ let timings;
/** @type {VoiceChat} */ let voiceChat;

beforeEach(() => {
  [sent, problems, timings] = [[], [], []];
  speaker = new FakeSpeaker();
  microphone = {
    recording: false,
    async start() {
      this.recording = true;
    },
    async stop() {
      this.recording = false;
    },
  };
  device = { open: async () => {}, close: async () => {}, context: {} };
  conversation = new Conversation({ onChange() {}, onRemoved() {} });
  settings = new Settings({ getItem: () => null, setItem() {}, removeItem() {} }, () => {});
  const nothing = () => {};
  voiceChat = new VoiceChat({
    device,
    microphone,
    speaker: /** @type {any} */ (speaker),
    conversation,
    settings,
    restored: Promise.resolve(),
    service: {
      connect: (handlers) => {
        wire = handlers;
        return { send: (event) => sent.push(event) > 0, close() {}, heldBackBytes: 0 };
      },
      whyRefused: async () => 'busy',
      isAlive: async () => true,
      isOnline: () => true,
    },
    on: {
      onFacts: (known) => {
        facts = known;
      },
      onProblem: (problem) => {
        problems.push(problem.cause);
        remedy = problem.remedy;
      },
      onSolved: (cause) => problems.push(`solved ${cause}`),
      onTiming: (timing) => timings.push(timing),
      ...{ onUsage: nothing, onCut: nothing, onSpeech: nothing, onAnswer: nothing, onReceived: nothing },
      ...{ onSent: nothing, onUnreadable: nothing },
    },
  });
});

afterEach(() => voiceChat.disconnect());

const types = () => sent.map(({ type }) => type);
const last = (/** @type {string} */ type) => sent.findLast((event) => event.type === type);
const soundOf = (/** @type {number} */ ms) => encode(new Int16Array(24 * ms));
const frame = (rms = 0.1) => ({ pcm: new Int16Array(960), rms });

async function goLive(session = {}) {
  const connected = voiceChat.connect();
  wire.onEvent({ type: 'session.created', session });
  wire.onEvent({ type: 'session.updated', session });
  await connected;
}

/** An answer of which all has arrived, still being heard. */
function speakAnswer(id = 'a', response = 'r') {
  wire.onEvent({ type: 'response.created', response: { id: response } });
  wire.onEvent({
    type: 'response.audio_transcript.delta',
    response_id: response,
    item_id: id,
    delta: 'one two three four',
  });
  wire.onEvent({ type: 'response.audio.delta', response_id: response, item_id: id, delta: soundOf(4000) });
  voiceChat.turnTaking.startPlaying(id);
}

describe('barge-in', () => {
  beforeEach(() => goLive());

  test('stops the sound at once and tells what was heard, without a cancel', async () => {
    speakAnswer();
    speaker.heard = { itemId: 'a', playedMs: 2000 };
    wire.onEvent({ type: 'input_audio_buffer.speech_started', item_id: 'u' });
    assert.equal(speaker.calls.at(-1), 'stop');
    await settled();
    assert.deepEqual(
      { ...last('conversation.item.truncate'), event_id: null },
      {
        type: 'conversation.item.truncate',
        item_id: 'a',
        content_index: 0,
        audio_end_ms: 2000,
        event_id: null,
      },
    );
    assert.equal(types().includes('response.cancel'), false);
    assert.equal(conversation.turns[0]?.status, 'interrupted');
    assert.equal(stateOf(facts), 'hearing-you');
  });

  test('also stops an answer that is complete but still heard', async () => {
    speakAnswer();
    wire.onEvent({
      type: 'response.done',
      response: { id: 'r', status: 'completed', output: [{ id: 'a' }] },
    });
    speaker.heard = { itemId: 'a', playedMs: 1000 };
    wire.onEvent({ type: 'input_audio_buffer.speech_started', item_id: 'u' });
    await settled();
    assert.equal(last('conversation.item.truncate')?.audio_end_ms, 1000);
  });

  test('sends no truncate when nothing was heard', async () => {
    speakAnswer();
    wire.onEvent({ type: 'input_audio_buffer.speech_started', item_id: 'u' });
    await settled();
    assert.equal(types().includes('conversation.item.truncate'), false);
  });

  test('drops what still arrives of the answer, and plays the next one', async () => {
    speakAnswer();
    wire.onEvent({ type: 'input_audio_buffer.speech_started', item_id: 'u' });
    await settled();
    const late = { type: 'response.audio.delta', response_id: 'r', item_id: 'a2', delta: soundOf(100) };
    wire.onEvent(late);
    assert.equal(speaker.calls.includes('play a2'), false);
    wire.onEvent({ type: 'response.done', response: { id: 'r', status: 'cancelled', output: [] } });
    speakAnswer('b', 'r2');
    assert.equal(speaker.calls.at(-1), 'play b');
  });

  test('leaves an answer alone that begins while the sound still stops', async () => {
    speakAnswer();
    speaker.heard = { itemId: 'a', playedMs: 2000 };
    wire.onEvent({ type: 'input_audio_buffer.speech_started', item_id: 'u' });
    wire.onEvent({ type: 'response.done', response: { id: 'r', status: 'cancelled', output: [] } });
    speakAnswer('b', 'r2');
    await settled();
    assert.deepEqual(
      conversation.turns.map(({ id, status }) => `${id} ${status}`),
      ['a interrupted', 'u awaited', 'b streaming'],
    );
    assert.equal(stateOf({ ...facts, hearing: false }), 'speaking');
  });

  test('Esc cancels an active response, and only an active one', async () => {
    speakAnswer();
    await voiceChat.turnTaking.interrupt();
    assert.equal(types().filter((type) => type === 'response.cancel').length, 1);
    wire.onEvent({ type: 'response.done', response: { id: 'r', status: 'cancelled' } });
    await voiceChat.turnTaking.interrupt();
    assert.equal(types().filter((type) => type === 'response.cancel').length, 1);
    assert.equal(stateOf(facts), 'connected');
  });

  test('a message written into an answer stops it and is answered after it', async () => {
    speakAnswer();
    await voiceChat.say('Wait');
    assert.deepEqual(types().slice(-2), ['response.cancel', 'conversation.item.create']);
    wire.onEvent({ type: 'response.done', response: { id: 'r', status: 'cancelled' } });
    assert.equal(types().at(-1), 'response.create');
  });
});

describe('push-to-talk', () => {
  beforeEach(async () => {
    settings.set('turnTaking', 'push-to-talk');
    await goLive();
    await voiceChat.startRecording();
  });

  test('sends speech only while held, to the end of the last frame, and then asks for an answer', () => {
    voiceChat.turnTaking.hear(frame());
    voiceChat.turnTaking.press();
    for (let count = 0; count < 5; count++) voiceChat.turnTaking.hear(frame());
    voiceChat.turnTaking.release();
    voiceChat.turnTaking.hear(frame());
    voiceChat.turnTaking.hear(frame());
    assert.equal(types().filter((type) => type === 'input_audio_buffer.append').length, 6);
    assert.deepEqual(types().slice(-2), ['input_audio_buffer.commit', 'response.create']);
    assert.equal(stateOf(facts), 'thinking');
  });

  test('a mere tap says nothing', () => {
    voiceChat.turnTaking.press();
    voiceChat.turnTaking.release();
    voiceChat.turnTaking.hear(frame());
    assert.equal(types().at(-1), 'input_audio_buffer.clear');
    assert.equal(stateOf(facts), 'listening');
  });
});

test('speech is streamed hands-free from the start of the recording, and ends with it', async () => {
  await goLive();
  await voiceChat.startRecording();
  voiceChat.turnTaking.hear(frame());
  assert.equal(types().at(-1), 'input_audio_buffer.append');
  wire.onEvent({ type: 'input_audio_buffer.speech_started', item_id: 'u' });
  await voiceChat.stopRecording();
  assert.deepEqual(types().slice(-2), ['input_audio_buffer.commit', 'response.create']);
});

test('the reply delay runs from the end of speech to the first sample heard', async () => {
  await goLive();
  await voiceChat.startRecording();
  for (let count = 0; count < 50; count++) voiceChat.turnTaking.hear(frame());
  wire.onEvent({ type: 'input_audio_buffer.speech_stopped', item_id: 'u', audio_end_ms: 1200 });
  speakAnswer();
  const [timing] = timings;
  assert.ok(timing);
  assert.ok(timing.totalMs >= 0 && timing.noticedMs >= 0);
  assert.equal(
    Math.round(timing.totalMs),
    Math.round(timing.noticedMs + timing.answeredMs + timing.playedMs),
  );
  assert.equal(conversation.turns.find(({ id }) => id === 'a')?.delayMs, timing.totalMs);
});

test('ten seconds of zeros are told, and that sound is back', async () => {
  await goLive();
  await voiceChat.startRecording();
  for (let count = 0; count < 251; count++) voiceChat.turnTaking.hear(frame(0));
  assert.deepEqual(problems, ['silent']);
  voiceChat.turnTaking.hear(frame());
  assert.deepEqual(problems, ['silent', 'solved silent']);
});

test('harmless errors are not told, others are, and none ends the talk', async () => {
  await goLive();
  wire.onEvent({ type: 'error', error: { code: 'response_cancel_not_active' } });
  wire.onEvent({ type: 'error', error: { code: 'input_audio_buffer_commit_empty' } });
  wire.onEvent({ type: 'error', error: { message: 'Audio content of 10ms is already shorter than 20ms' } });
  wire.onEvent({ type: 'error' });
  assert.deepEqual(problems, ['request_refused']);
  assert.equal(stateOf(facts), 'connected');
});

test('what is no sound is passed over', async () => {
  await goLive();
  for (const delta of [undefined, null, 7, '***', {}])
    wire.onEvent({ type: 'response.audio.delta', item_id: 'a', delta });
  wire.onEvent({ type: 'response.audio.delta', delta: soundOf(40) });
  wire.onEvent({ type: 'response.done', response: { output: 7, usage: 7 } });
  assert.equal(speaker.calls.includes('play a'), false);
});

describe('a session that is lost', () => {
  beforeEach(async () => {
    mock.timers.enable({ apis: ['setTimeout', 'setInterval'] });
    await goLive();
    await voiceChat.startRecording();
  });

  afterEach(() => mock.timers.reset());

  async function lose(code = 1006) {
    wire.onEnded({ code, reason: '', opened: true });
    await settled();
    sent = [];
  }

  async function comeBack() {
    voiceChat.retryNow();
    wire.onEvent({ type: 'session.created', session: {} });
    wire.onEvent({ type: 'session.updated', session: {} });
    await settled();
  }

  const notes = () => conversation.turns.filter(({ role }) => role === 'note').map(({ text }) => text);

  test('stops the sound and keeps the microphone, whose speech is dropped until it is back', async () => {
    speakAnswer();
    speaker.heard = { itemId: 'a', playedMs: 2000 };
    await lose();
    assert.equal(stateOf(facts), 'reconnecting');
    assert.equal(speaker.calls.at(-1), 'stop');
    assert.equal(conversation.turns[0]?.status, 'interrupted');
    assert.equal(microphone.recording, true);
    for (let count = 0; count < 50; count++) voiceChat.turnTaking.hear(frame());
    await comeBack();
    assert.deepEqual(types(), ['session.update', 'conversation.item.create']);
    assert.equal(stateOf(facts), 'listening');
    voiceChat.turnTaking.hear(frame());
    assert.equal(types().at(-1), 'input_audio_buffer.append');
    assert.equal(types().length, 3);
  });

  test('is followed only when it is known how much of a cut answer was heard', async () => {
    speakAnswer();
    const stopped = Promise.withResolvers();
    speaker.stop = () => /** @type {any} */ (stopped.promise);
    await lose();
    await comeBack();
    assert.deepEqual(types(), ['session.update']);
    stopped.resolve({ itemId: 'a', playedMs: 2000 });
    await settled();
    assert.equal(last('conversation.item.create')?.item.content[0].text, conversation.turns[0]?.text);
    assert.equal(conversation.turns[0]?.status, 'interrupted');
  });

  test('is no problem to tell when it is soon back', async () => {
    await lose();
    mock.timers.tick(999);
    assert.deepEqual(problems, []);
    await comeBack();
    mock.timers.tick(1000);
    assert.deepEqual(problems, ['solved lost']);
    assert.deepEqual(notes(), []);
  });

  test('is told with a way to retry, until it is back', async () => {
    await lose(1012);
    mock.timers.tick(1000);
    assert.deepEqual(problems, ['restarting']);
    assert.equal(remedy, 'retry');
    await comeBack();
    assert.deepEqual(problems, ['restarting', 'solved restarting']);
  });

  test('is told in the conversation, once', async () => {
    speakAnswer();
    speaker.heard = { itemId: 'a', playedMs: 2000 };
    for (let count = 0; count < 3; count++) {
      await lose();
      await comeBack();
    }
    assert.deepEqual(notes(), ['Reconnected. The assistant knows the last message.']);
  });

  test('leaves an answer that it cut off to be gone on with', async () => {
    speakAnswer();
    speaker.heard = { itemId: 'a', playedMs: 2000 };
    await lose();
    await comeBack();
    assert.equal(problems.at(-1), 'cut-off');
    assert.equal(types().includes('response.create'), false);
    await lose();
    await comeBack();
    assert.equal(problems.at(-1), 'cut-off', 'as long as no turn has followed');
    voiceChat.turnTaking.ask();
    await lose();
    await comeBack();
    assert.equal(problems.at(-1), 'solved lost');
  });

  test('leaves a message that was not answered to be answered', async () => {
    await voiceChat.say('Are you there?');
    await lose();
    await comeBack();
    assert.equal(last('conversation.item.create')?.item.content[0].text, 'Are you there?');
    assert.equal(types().includes('response.create'), false);
    assert.equal(problems.at(-1), 'unanswered');
    voiceChat.turnTaking.ask();
    assert.equal(types().at(-1), 'response.create');
    assert.equal(problems.includes('solved unanswered'), true);
  });

  test('asks for words again that nobody wrote down', async () => {
    wire.onEvent({ type: 'input_audio_buffer.speech_started', item_id: 'u' });
    await lose();
    await comeBack();
    assert.equal(problems.at(-1), 'unheard');
    assert.equal(conversation.turns[0]?.status, 'failed');
    assert.equal(types().includes('conversation.item.create'), false);
  });

  test('takes what was written meanwhile along, and has it answered', async () => {
    await lose();
    voiceChat.say('One');
    voiceChat.say('Two');
    assert.deepEqual(
      conversation.turns.map(({ text }) => text),
      ['One', 'Two'],
    );
    await comeBack();
    assert.deepEqual(types(), [
      'session.update',
      'conversation.item.create',
      'conversation.item.create',
      'response.create',
    ]);
    assert.equal(stateOf(facts), 'thinking');
    assert.deepEqual(notes(), []);
    await lose();
    await comeBack();
    assert.equal(types().includes('response.create'), false, 'it was asked for once');
  });

  test('stays lost after a disconnect', async () => {
    await lose();
    voiceChat.disconnect();
    mock.timers.tick(60_000);
    assert.equal(stateOf(facts), 'ended');
    assert.equal(microphone.recording, false);
    assert.deepEqual(problems, ['solved lost']);
  });
});

test('a message that finds no service waits for one', async () => {
  const said = voiceChat.say('Hello?');
  wire.onEnded({ code: 1006, reason: '', opened: false });
  await said;
  await settled();
  assert.equal(stateOf(facts), 'error');
  await goLive();
  assert.deepEqual(types(), ['session.update', 'conversation.item.create', 'response.create']);
});

test('a session that goes on where another was hears the last moments again', async () => {
  mock.timers.enable({ apis: ['setTimeout', 'Date'], now: 1_000_000 });
  await goLive({ expires_at: 1020 });
  await voiceChat.startRecording();
  for (let count = 0; count < 5; count++) voiceChat.turnTaking.hear(frame());
  sent = [];
  mock.timers.tick(10_000);
  wire.onEvent({ type: 'session.created', session: {} });
  wire.onEvent({ type: 'session.updated', session: {} });
  await settled();
  mock.timers.reset();
  assert.deepEqual(types(), ['session.update', ...Array(5).fill('input_audio_buffer.append')]);
  voiceChat.turnTaking.hear(frame());
  assert.equal(types().length, 7);
  assert.equal(stateOf(facts), 'listening');
});

test('what is cleared is forgotten by the session, and by the next one', async () => {
  await goLive();
  await voiceChat.say('Remember this');
  speakAnswer();
  await voiceChat.clear();
  assert.deepEqual(conversation.turns, []);
  assert.equal(speaker.playing, false);
  assert.equal(types().at(-1), 'conversation.item.delete');
  voiceChat.disconnect();
  sent = [];
  await goLive();
  assert.deepEqual(types(), ['session.update']);
});

test('a session that is refused for good stops the microphone, and its cause is told', async () => {
  await goLive();
  await voiceChat.startRecording();
  wire.onEnded({ code: 4401, reason: '', opened: true });
  await settled();
  assert.equal(stateOf(facts), 'error');
  assert.deepEqual(problems, ['upstream_unauthorized']);
  assert.equal(microphone.recording, false);
});

test('a refused handshake asks why', async () => {
  const connected = voiceChat.connect();
  wire.onEnded({ code: 1006, reason: '', opened: false });
  assert.equal(await connected, false);
  await settled();
  assert.deepEqual(problems, ['busy']);
});

describe('a sound device that cannot be opened', () => {
  /** @type {string[]} */ let calls;

  beforeEach(() => {
    calls = [];
    device.open = async () => {
      calls.push('open');
      throw new Error('no worklet');
    };
    device.close = async () => calls.push('close');
  });

  test('leaves the talk in writing, and is made anew at the next click', async () => {
    await goLive();
    await settled();
    assert.deepEqual(problems, ['no-sound']);
    assert.equal(stateOf(facts), 'connected');
    await voiceChat.openDevice();
    assert.deepEqual(calls, ['open', 'close', 'open', 'close']);
  });

  test('is not told beside a server that is gone', async () => {
    const connected = voiceChat.connect();
    wire.onEnded({ code: 1006, reason: '', opened: false });
    await connected;
    await settled();
    assert.deepEqual(problems, ['busy']);
  });
});

test('a time limit ends calmly', async () => {
  await goLive();
  wire.onEvent({ type: 'error', error: { type: 'relay_error', code: 'time_limit' } });
  wire.onEnded({ code: 4408, reason: '', opened: true });
  await settled();
  assert.equal(stateOf(facts), 'ended');
  assert.deepEqual(problems, ['time_limit']);
});

test('a denied microphone leaves the talk in writing', async () => {
  await goLive();
  microphone.start = async () => {
    throw Object.assign(new Error(), { cause: 'denied' });
  };
  await voiceChat.startRecording();
  assert.deepEqual(problems, ['denied']);
  assert.equal(stateOf(facts), 'connected');
});
