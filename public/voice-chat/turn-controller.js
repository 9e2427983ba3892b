import { isHarmless, problem, problemOfError, problemOfResponse } from '../problems/problems.js';
import { newId } from '../realtime/ids.js';
import { SpeechInput } from './speech-input.js';
import { SpeechOutput } from './speech-output.js';

/** @import { MicrophoneFrame } from '../audio/microphone.js' */
/** @import { Speaker } from '../audio/speaker.js' */
/** @import { Conversation } from '../realtime/conversation.js' */
/** @import { RealtimeEvent } from '../realtime/dialect.js' */
/** @import { Session } from '../realtime/session.js' */
/** @import { Facts } from './state.js' */
/** @import { Settings } from '../store/settings.js' */
/** @import { VoiceChatHandlers } from './voice-chat.js' */

/** A turn whose words have not come for so long waits for them in vain. */
const WORDS_MS = 60_000;

/** Whose turn it is: what the service says of it, and what the user does about it. Knows no DOM. */
export class TurnController {
  /** @type {Session | null} */ #session = null;
  #isCutOff = false;
  #speechInput;
  #speechOutput;
  #conversation;
  #facts;
  #know;
  #on;

  /**
   * @param {object} parts
   * @param {Speaker} parts.speaker
   * @param {Conversation} parts.conversation
   * @param {Settings} parts.settings
   * @param {() => Facts} parts.facts
   * @param {(changes: Partial<Facts>) => void} parts.know
   * @param {VoiceChatHandlers} parts.on
   */
  constructor({ speaker, conversation, settings, facts, know, on }) {
    this.#conversation = conversation;
    this.#facts = facts;
    this.#know = know;
    this.#on = on;
    this.#speechOutput = new SpeechOutput(speaker, conversation, on);
    this.#speechInput = new SpeechInput(settings, {
      onSpeech: on.onSpeech,
      onSilence: (isSilent) => (isSilent ? on.onProblem(problem('silent')) : on.onSolved('silent')),
      onPushEnded: (isTooShort) => (isTooShort ? this.#dropTurn() : this.endSpeech()),
    });
  }

  /** True while nothing is being said, thought or heard, and no words are on their way. */
  get isQuiet() {
    const { hearing, answering, playing } = this.#facts();
    const isAwaited = this.#conversation.turns.some(
      ({ status, startedAt }) => status === 'awaited' && Date.now() - startedAt < WORDS_MS,
    );
    return !(hearing || answering || playing || isAwaited || this.#session?.responding);
  }

  /** True when an answer was lost with its session, and no turn has followed. */
  get isCutOff() {
    return this.#isCutOff;
  }

  /** @param {Session} session is the one to talk to */
  begin(session) {
    this.#session = session;
    this.#speechInput.sendTo(session);
  }

  /** @param {Session} session takes the place of the one used, in a quiet moment */
  goOn(session) {
    this.#session = session;
    this.#speechInput.continueTo(session);
    this.#conversation.settle();
  }

  /** There is no session any more: be silent at once. What was heard of an answer stays. */
  async end() {
    this.#session = null;
    this.#speechInput.sendTo(null);
    this.#conversation.settle();
    await this.#speechOutput.stop();
  }

  /** The same, against everybody's will. */
  lose() {
    this.#isCutOff ||= this.#conversation.unfinishedAnswers.length > 0;
    return this.end();
  }

  /**
   * Send a written message.
   * @param {string} text
   */
  async write(text) {
    if (this.#facts().playing || this.#session?.responding) await this.interrupt();
    const id = newId();
    this.#session?.write(id, text);
    this.#conversation.add('user', id, text);
    this.#expectAnswer();
  }

  /** Ask for an answer to what was said last. */
  ask() {
    this.#session?.respond();
    this.#expectAnswer();
  }

  /** Stop the assistant, at once. */
  async interrupt() {
    await this.#silence({ cancel: true });
    this.#know({ answering: false });
  }

  /** Make the model forget all that was said, and say no more of it. */
  async forget() {
    const session = this.#session;
    if (this.#facts().playing || session?.responding) await this.interrupt();
    this.#isCutOff = false;
    session?.forget();
  }

  /** Push-to-talk: the user begins to speak. */
  press() {
    if (!this.#session || !this.#speechInput.isPushToTalk || this.#facts().microphone !== 'on') return;
    this.#speechInput.press();
    this.#know({ hearing: true });
    this.#silence({ cancel: true });
  }

  /** Push-to-talk: the user has spoken. */
  release() {
    this.#speechInput.release();
  }

  /** @param {MicrophoneFrame} frame */
  hear(frame) {
    this.#speechInput.hear(frame);
  }

  /** The user's turn ends here by the user's own word. */
  endSpeech() {
    this.#session?.commitSpeech();
    this.#know({ hearing: false });
    if (this.#session) this.#expectAnswer();
  }

  /** No more speech comes. What was being said is answered. */
  stopHearing() {
    if (this.#facts().hearing) this.endSpeech();
    else this.#session?.clearSpeech();
  }

  /** @param {string} itemId its first sample is heard */
  startPlaying(itemId) {
    this.#know({ playing: this.#speechOutput.isPlaying }); // word of it may cross a stop
    this.#speechOutput.started(itemId);
  }

  /**
   * @param {string} itemId has been heard to its end
   * @param {number} heardMs
   */
  endPlaying(itemId, heardMs) {
    this.#conversation.heard(itemId, heardMs);
    this.#know({ playing: this.#speechOutput.isPlaying });
  }

  /** What each server event means beside its place in the conversation. */
  #meanings = new Map(
    /** @type {[string, (event: RealtimeEvent) => void][]} */ ([
      ['input_audio_buffer.speech_started', () => this.#onSpeechStarted()],
      ['input_audio_buffer.speech_stopped', (event) => this.#onSpeechStopped(event)],
      ['response.created', () => this.#know({ answering: true })],
      ['response.output_audio.delta', (event) => this.#speechOutput.take(event)],
      ['response.output_audio.done', (event) => this.#speechOutput.complete(event.item_id)],
      ['response.done', (event) => this.#onResponseDone(event)],
      ['error', (event) => this.#onError(event)],
    ]),
  );

  /** @param {RealtimeEvent} event of the session */
  receive(event) {
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
    this.#know({ hearing: false });
    this.#expectAnswer(this.#speechInput.momentOfSilence(audioEndMs) ?? undefined);
  }

  /** @param {RealtimeEvent} event */
  #onResponseDone({ response }) {
    if (Array.isArray(response?.output))
      for (const item of response.output) this.#speechOutput.complete(item?.id);
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

  /** @param {number} [turnEndedAt] */
  #expectAnswer(turnEndedAt) {
    this.#speechOutput.expect(turnEndedAt);
    this.#know({ answering: true });
    this.#isCutOff = false;
    for (const cause of ['unanswered', 'unheard', 'cut-off']) this.#on.onSolved(cause);
  }

  /**
   * Stop the answer under way and tell the model how much of it was heard.
   * @param {{ cancel: boolean }} how cancel: ask the server to stop, too
   */
  async #silence(how) {
    const session = this.#session;
    session?.abandonResponse(how);
    this.#know({ playing: false });
    const { itemId, playedMs } = await this.#speechOutput.stop();
    if (itemId && playedMs > 0) session?.truncate(itemId, playedMs);
  }

  /** What was said is too short to be anything. */
  #dropTurn() {
    this.#session?.clearSpeech();
    this.#know({ hearing: false });
  }
}
