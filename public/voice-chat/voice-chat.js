import { problem, whileRetrying } from '../problems/problems.js';
import { newId } from '../realtime/ids.js';
import { MicrophoneControl } from './microphone-control.js';
import { ReconnectingSession } from './reconnecting-session.js';
import { NOTHING_YET } from './state.js';
import { TurnController } from './turn-controller.js';

/** @import { AudioDevice } from '../audio/device.js' */
/** @import { Microphone } from '../audio/microphone.js' */
/** @import { Speaker } from '../audio/speaker.js' */
/** @import { Service, Restored } from './reconnecting-session.js' */
/** @import { Conversation } from '../realtime/conversation.js' */
/** @import { RealtimeEvent } from '../realtime/dialect.js' */
/** @import { Problem } from '../problems/problems.js' */
/** @import { Session } from '../realtime/session.js' */
/** @import { Facts } from './state.js' */
/** @import { TurnTiming } from './reply-latency.js' */
/** @import { Settings } from '../store/settings.js' */

/** A loss that is made good so soon is no problem to tell. */
const UNTOLD_LOSS_MS = 1000;
/** Ids of the notes that say where one session ended and another went on. */
const DIVIDER = 'line_';

/**
 * @typedef {object} VoiceChatHandlers
 * @property {(facts: Facts) => void} onFacts
 * @property {(problem: Problem) => void} onProblem
 * @property {(cause: string) => void} onSolved a problem of that cause is over, if there was one
 * @property {(timing: TurnTiming) => void} onTiming
 * @property {(usage: Record<string, any>) => void} onUsage
 * @property {(itemId: string, heardMs: number) => void} onCut an answer was cut after so much of it was heard
 * @property {(pcm: Int16Array) => void} onSpeech the user's speech, as it is sent
 * @property {(itemId: string, pcm: Int16Array) => void} onAnswer an answer's sound, as it arrives
 * @property {(event: RealtimeEvent) => void} onReceived
 * @property {(event: RealtimeEvent) => void} onSent
 * @property {(frame: string) => void} onUnreadable
 */

/** A conversation by voice: line, microphone, speaker and transcript in concert. Knows no DOM. */
export class VoiceChat {
  /** @type {Facts} */ #facts = NOTHING_YET;
  /** Why there is no session, while another one is tried. @type {Problem | null} */ #loss = null;
  /** @type {ReturnType<typeof setTimeout> | undefined} */ #lossTimer;
  /** Written while there was no session: answered when there is one. @type {Set<string>} */ #unsent =
    new Set();
  /** Until when it may not be known how much of the last answer was heard. @type {Promise<unknown>} */ #silenced =
    Promise.resolve();
  #reconnectingSession;
  #turns;
  #microphoneControl;
  #conversation;
  #settings;
  #on;

