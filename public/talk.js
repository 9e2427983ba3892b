import { decode, encode, samplesToMs } from './audio/pcm16.js';
import { silenceMs } from './realtime/dialect.js';
import { isCalm, problem, problemOfEnding, problemOfError, problemOfResponse } from './realtime/problems.js';
import { isHarmless, Session } from './realtime/session.js';
import { NOTHING_YET } from './realtime/state.js';
import { SpeechClock, TurnTimer } from './realtime/timing.js';

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
 * @property {() => void} onInterrupted the assistant was cut short
 * @property {(pcm: Int16Array) => void} onSpeech the user's speech, as it is sent
 * @property {(itemId: string, pcm: Int16Array) => void} onAnswer an answer's sound, as it arrives
 * @property {(event: RealtimeEvent) => void} onReceived
 * @property {(event: RealtimeEvent) => void} onSent
 * @property {(frame: string) => void} onUnreadable
 */

/** A working microphone never sends less, not even in a silent room. */
const SILENT_RMS = 1e-5;
const SILENT_FRAMES = 250; // 10 s

/** The API refuses to commit less than 100 ms of speech. */
const SHORTEST_PUSH_FRAMES = 3;

/** A conversation by voice: session, microphone, speaker and transcript in concert. Knows no DOM. */
export class Talk {
  /** @type {Facts} */ #facts = NOTHING_YET;
  /** @type {Session | null} */ #session = null;
  #clock = new SpeechClock();
  #timer = new TurnTimer();
  #silentFrames = 0;
  /** Push-to-talk: 'closing' still sends the frame under way. @type {'open' | 'closing' | 'closed'} */
  #gate = 'closed';
  #pushedFrames = 0;
  #device;
  #microphone;
  #speaker;
  #conversation;
  #settings;
  #connect;
  #on;

  /**
   * @param {object} parts
   * @param {AudioDevice} parts.device
   * @param {Microphone} parts.microphone
   * @param {Speaker} parts.speaker
   * @param {Conversation} parts.conversation
   * @param {Settings} parts.settings
   * @param {ConstructorParameters<typeof Session>[0]['connect']} parts.connect
   * @param {TalkHandlers} parts.on
   */
  constructor({ device, microphone, speaker, conversation, settings, connect, on }) {
    this.#device = device;
    this.#microphone = microphone;
    this.#speaker = speaker;
    this.#conversation = conversation;
    this.#settings = settings;
    this.#connect = connect;
    this.#on = on;
  }

  /** Unix ms when the service ends the session, null when it has not said. */
  get expiresAtMs() {
    return this.#session?.expiresAtMs ?? null;
  }

