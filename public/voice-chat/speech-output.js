import { samplesToMs } from '../audio/format.js';
import { decode } from '../audio/pcm16.js';
import { TurnTimer } from './reply-latency.js';

/** @import { Speaker } from '../audio/speaker.js' */
/** @import { Conversation } from '../realtime/conversation.js' */
/** @import { RealtimeEvent } from '../realtime/dialect.js' */
/** @import { TurnTiming } from './reply-latency.js' */

/** Play the audio of answers, and record in the conversation how much of each was heard. */
export class SpeechOutput {
  #timer = new TurnTimer();
  #speaker;
  #conversation;
  #onAudio;
  #onCut;
  #onTiming;
  #onUnreadable;

  /**
   * @param {object} options
   * @param {Speaker} options.speaker
   * @param {Conversation} options.conversation
   * @param {(itemId: string, pcm: Int16Array) => void} options.onAudio audio of an answer has arrived
   * @param {(itemId: string, heardMs: number) => void} options.onCut an answer was cut off after `heardMs` of it were heard
   * @param {(timing: TurnTiming) => void} options.onTiming the first audio of an answer is heard
   * @param {(delta: string) => void} options.onUnreadable an audio delta is not base64
   */
  constructor({ speaker, conversation, onAudio, onCut, onTiming, onUnreadable }) {
    this.#speaker = speaker;
    this.#conversation = conversation;
    this.#onAudio = onAudio;
    this.#onCut = onCut;
    this.#onTiming = onTiming;
    this.#onUnreadable = onUnreadable;
  }

  /** Whether an answer is being heard or waits to be. */
  get isPlaying() {
    return this.#speaker.playing;
  }

  /**
   * Start to measure the reply's latency: the user's turn is over.
   * @param {number} [endedAt] when it ended, on the clock of `performance.now()`; now, unless its end was reported late
   */
  expect(endedAt = performance.now()) {
    this.#timer.turnEnded(endedAt, performance.now());
  }

  /** @param {RealtimeEvent} event an audio delta; one without an item or without a string is ignored */
  take({ item_id: itemId, delta }) {
    if (typeof itemId !== 'string' || typeof delta !== 'string') return;
    let pcm;
    try {
      pcm = decode(delta);
    } catch {
      this.#onUnreadable(delta);
      return;
    }
    this.#timer.soundArrived(itemId, performance.now());
    this.#conversation.addAudio(itemId, samplesToMs(pcm.length));
    this.#onAudio(itemId, pcm);
    this.#speaker.play(itemId, pcm);
  }

  /** @param {string} itemId all of its audio has arrived */
  complete(itemId) {
    this.#speaker.end(itemId);
  }

  /** @param {string} itemId its first sample is heard */
  started(itemId) {
    const timing = this.#timer.soundPlayed(itemId, performance.now());
    if (!timing) return;
    this.#conversation.annotate(itemId, { delayMs: timing.totalMs });
    this.#onTiming(timing);
  }

  /**
   * Silence the speaker at once, and cut every unfinished answer to what was heard of it.
   * @returns {Promise<{ itemId: string | null, playedMs: number }>} the answer that was being heard, and how much of it
   */
  async stop() {
    const cut = this.#conversation.unfinishedAnswers; // listed now: the next answer may begin before the sound has stopped
    const stopped = await this.#speaker.stop();
    this.#conversation.interrupt(cut, stopped.itemId, stopped.playedMs);
    for (const { id, heardMs } of cut) this.#onCut(id, heardMs);
    return stopped;
  }
}
