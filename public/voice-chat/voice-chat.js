import { problem } from '../problems/problems.js';
import { newId } from '../realtime/ids.js';
import { LossNotice } from './loss-notice.js';

/** @import { Problem, ProblemDisplay } from '../problems/problems.js' */
/** @import { Conversation } from '../realtime/conversation.js' */
/** @import { Session } from '../realtime/session.js' */
/** @import { HistorySeed } from './history-seed.js' */
/** @import { MicrophoneControl } from './microphone-control.js' */
/** @import { ReconnectingSession } from './reconnecting-session.js' */
/** @import { ChatState } from './state.js' */
/** @import { TurnController } from './turn-controller.js' */

/** Begins the id of each note that says where one session ended and another continued. */
const DIVIDER = 'divider_';

/** Run a conversation by voice: do what the user asks for, and follow the sessions as they come and go. Knows no DOM. */
export class VoiceChat {
  /** Ids of messages written while there was no session; the next one answers them. @type {Set<string>} */ #unsent =
    new Set();
  #lossNotice;
  #session;
  #turns;
  #microphone;
  #conversation;
  #state;
  #problems;

  /**
   * @param {object} options
   * @param {ReconnectingSession} options.session calls the `on…` methods below
   * @param {TurnController} options.turns
   * @param {MicrophoneControl} options.microphone
   * @param {Conversation} options.conversation
   * @param {ChatState} options.state
   * @param {ProblemDisplay} options.problems
   */
  constructor({ session, turns, microphone, conversation, state, problems }) {
    this.#session = session;
    this.#turns = turns;
    this.#microphone = microphone;
    this.#conversation = conversation;
    this.#state = state;
    this.#problems = problems;
    this.#lossNotice = new LossNotice(problems);
  }

  /**
   * Open a session, or wait for the one being opened. Call it inside a click: the browser requires one for sound.
   * @returns {Promise<boolean>} whether there is one
   */
  async connect() {
    const opened = this.#microphone.openDevice();
    if (this.#session.current) return true;
    // When the server is gone, the worklets cannot be loaded either: that the server is gone is then the one problem to show.
    if (!(await this.#session.open())) return false;
    opened.then((hasSound) => hasSound || this.#problems.show(problem('no-sound')));
    return true;
  }

  disconnect() {
    this.#session.close();
    this.#unsent.clear();
    this.#end('ended');
  }

  /** Connect if necessary, ask for the microphone and record. While a lost session is being retried, record at once. */
  async startRecording() {
    const opened = this.#microphone.openDevice();
    if (this.#state.facts.session === 'retrying' || (await this.connect()))
      await this.#microphone.start(opened);
  }

  /** Stop recording. A turn that the user was speaking is answered. */
  async stopRecording() {
    await this.#microphone.stop();
    this.#turns.stopListening();
    this.#problems.hide('silent');
  }

  /** Go on with the microphone that was chosen in the settings. */
  async changeMicrophone() {
    if (this.#state.facts.microphone !== 'on') return;
    await this.stopRecording();
    await this.startRecording();
  }

  /**
   * Send a written message. Without a session, connect; the message is sent as soon as there is one.
   * @param {string} text
   */
  async sendMessage(text) {
    if (this.#session.current) return this.#turns.sendMessage(text);
    const id = newId();
    this.#unsent.add(id);
    this.#conversation.add('user', id, text);
    await this.connect();
  }

  /** Forget the conversation, here and in the session. */
  async clear() {
    this.#unsent.clear();
    await this.#turns.forget();
    this.#conversation.clear();
  }

  onOpening() {
    this.#state.reset('opening');
  }

  /**
   * @param {Session} session
   * @param {HistorySeed & { isBack: boolean }} seed what the session was told; isBack: an earlier session was lost
   */
  onLive(session, { messages, openTurn, isBack }) {
    this.#lossNotice.over();
    this.#turns.begin(session);
    this.#state.update({ session: 'live', retryAtMs: null });
    this.#addDivider(messages.filter(({ id }) => !this.#unsent.has(id)).length, isBack);
    const hasUnsent = this.#unsent.size > 0;
    this.#unsent.clear();
    if (hasUnsent) this.#turns.ask();
    else if (openTurn) this.#problems.show(problem(openTurn));
    else if (this.#turns.isCutOff) this.#problems.show(problem('cut-off'));
  }

  /** @param {Session} session replaces the one that is about to expire */
  onReplaced(session) {
    this.#turns.continueWith(session);
    this.#state.update({}); // the new session ends at another time
  }

  /**
   * @param {Problem} reason why the session was lost, or why a try to get it back failed
   * @param {number} retryAtMs Unix time of the next try
   */
  onLost(reason, retryAtMs) {
    const isFirst = this.#state.facts.session !== 'retrying';
    const nobodySpeaks = { isUserSpeaking: false, isAnswerDue: false, isAnswerPlaying: false };
    this.#state.update({ session: 'retrying', retryAtMs, ...nobodySpeaks });
    this.#lossNotice.lost(reason);
    if (isFirst) this.#turns.lose();
  }

  /** The next try has begun. */
  onRetrying() {
    this.#state.update({ retryAtMs: null });
  }

  /**
   * There will be no other session unless the user asks for one.
   * @param {'ended' | 'failed'} outcome
   * @param {Problem} reason
   */
  onOver(outcome, reason) {
    this.#end(outcome);
    this.#problems.show(reason);
  }

  /** @param {'ended' | 'failed'} outcome */
  #end(outcome) {
    this.#lossNotice.over();
    this.#state.reset(outcome);
    this.#microphone.stop();
    this.#turns.end();
  }

  /**
   * Note in the conversation that another session continues it; once, however many sessions follow.
   * @param {number} messages how many of them the session knows
   * @param {boolean} isBack
   */
  #addDivider(messages, isBack) {
    if (messages === 0 || this.#conversation.turns.at(-1)?.id.startsWith(DIVIDER)) return;
    const known = messages === 1 ? 'message' : `${messages} messages`;
    const words = `${isBack ? 'Reconnected' : 'Continued'}. The assistant knows the last ${known}.`;
    this.#conversation.add('note', DIVIDER + newId(), words);
  }
}
