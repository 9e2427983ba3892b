import { isHarmless, problemOfError, problemOfResponse } from '../problems/problems.js';
import { newId } from '../realtime/ids.js';

/** @import { ProblemDisplay } from '../problems/problems.js' */
/** @import { Conversation } from '../realtime/conversation.js' */
/** @import { RealtimeEvent } from '../realtime/dialect.js' */
/** @import { Session } from '../realtime/session.js' */
/** @import { SpeechInput } from './speech-input.js' */
/** @import { SpeechOutput } from './speech-output.js' */
/** @import { ChatState } from './state.js' */

/** A transcript that has not arrived after this time is not waited for any longer. */
const TRANSCRIPT_WAIT_MS = 60_000;

/** Decide whose turn it is: by the server's events and by what the user does. Knows no DOM. */
export class TurnController {
  /** @type {Session | null} */ #session = null;
  #isCutOff = false;
  /** The microphone was switched off, and the service has not confirmed yet that it forgot what it heard. */
  #isClearing = false;
  /** @type {Promise<unknown>} */ #silenced = Promise.resolve();
  #speechInput;
  #speechOutput;
  #conversation;
  #state;
  #problems;
  #onUsage;

  /**
   * @param {object} options
   * @param {SpeechInput} options.speechInput
   * @param {SpeechOutput} options.speechOutput
   * @param {Conversation} options.conversation
   * @param {ChatState} options.state
   * @param {ProblemDisplay} options.problems
   * @param {(usage: Record<string, any>) => void} options.onUsage as in response.done
   */
  constructor({ speechInput, speechOutput, conversation, state, problems, onUsage }) {
    this.#speechInput = speechInput;
    this.#speechOutput = speechOutput;
    this.#conversation = conversation;
    this.#state = state;
    this.#problems = problems;
    this.#onUsage = onUsage;
  }