  /**
   * @param {object} parts
   * @param {AudioDevice} parts.device
   * @param {Microphone} parts.microphone
   * @param {Speaker} parts.speaker
   * @param {Conversation} parts.conversation
   * @param {Promise<unknown>} parts.restored until when turns of former times may be missing in it
   * @param {Settings} parts.settings
   * @param {Service} parts.service
   * @param {VoiceChatHandlers} parts.on
   */
  constructor({ device, microphone, speaker, conversation, restored, settings, service, on }) {
    this.#conversation = conversation;
    this.#settings = settings;
    this.#on = on;
    this.#microphoneControl = new MicrophoneControl({
      ...{ device, microphone, settings },
      onState: (state) => this.#know({ microphone: state }),
      onProblem: on.onProblem,
    });
    this.#turns = new TurnController({
      ...{ speaker, conversation, settings, on },
      facts: () => this.#facts,
      know: (changes) => this.#know(changes),
    });
    this.#reconnectingSession = new ReconnectingSession({
      service,
      settings: () => settings.values,
      turns: () => conversation.turns,
      settled: () => Promise.allSettled([restored, this.#silenced]),
      isQuiet: () => this.#turns.isQuiet,
      on: {
        onOpening: () => this.#know({ ...NOTHING_YET, link: 'opening' }),
        onLive: (session, known) => this.#onLive(session, known),
        onNext: (session) => this.#onNext(session),
        onLost: (reason, retryAtMs) => this.#onLost(reason, retryAtMs),
        onTrying: () => this.#know({ retryAtMs: null }),
        onOver: (link, reason) => {
          this.#end(link);
          on.onProblem(reason);
        },
        onEvent: (event) => this.#turns.receive(event),
        onReceived: on.onReceived,
        onSent: on.onSent,
        onUnreadable: on.onUnreadable,
      },
    });
  }

  /** The turns of this talk, taken by voice. */
  get turnTaking() {
    return this.#turns;
  }

  /**
   * Unix ms at which the session ends, by the service's word or by the relay's limit; null without a session.
   * @param {number} limitMs how long the relay lets a session last
   */
  endsAt(limitMs) {
    const { session } = this.#reconnectingSession;
    return session && Math.min(session.openedAtMs + limitMs, session.expiresAtMs ?? Number.POSITIVE_INFINITY);
  }

  /**
   * Open a session, or wait for the one being opened. Call it inside a click: sound needs one.
   * @returns {Promise<boolean>} whether there is one
   */
  async connect() {
    const opened = this.openDevice();
    if (this.#reconnectingSession.session) return true;
    if (!(await this.#reconnectingSession.open())) return false; // a server that is gone gives no worklet either: its absence is the one cause to tell
    opened.then((hasSound) => hasSound || this.#on.onProblem(problem('no-sound')));
    return true;
  }

  disconnect() {
    this.#reconnectingSession.close();
    this.#unsent.clear();
    this.#end('ended');
  }

  /** Try at once to get a lost session back. */
  retryNow() {
    this.#reconnectingSession.retryNow();
  }

  /** The computer, the tab or the network may have been away. */
  wake() {
    this.#reconnectingSession.wake();
  }

  /** Make or wake the sound device. Call it inside a click. */
  openDevice() {
    return this.#microphoneControl.openDevice();
  }

  /** Connect if need be, ask for the microphone and listen. A lost session is not waited for. */
  async startRecording() {
    const opened = this.openDevice();
    if (this.#facts.link === 'retrying' || (await this.connect()))
      await this.#microphoneControl.start(opened);
  }

  /** Stop listening. What was being said is answered. */
  async stopRecording() {
    await this.#microphoneControl.stop();
    this.#turns.stopHearing();
    this.#on.onSolved('silent');
  }

  /** Go on with the microphone chosen in the settings. */
  async changeMicrophone() {
    if (!this.#microphoneControl.isOn) return;
    await this.stopRecording();
    await this.startRecording();
  }

  /** @param {string} cause why the microphone ended by itself */
  loseMicrophone(cause) {
    this.#know({ hearing: false });
    this.#microphoneControl.lose(cause);
  }

  /** Apply to the running session what it can take of changed settings. */
  updateSession() {
    this.#reconnectingSession.session?.update(this.#settings.values);
  }

  /**
   * Send a written message; connects if need be. What is written while there is no session is sent to the next one.
   * @param {string} text
   */
  async say(text) {
    if (this.#reconnectingSession.session) return this.#turns.write(text);
    const id = newId();
    this.#unsent.add(id);
    this.#conversation.add('user', id, text);
    await this.connect();
  }

  /** Forget all that was said, here and in the session. */
  async clear() {
    this.#unsent.clear();
    await this.#turns.forget();
    this.#conversation.clear();
  }

  /**
   * @param {Session} session
   * @param {Restored} restored
   */
  #onLive(session, { messages, owed, isBack }) {
    this.#forgetLoss();
    this.#turns.begin(session);
    this.#know({ link: 'live', retryAtMs: null });
    this.#divide(messages.filter(({ id }) => !this.#unsent.has(id)).length, isBack);
    const isAsked = this.#unsent.size > 0;
    this.#unsent.clear();
    if (isAsked) this.#turns.ask();
    else if (owed) this.#on.onProblem(problem(owed));
    else if (this.#turns.isCutOff) this.#on.onProblem(problem('cut-off'));
  }

  /** @param {Session} session goes on where the former was */
  #onNext(session) {
    this.#turns.goOn(session);
    this.#know({});
  }

  /**
   * Say in the conversation that another session goes on with it.
   * @param {number} messages how many it knows
   * @param {boolean} isBack
   */
  #divide(messages, isBack) {
    if (messages === 0 || this.#conversation.turns.at(-1)?.id.startsWith(DIVIDER)) return;
    const known = messages === 1 ? 'message' : `${messages} messages`;
    const words = `${isBack ? 'Reconnected' : 'Continued'}. The assistant knows the last ${known}.`;
    this.#conversation.add('note', DIVIDER + newId(), words);
  }

  /**
   * @param {Problem} reason the session is lost for, or why a try has failed
   * @param {number} retryAtMs Unix time of the next try
   */
  #onLost(reason, retryAtMs) {
    const isNew = this.#facts.link !== 'retrying';
    this.#loss = reason;
    this.#know({ link: 'retrying', retryAtMs, hearing: false, answering: false, playing: false });
    if (!isNew) {
      this.#tellLoss();
      return;
    }
    this.#silenced = this.#turns.lose();
    this.#lossTimer = setTimeout(() => this.#tellLoss(), UNTOLD_LOSS_MS);
  }

  #tellLoss() {
    clearTimeout(this.#lossTimer);
    if (this.#loss) this.#on.onProblem(whileRetrying(this.#loss));
  }

  #forgetLoss() {
    clearTimeout(this.#lossTimer);
    if (this.#loss) this.#on.onSolved(this.#loss.cause);
    this.#loss = null;
  }

  /** @param {Facts['link']} link */
  #end(link) {
    this.#forgetLoss();
    this.#know({ ...NOTHING_YET, link });
    this.#silenced = Promise.all([this.#microphoneControl.stop(), this.#turns.end()]);
  }

  /** @param {Partial<Facts>} changes */
  #know(changes) {
    this.#facts = { ...this.#facts, ...changes };
    this.#on.onFacts(this.#facts);
  }
}