  /**
   * Open a session, or wait for the one being opened. Call it inside a click: sound needs one.
   * @returns {Promise<boolean>} whether there is one
   */
  async connect() {
    this.openDevice();
    if (this.#session) return this.#session.ready;
    const session = new Session({
      connect: this.#connect,
      settings: this.#settings.values,
      onEvent: (event) => this.#receive(event),
      onSent: this.#on.onSent,
      onUnreadable: this.#on.onUnreadable,
      onEnded: (ending) => this.#onEnded(ending),
    });
    this.#session = session;
    this.#clock = new SpeechClock();
    this.#timer = new TurnTimer();
    this.#know({ ...NOTHING_YET, link: 'opening' });
    const isUp = await session.ready;
    if (isUp) this.#know({ link: 'live' });
    return isUp;
  }

  disconnect() {
    this.#session?.close();
    this.#end('ended');
  }

  /** Make or wake the sound device. Call it inside a click. Without one, text still works. */
  async openDevice() {
    try {
      await this.#device.open();
    } catch {
      this.#on.onProblem(problem('no-sound'));
    }
  }

  /** Connect if need be, ask for the microphone and listen. */
  async startRecording() {
    const opened = this.openDevice();
    if (!(await this.connect())) return;
    await opened;
    const { context } = this.#device;
    if (!context || this.#microphone.recording) return;
    this.#know({ microphone: 'requesting' });
    try {
      await this.#microphone.start(context, { deviceId: this.#settings.values.microphone });
    } catch (error) {
      this.#on.onProblem(problem(String(/** @type {Error} */ (error).cause ?? 'failed')));
    }
    this.#silentFrames = 0;
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

  /** The microphone chosen in the settings takes over. */
  async changeMicrophone() {
    if (!this.#microphone.recording) return;
    await this.#microphone.stop();
    await this.startRecording();
  }

  /** The settings have changed: apply what a running session can. */
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
    const now = performance.now();
    this.#timer.turnEnded(now, now);
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
    if (silenceMs(this.#settings.values.turnTaking) !== null || this.#facts.microphone !== 'on') return;
    this.#gate = 'open';
    this.#pushedFrames = 0;
    this.#know({ hearing: true });
    this.#silence({ cancel: true });
  }

  /** Push-to-talk: the user has spoken. */
  release() {
    if (this.#gate === 'open') this.#gate = 'closing';
  }

  /**
   * Take a frame from the microphone.
   * @param {MicrophoneFrame} frame
   */
  hear({ pcm, rms }) {
    this.#watchForSilence(rms);
    const isPushToTalk = silenceMs(this.#settings.values.turnTaking) === null;
    if (isPushToTalk && this.#gate === 'closed') return;
    if (this.#session?.speak(encode(pcm))) {
      this.#clock.sent(samplesToMs(pcm.length), performance.now());
      this.#on.onSpeech(pcm);
    }
    this.#pushedFrames += 1;
    if (isPushToTalk && this.#gate === 'closing') this.#endTurn();
  }

  /** @param {string} cause the microphone ended by itself */
  loseMicrophone(cause) {
    this.#know({ microphone: 'off', hearing: false });
    this.#on.onProblem(problem(cause === 'missing' ? 'microphone-lost' : cause));
  }

  /** @param {string} itemId its first sample is played */
  startPlaying(itemId) {
    this.#know({ playing: true });
    const timing = this.#timer.soundPlayed(itemId, performance.now());
    if (!timing) return;
    this.#conversation.annotate(itemId, { delayMs: timing.totalMs });
    this.#on.onTiming(timing);
  }

  /**
   * @param {string} itemId has been heard to its end
   * @param {number} playedMs
   */
  endPlaying(itemId, playedMs) {
    this.#conversation.heard(itemId, playedMs);
    this.#know({ playing: this.#speaker.playing });
  }

  /** What is done about each server event, beside its place in the conversation. @type {Map<string, (event: RealtimeEvent) => void>} */
  #meanings = new Map(
    Object.entries({
      'input_audio_buffer.speech_started': () => {
        this.#know({ hearing: true });
        this.#silence({ cancel: false }); // the server's turn detection cancels the response itself
      },
      'input_audio_buffer.speech_stopped': (/** @type {RealtimeEvent} */ event) =>
        this.#onSpeechStopped(event),
      'response.created': () => this.#know({ answering: true }),
      'response.output_audio.delta': (/** @type {RealtimeEvent} */ event) => this.#onSound(event),
      'response.output_audio.done': (/** @type {RealtimeEvent} */ event) => this.#speaker.end(event.item_id),
      'response.done': (/** @type {RealtimeEvent} */ event) => this.#onResponseDone(event),
      error: (/** @type {RealtimeEvent} */ event) => this.#onError(event),
    }),
  );

  /** @param {RealtimeEvent} event */
  #receive(event) {
    this.#on.onReceived(event);
    if (this.#session?.isAbandoned(event)) return;
    this.#conversation.receive(event);
    this.#meanings.get(event.type)?.(event);
  }

  /** @param {RealtimeEvent} event */
  #onSpeechStopped({ audio_end_ms: endMs }) {
    const now = performance.now();
    // audio_end_ms counts the silence that ended the turn.
    const spokenMs = endMs - (silenceMs(this.#settings.values.turnTaking) ?? 0);
    this.#timer.turnEnded(this.#clock.momentOf(spokenMs) ?? now, now);
    this.#know({ hearing: false, answering: true });
  }

  /** @param {RealtimeEvent} event */
  #onSound({ item_id: itemId, delta }) {
    if (typeof itemId !== 'string') return;
    let pcm;
    try {
      pcm = decode(delta);
    } catch {
      this.#on.onUnreadable(String(delta));
      return;
    }
    this.#timer.soundArrived(itemId, performance.now());
    this.#conversation.addAudio(itemId, samplesToMs(pcm.length));
    this.#on.onAnswer(itemId, pcm);
    this.#speaker.play(itemId, pcm);
  }

  /** @param {RealtimeEvent} event */
  #onResponseDone({ response }) {
    for (const item of response?.output ?? []) this.#speaker.end(item?.id);
    if (response?.usage) this.#on.onUsage(response.usage);
    const failure = problemOfResponse(response);
    if (failure) this.#on.onProblem(failure);
    this.#know({ answering: false });
  }

  /** @param {RealtimeEvent} event */
  #onError({ error }) {
    if (isHarmless(error) || error?.type === 'relay_error') return; // the close that follows a relay_error reports it
    this.#know({ answering: this.#session?.responding ?? false });
    this.#on.onProblem(problemOfError(error));
  }

  /** @param {SessionEnding} ending */
  #onEnded(ending) {
    const reason = problemOfEnding(ending);
    this.#end(isCalm(reason) ? 'ended' : 'failed');
    this.#on.onProblem(reason);
  }

  /** @param {Facts['link']} link */
  async #end(link) {
    this.#session = null;
    this.#know({ ...NOTHING_YET, link });
    this.#gate = 'closed';
    this.#microphone.stop();
    const { itemId, playedMs } = await this.#speaker.stop();
    this.#conversation.interrupt(itemId, playedMs);
    this.#conversation.settle();
  }

  /**
   * Stop what is being said and tell the model how much of it was heard.
   * @param {{ cancel: boolean }} how cancel: ask the server to stop, too
   */
  async #silence(how) {
    const session = this.#session;
    session?.abandonResponse(how);
    const wasSpeaking = this.#speaker.playing;
    const { itemId, playedMs } = await this.#speaker.stop();
    if (wasSpeaking) this.#on.onInterrupted();
    this.#know({ playing: false });
    this.#conversation.interrupt(itemId, playedMs);
    if (itemId && playedMs > 0) session?.truncate(itemId, playedMs);
  }

  /** The user's turn ends here, by the user's own word. */
  #endTurn() {
    const isTooShort = this.#gate === 'closing' && this.#pushedFrames < SHORTEST_PUSH_FRAMES;
    this.#gate = 'closed';
    this.#know({ hearing: false, answering: !isTooShort });
    if (isTooShort) {
      this.#session?.clearSpeech();
      return;
    }
    const now = performance.now();
    this.#timer.turnEnded(now, now);
    this.#session?.commitSpeech();
  }

  /** @param {number} rms */
  #watchForSilence(rms) {
    if (rms > SILENT_RMS) {
      if (this.#silentFrames >= SILENT_FRAMES) this.#on.onSolved('silent');
      this.#silentFrames = 0;
    } else {
      this.#silentFrames += 1;
      if (this.#silentFrames === SILENT_FRAMES) this.#on.onProblem(problem('silent'));
    }
  }

  /** @param {Partial<Facts>} changes */
  #know(changes) {
    this.#facts = { ...this.#facts, ...changes };
    this.#on.onFacts(this.#facts);
  }
}