  /** True while nobody speaks, no answer is due and no transcript is awaited. */
  get isQuiet() {
    const { isUserSpeaking, isAnswerDue, isAnswerPlaying } = this.#state.facts;
    const isTranscriptDue = this.#conversation.turns.some(
      ({ status, startedAt }) => status === 'awaited' && Date.now() - startedAt < TRANSCRIPT_WAIT_MS,
    );
    return !(
      isUserSpeaking ||
      isAnswerDue ||
      isAnswerPlaying ||
      isTranscriptDue ||
      this.#session?.isResponding
    );
  }

  /** True when an answer was lost with its session and no turn has followed. */
  get isCutOff() {
    return this.#isCutOff;
  }

  /** Resolves once it is known how much of the last session's last answer was heard. */
  get silenced() {
    return this.#silenced;
  }

  /** @param {Session} session gets the user's turns from now on */
  begin(session) {
    this.#session = session;
    this.#speechInput.sendTo(session);
  }

  /** @param {Session} session replaces the present one in a quiet moment */
  continueWith(session) {
    this.#session = session;
    this.#speechInput.continueTo(session);
    this.#conversation.giveUpOnTranscripts();
  }

  /** The session is over: silence the speaker at once. What was heard of an answer stays in the conversation. */
  end() {
    this.#session = null;
    this.#speechInput.sendTo(null);
    this.#conversation.giveUpOnTranscripts();
    this.#silenced = this.#speechOutput.stop();
  }

  /** The session was lost. Remember whether an answer was cut off, then do what `end()` does. */
  lose() {
    this.#isCutOff ||= this.#conversation.unfinishedAnswers.length > 0;
    this.end();
  }

  /**
   * Send a written message, which interrupts the assistant.
   * @param {string} text
   */
  async sendMessage(text) {
    if (this.#isAssistantActive) await this.interrupt();
    const id = newId();
    this.#session?.sendMessage(id, text);
    this.#conversation.add('user', id, text);
    this.#expectAnswer();
  }

  /** Ask for an answer to the last turn. */
  ask() {
    this.#session?.createResponse();
    this.#expectAnswer();
  }

  /** Stop the assistant at once. */
  async interrupt() {
    await this.#silence({ cancel: true });
    this.#state.update({ isAnswerDue: false });
  }

  /** Stop the assistant and delete all items of the session. */
  async forget() {
    const session = this.#session;
    if (this.#isAssistantActive) await this.interrupt();
    this.#isCutOff = false;
    session?.forget();
  }

  /** Push-to-talk: the user begins to speak, which interrupts the assistant. Does nothing while the microphone is off. */
  press() {
    if (!this.#session || !this.#speechInput.isPushToTalk || this.#state.facts.microphone !== 'on') return;
    this.#speechInput.press();
    this.#state.update({ isUserSpeaking: true });
    this.#silence({ cancel: true });
  }

  /**
   * The last frame of a push-to-talk turn was sent.
   * @param {boolean} isTooShort drop the turn instead of asking for an answer
   */
  endPush(isTooShort) {
    if (!isTooShort) {
      this.#commitSpeech();
      return;
    }
    this.#session?.clearAudio();
    this.#state.update({ isUserSpeaking: false });
  }

  /** The microphone was switched off. A turn that the user was speaking is answered. */
  stopListening() {
    if (this.#state.facts.isUserSpeaking) this.#commitSpeech();
    else {
      this.#session?.clearAudio();
      this.#isClearing = true;
    }
  }

  /** @param {string} itemId its first sample is heard */
  startPlaying(itemId) {
    this.#state.update({ isAnswerPlaying: this.#speechOutput.isPlaying }); // false when a stop was already under way
    this.#speechOutput.started(itemId);
  }

  /**
   * @param {string} itemId was played to its end
   * @param {number} heardMs
   */
  endPlaying(itemId, heardMs) {
    this.#conversation.heard(itemId, heardMs);
    this.#state.update({ isAnswerPlaying: this.#speechOutput.isPlaying });
  }

  /** What a server event does apart from its effect on the conversation. */
  #reactions = new Map(
    /** @type {[string, (event: RealtimeEvent) => void][]} */ ([
      ['input_audio_buffer.speech_started', () => this.#onSpeechStarted()],
      ['input_audio_buffer.speech_stopped', (event) => this.#onSpeechStopped(event)],
      ['response.created', () => this.#state.update({ isAnswerDue: true })],
      ['response.output_audio.delta', (event) => this.#speechOutput.take(event)],
      ['response.output_audio.done', (event) => this.#speechOutput.complete(event.item_id)],
      ['response.done', (event) => this.#onResponseDone(event)],
      ['error', (event) => this.#onError(event)],
    ]),
  );

  /** @param {RealtimeEvent} event of the session */
  receive(event) {
    if (this.#session?.isAbandoned(event)) return;
    if (event.type === 'input_audio_buffer.cleared') this.#isClearing = false;
    if (event.type === 'input_audio_buffer.speech_started' && this.#isClearing && !this.#isMicrophoneOn) {
      // This speech was noticed before the service cleared it, and no speech_stopped follows.
      this.#silence({ cancel: false });
      return;
    }
    this.#conversation.receive(event);
    this.#reactions.get(event.type)?.(event);
  }

  get #isAssistantActive() {
    return this.#state.facts.isAnswerPlaying || this.#session?.isResponding;
  }

  get #isMicrophoneOn() {
    return this.#state.facts.microphone === 'on';
  }

  #onSpeechStarted() {
    this.#silence({ cancel: false }); // the server's turn detection has cancelled the response itself
    this.#state.update({ isUserSpeaking: true });
  }

  /** @param {RealtimeEvent} event */
  #onSpeechStopped({ audio_end_ms: audioEndMs }) {
    this.#state.update({ isUserSpeaking: false });
    this.#expectAnswer(this.#speechInput.momentOfSilence(audioEndMs) ?? undefined);
  }

  /** @param {RealtimeEvent} event */
  #onResponseDone({ response }) {
    if (Array.isArray(response?.output))
      for (const item of response.output) this.#speechOutput.complete(item?.id);
    if (response?.usage) this.#onUsage(response.usage);
    const failure = problemOfResponse(response);
    if (failure) this.#problems.show(failure);
    this.#state.update({ isAnswerDue: false });
  }

  /** @param {RealtimeEvent} event */
  #onError({ error }) {
    if (isHarmless(error) || error?.type === 'relay_error') return; // the close after a relay_error reports it
    this.#state.update({ isAnswerDue: this.#session?.isResponding ?? false });
    this.#problems.show(problemOfError(error));
  }

  #commitSpeech() {
    this.#session?.commitAudio();
    this.#state.update({ isUserSpeaking: false });
    if (this.#session) this.#expectAnswer();
  }

  /** @param {number} [turnEndedAt] on the clock of `performance.now()`; now when left out */
  #expectAnswer(turnEndedAt) {
    this.#speechOutput.expect(turnEndedAt);
    this.#state.update({ isAnswerDue: true });
    this.#isCutOff = false;
    for (const cause of ['unanswered', 'unheard', 'cut-off']) this.#problems.hide(cause);
  }

  /**
   * Stop the present answer and tell the model how much of it was heard.
   * @param {{ cancel: boolean }} how cancel: also ask the server to stop
   */
  async #silence(how) {
    const session = this.#session;
    session?.abandonResponse(how);
    this.#state.update({ isAnswerPlaying: false });
    const { itemId, playedMs } = await this.#speechOutput.stop();
    if (itemId && playedMs > 0) session?.truncate(itemId, playedMs);
  }
}
