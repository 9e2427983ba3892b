/** A voice chat composed as app.js does it, with a fake server, microphone and speaker. */

import { encode } from '../../../public/audio/pcm16.js';
import { Conversation } from '../../../public/realtime/conversation.js';
import { DEFAULTS } from '../../../public/store/settings.js';
import { MicrophoneControl } from '../../../public/voice-chat/microphone-control.js';
import { ReconnectingSession } from '../../../public/voice-chat/reconnecting-session.js';
import { SpeechInput } from '../../../public/voice-chat/speech-input.js';
import { SpeechOutput } from '../../../public/voice-chat/speech-output.js';
import { ChatState, stateOf } from '../../../public/voice-chat/state.js';
import { TurnController } from '../../../public/voice-chat/turn-controller.js';
import { VoiceChat } from '../../../public/voice-chat/voice-chat.js';

/** @import { RealtimeEvent } from '../../../public/realtime/dialect.js' */
/** @import { SettingValues } from '../../../public/store/settings.js' */
/** @import { TurnTiming } from '../../../public/voice-chat/reply-latency.js' */

/** Let everything that was awaited go on. */
export const settled = () => new Promise((resolve) => setImmediate(resolve));

/** @param {number} ms */
const audioOf = (ms) => encode(new Int16Array(24 * ms));

/** A microphone frame of 40 ms. */
export const frame = (rms = 0.1) => ({ pcm: new Int16Array(960), rms });

/** Records its calls, and reports as much as heard as the test sets. */
class FakeSpeaker {
  /** @type {string[]} */ calls = [];
  /** What the next stop reports. @type {{ itemId: string | null, playedMs: number }} */
  heard = { itemId: null, playedMs: 0 };
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

class FakeMicrophone {
  recording = false;

  async start() {
    this.recording = true;
  }

  async stop() {
    this.recording = false;
  }
}

class FakeDevice {
  context = {};
  async open() {}
  async close() {}
}

export class TestChat {
  /** What the page has sent. @type {RealtimeEvent[]} */ sent = [];
  /** Causes of the problems shown; 'hide' before those that were hidden. @type {string[]} */ problems = [];
  remedy = '';
  /** @type {TurnTiming[]} */ timings = [];
  /** @type {string[]} */ unreadable = [];
  /** @type {SettingValues} */ settings = { ...DEFAULTS };
  speaker = new FakeSpeaker();
  microphone = new FakeMicrophone();
  device = new FakeDevice();
  conversation = new Conversation({ onChange() {}, onRemoved() {} });
  state = new ChatState(() => {});
  /** Handlers of the newest connection. @type {any} */ #connection;

  constructor() {
    const { conversation, state } = this;
    const problems = {
      show: (/** @type {any} */ problem) => {
        this.problems.push(problem.cause);
        this.remedy = problem.remedy;
      },
      hide: (/** @type {string} */ cause) => this.problems.push(`hide ${cause}`),
    };
    this.speechInput = new SpeechInput({
      turnTaking: () => this.settings.turnTaking,
      onSpeech() {},
      onSilence: (isSilent) => this.problems.push(isSilent ? 'silent' : 'hide silent'),
      onPushEnded: (isTooShort) => this.turns.endPush(isTooShort),
    });
    this.turns = new TurnController({
      ...{ conversation, state, problems },
      speechInput: this.speechInput,
      speechOutput: new SpeechOutput({
        speaker: /** @type {any} */ (this.speaker),
        conversation,
        onAudio() {},
        onCut() {},
        onTiming: (timing) => this.timings.push(timing),
        onUnreadable: (delta) => this.unreadable.push(delta),
      }),
      onUsage() {},
    });
    this.session = new ReconnectingSession({
      server: {
        connect: (handlers) => {
          this.#connection = handlers;
          return { send: (event) => this.sent.push(event) > 0, close() {}, heldBackBytes: 0 };
        },
        whyRefused: async () => 'busy',
        isAlive: async () => true,
        isOnline: () => true,
      },
      settings: () => this.settings,
      turns: () => conversation.turns,
      settled: () => this.turns.silenced,
      isQuiet: () => this.turns.isQuiet,
      handlers: {
        onOpening: () => this.voiceChat.onOpening(),
        onLive: (session, seed) => this.voiceChat.onLive(session, seed),
        onReplaced: (session) => this.voiceChat.onReplaced(session),
        onLost: (reason, retryAtMs) => this.voiceChat.onLost(reason, retryAtMs),
        onRetrying: () => this.voiceChat.onRetrying(),
        onOver: (outcome, reason) => this.voiceChat.onOver(outcome, reason),
        onEvent: (event) => this.turns.receive(event),
        onReceived() {},
        onSent() {},
        onUnreadable() {},
      },
    });
    this.microphoneControl = new MicrophoneControl({
      device: /** @type {any} */ (this.device),
      microphone: /** @type {any} */ (this.microphone),
      deviceId: () => '',
      ...{ state, problems },
    });
    this.voiceChat = new VoiceChat({
      ...{ conversation, state, problems },
      session: this.session,
      turns: this.turns,
      microphone: this.microphoneControl,
    });
  }

  /** The state that the page shows. */
  get shown() {
    return stateOf(this.state.facts);
  }

  get types() {
    return this.sent.map(({ type }) => type);
  }

  /** @param {string} type */
  last(type) {
    return this.sent.findLast((event) => event.type === type);
  }

  /** @param {RealtimeEvent} event a server event */
  receive(event) {
    this.#connection.onEvent(event);
  }

  /** The session comes up. @param {object} [session] */
  accept(session = {}) {
    this.receive({ type: 'session.created', session });
    this.receive({ type: 'session.updated', session });
  }

  /** @param {number} code @param {boolean} [opened] false: the handshake failed */
  async close(code, opened = true) {
    this.#connection.onClosed({ code, reason: '', opened });
    await settled();
  }

  /** @param {object} [session] */
  async connect(session = {}) {
    const connected = this.voiceChat.connect();
    this.accept(session);
    await connected;
  }

  /** Lose the session and forget what was sent to it. @param {number} [code] */
  async lose(code = 1006) {
    await this.close(code);
    this.sent = [];
  }

  /** The retry succeeds. */
  async comeBack() {
    this.session.retryNow();
    this.accept();
    await settled();
  }

  /** @param {number} count @param {number} [rms] */
  speakFrames(count, rms) {
    for (let number = 0; number < count; number++) this.speechInput.take(frame(rms));
  }

  /** Four seconds of an answer have arrived, and its first sample is heard. */
  startAnswer(itemId = 'a', response = 'r') {
    const ids = { response_id: response, item_id: itemId };
    this.receive({ type: 'response.created', response: { id: response } });
    this.receive({ type: 'response.audio_transcript.delta', ...ids, delta: 'one two three four' });
    this.receive({ type: 'response.audio.delta', ...ids, delta: audioOf(4000) });
    this.turns.startPlaying(itemId);
  }

  /** Audio of an answer arrives. @param {string} itemId @param {string} response */
  receiveAudio(itemId, response) {
    this.receive({
      type: 'response.audio.delta',
      response_id: response,
      item_id: itemId,
      delta: audioOf(100),
    });
  }

  /** The server's turn detection hears the user. */
  interruptBySpeech() {
    this.state.update({ microphone: 'on' });
    this.receive({ type: 'input_audio_buffer.speech_started', item_id: 'u' });
  }

  /** The response was cancelled. @param {string} response */
  cancelled(response) {
    this.receive({ type: 'response.done', response: { id: response, status: 'cancelled', output: [] } });
  }
}
