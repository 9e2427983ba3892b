import { Answering } from './answering.js';
import { Hearing } from './hearing.js';
import { isCalm, problem, problemOfEnding, problemOfError, problemOfResponse } from './realtime/problems.js';
import { isHarmless, Session } from './realtime/session.js';
import { NOTHING_YET } from './realtime/state.js';

/** @import { AudioDevice } from './audio/device.js' */
/** @import { Microphone, MicrophoneFrame } from './audio/microphone.js' */
/** @import { Speaker } from './audio/speaker.js' */
/** @import { Conversation } from './realtime/conversation.js' */
/** @import { RealtimeEvent } from './realtime/dialect.js' */
/** @import { Problem } from './realtime/problems.js' */
/** @import { SessionEnding } from './realtime/session.js' */
/** @import { Facts } from './realtime/state.js' */
/** @import { TurnTiming } from './realtime/timing.js' */
/** @import { Settings } from './settings.js' */

/**
 * @typedef {object} TalkHandlers
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

/** A conversation by voice: session, microphone, speaker and transcript in concert. Knows no DOM. */
export class Talk {
  /** @type {Facts} */ #facts = NOTHING_YET;
  /** @type {Session | null} */ #session = null;
  #hearing;
  #answering;
  #device;
  #microphone;
  #conversation;
  #settings;
  #connect;
  #whyRefused;
  #on;

  /**
   * @param {object} parts
   * @param {AudioDevice} parts.device
   * @param {Microphone} parts.microphone
   * @param {Speaker} parts.speaker
   * @param {Conversation} parts.conversation
   * @param {Settings} parts.settings
   * @param {ConstructorParameters<typeof Session>[0]['connect']} parts.connect
   * @param {() => Promise<string>} parts.whyRefused finds the cause of a refused handshake, of which browsers tell nothing
   * @param {TalkHandlers} parts.on
   */
  constructor({ device, microphone, speaker, conversation, settings, connect, whyRefused, on }) {
    this.#device = device;
    this.#microphone = microphone;
    this.#conversation = conversation;
    this.#settings = settings;
    this.#connect = connect;
    this.#whyRefused = whyRefused;
    this.#on = on;
    this.#answering = new Answering(speaker, conversation, on);
    this.#hearing = new Hearing(settings, {
      onSpeech: on.onSpeech,
      onSilence: (isSilent) => (isSilent ? on.onProblem(problem('silent')) : on.onSolved('silent')),
      onPushEnded: (isTooShort) => (isTooShort ? this.#dropTurn() : this.#endTurn()),
    });
  }

  /**
   * Unix ms at which the session ends, by the service's word or by the relay's limit; null without a session.
   * @param {number} limitMs how long the relay lets a session last
   */
  endsAt(limitMs) {
    if (!this.#session) return null;
    const { openedAtMs, expiresAtMs } = this.#session;
    return Math.min(openedAtMs + limitMs, expiresAtMs ?? Number.POSITIVE_INFINITY);
  }

  /**
   * Open a session, or wait for the one being opened. Call it inside a click: sound needs one.
   * @returns {Promise<boolean>} whether there is one
   */
  async connect() {
    const opened = this.openDevice();
    if (this.#session) return this.#session.ready;
    const session = new Session({
      connect: this.#connect,
      settings: this.#settings.values,
      onReceived: this.#on.onReceived,
      onEvent: (event) => this.#receive(event),
      onSent: this.#on.onSent,
      onUnreadable: this.#on.onUnreadable,
      onEnded: (ending) => this.#onEnded(ending),
    });
    this.#session = session;
    this.#hearing.sendTo(session);
    this.#know({ ...NOTHING_YET, link: 'opening' });
    const isUp = await session.ready;
    if (!isUp) return false; // a server that is gone gives no worklet either: its absence is the one cause to tell
    this.#know({ link: 'live' });
    opened.then((hasSound) => hasSound || this.#on.onProblem(problem('no-sound')));
    return true;
  }

  disconnect() {
    this.#session?.close();
    this.#end('ended');
  }

  /**
   * Make or wake the sound device. Call it inside a click. Without one, text still works.
   * @returns {Promise<boolean>} whether there is one
   */
  async openDevice() {
    try {
      await this.#device.open();
      return true;
    } catch {
      await this.#device.close(); // half made; the next click makes it anew
      return false;
    }
  }

  /** Connect if need be, ask for the microphone and listen. */
  async startRecording() {
    const opened = this.openDevice();
    if (!(await this.connect())) return;
    const hasSound = await opened;
    const { context } = this.#device;
    if (!hasSound || !context) {
      this.#on.onProblem(problem('no-sound'));
      return;
    }
    if (this.#facts.microphone !== 'off') return;
    this.#know({ microphone: 'requesting' });
    try {
      await this.#microphone.start(context, { deviceId: this.#settings.values.microphone });
    } catch (error) {
      this.#on.onProblem(problem(String(/** @type {Error} */ (error).cause ?? 'failed')));
    }
    this.#know({ microphone: this.#microphone.recording ? 'on' : 'off' });
  }

  /** Stop listening. What was being said is answered. */
  async stopRecording() {
    await this.#microphone.stop();
    if (this.#facts.hearing) this.#endTurn();
    else this.#session?.clearSpeech();
    this.#know({ microphone: 'off' });
    this.#on.onSolved('silent');
  }

  /** Go on with the microphone chosen in the settings. */
  async changeMicrophone() {
    if (this.#facts.microphone !== 'on') return;
    await this.stopRecording();
    await this.startRecording();
  }

  /** Apply to the running session what it can take of changed settings. */
  updateSession() {
    this.#session?.update(this.#settings.values);
  }

  /**
   * Send a written message; connects if need be.
   * @param {string} text
   */
  async say(text) {
    if (!(await this.connect()) || !this.#session) return;
    if (this.#facts.playing || this.#session.responding) await this.interrupt();
    this.#answering.expect();
    this.#conversation.add('user', this.#session.write(text), text);
    this.#know({ answering: true });
  }

  /** Stop the assistant, at once. */
  async interrupt() {
    await this.#silence({ cancel: true });
    this.#know({ answering: false });
  }

  /** Push-to-talk: the user begins to speak. */
  press() {
    if (!this.#hearing.isPushToTalk || this.#facts.microphone !== 'on') return;
    this.#hearing.press();
    this.#know({ hearing: true });
    this.#silence({ cancel: true });
  }

  /** Push-to-talk: the user has spoken. */
  release() {
    this.#hearing.release();
  }

  /** @param {MicrophoneFrame} frame */
  hear(frame) {
    this.#hearing.hear(frame);
  }

  /** @param {string} cause why the microphone ended by itself */
  loseMicrophone(cause) {
    this.#know({ microphone: 'off', hearing: false });
    this.#on.onProblem(problem(cause === 'missing' ? 'microphone-lost' : cause));
  }

  /** @param {string} itemId its first sample is heard */
  startPlaying(itemId) {
    this.#know({ playing: this.#answering.isPlaying }); // word of it may cross a stop
    this.#answering.started(itemId);
  }

  /**
   * @param {string} itemId has been heard to its end
   * @param {number} heardMs
   */
  endPlaying(itemId, heardMs) {
    this.#conversation.heard(itemId, heardMs);
    this.#know({ playing: this.#answering.isPlaying });
  }

  /** What each server event means beside its place in the conversation. */
  #meanings = new Map(
    /** @type {[string, (event: RealtimeEvent) => void][]} */ ([
      ['input_audio_buffer.speech_started', () => this.#onSpeechStarted()],
      ['input_audio_buffer.speech_stopped', (event) => this.#onSpeechStopped(event)],
      ['response.created', () => this.#know({ answering: true })],
      ['response.output_audio.delta', (event) => this.#answering.take(event)],
      ['response.output_audio.done', (event) => this.#answering.complete(event.item_id)],
      ['response.done', (event) => this.#onResponseDone(event)],
      ['error', (event) => this.#onError(event)],
    ]),
  );

  /** @param {RealtimeEvent} event */
  #receive(event) {
    if (this.#session?.isAbandoned(event)) return;
    this.#conversation.receive(event);
    this.#meanings.get(event.type)?.(event);
  }

  #onSpeechStarted() {
    this.#silence({ cancel: false }); // first of all; the server's turn detection has cancelled the response itself
    this.#know({ hearing: true });
  }

  /** @param {RealtimeEvent} event */
  #onSpeechStopped({ audio_end_ms: audioEndMs }) {
    this.#answering.expect(this.#hearing.momentOfSilence(audioEndMs) ?? undefined);
    this.#know({ hearing: false, answering: true });
  }

  /** @param {RealtimeEvent} event */
  #onResponseDone({ response }) {
    if (Array.isArray(response?.output))
      for (const item of response.output) this.#answering.complete(item?.id);
    if (response?.usage) this.#on.onUsage(response.usage);
    const failure = problemOfResponse(response);
    if (failure) this.#on.onProblem(failure);
    this.#know({ answering: false });
  }

  /** @param {RealtimeEvent} event */
  #onError({ error }) {
    if (isHarmless(error) || error?.type === 'relay_error') return; // the close after a relay_error reports it
    this.#know({ answering: this.#session?.responding ?? false });
    this.#on.onProblem(problemOfError(error));
  }

  /** @param {SessionEnding} ending */
  async #onEnded(ending) {
    const reason = ending.opened ? problemOfEnding(ending) : problem(await this.#whyRefused());
    this.#end(isCalm(reason) ? 'ended' : 'failed');
    this.#on.onProblem(reason);
  }

  /** @param {Facts['link']} link */
  async #end(link) {
    this.#session = null;
    this.#hearing.sendTo(null);
    this.#know({ ...NOTHING_YET, link });
    this.#conversation.settle();
    await Promise.all([this.#microphone.stop(), this.#answering.stop()]);
  }

  /**
   * Stop the answer under way and tell the model how much of it was heard.
   * @param {{ cancel: boolean }} how cancel: ask the server to stop, too
   */
  async #silence(how) {
    const session = this.#session;
    session?.abandonResponse(how);
    this.#know({ playing: false });
    const { itemId, playedMs } = await this.#answering.stop();
    if (itemId && playedMs > 0) session?.truncate(itemId, playedMs);
  }

  /** The user's turn ends here by the user's own word. */
  #endTurn() {
    this.#answering.expect();
    this.#session?.commitSpeech();
    this.#know({ hearing: false, answering: true });
  }

  /** What was said is too short to be anything. */
  #dropTurn() {
    this.#session?.clearSpeech();
    this.#know({ hearing: false });
  }

  /** @param {Partial<Facts>} changes */
  #know(changes) {
    this.#facts = { ...this.#facts, ...changes };
    this.#on.onFacts(this.#facts);
  }
}
