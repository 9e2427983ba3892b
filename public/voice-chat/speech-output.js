import { decode, samplesToMs } from '../audio/pcm16.js';
import { TurnTimer } from './reply-latency.js';

/** @import { Speaker } from '../audio/speaker.js' */
/** @import { Conversation } from '../realtime/conversation.js' */
/** @import { RealtimeEvent } from '../realtime/dialect.js' */
/** @import { TurnTiming } from './reply-latency.js' */

/** The assistant's side of a talk: an answer's sound on its way to the loudspeaker, and how much of it was heard. */
export class SpeechOutput {
  #timer = new TurnTimer();
  #speaker;
  #conversation;
  #on;

  /**
   * @param {Speaker} speaker
   * @param {Conversation} conversation
   * @param {object} on
   * @param {(itemId: string, pcm: Int16Array) => void} on.onAnswer an answer's sound, as it arrives
   * @param {(itemId: string, heardMs: number) => void} on.onCut an answer was cut after so much of it was heard
   * @param {(timing: TurnTiming) => void} on.onTiming the first sound of an answer is heard
   * @param {(frame: string) => void} on.onUnreadable something that is no sound came as sound
   */
  constructor(speaker, conversation, on) {
    this.#speaker = speaker;
    this.#conversation = conversation;
    this.#on = on;
  }

  /** Whether an answer is heard, or waits to be. */
  get isPlaying() {
    return this.#speaker.playing;
  }

  /**
   * A turn of the user's is over: an answer is due.
   * @param {number} [endedAt] when it ended; now, unless the end was noticed late
   */
  expect(endedAt = performance.now()) {
    this.#timer.turnEnded(endedAt, performance.now());
  }

  /** @param {RealtimeEvent} event a piece of an answer's sound */
  take({ item_id: itemId, delta }) {
    if (typeof itemId !== 'string' || typeof delta !== 'string') return;
    let pcm;
    try {
      pcm = decode(delta);
    } catch {
      this.#on.onUnreadable(delta);
      return;
    }
    this.#timer.soundArrived(itemId, performance.now());
    this.#conversation.addAudio(itemId, samplesToMs(pcm.length));
    this.#on.onAnswer(itemId, pcm);
    this.#speaker.play(itemId, pcm);
  }

  /** @param {string} itemId no more sound of it comes */
  complete(itemId) {
    this.#speaker.end(itemId);
  }

  /** @param {string} itemId its first sample is heard */
  started(itemId) {
    const timing = this.#timer.soundPlayed(itemId, performance.now());
    if (!timing) return;
    this.#conversation.annotate(itemId, { delayMs: timing.totalMs });
    this.#on.onTiming(timing);
  }

  /**
   * Be silent at once, and cut what was being said.
   * @returns {Promise<{ itemId: string | null, playedMs: number }>} what was being heard, and how much of it
   */
  async stop() {
    const cut = this.#conversation.unfinishedAnswers; // as of now: the next answer may begin before the sound has stopped
    const stopped = await this.#speaker.stop();
    this.#conversation.interrupt(cut, stopped.itemId, stopped.playedMs);
    for (const { id, heardMs } of cut) this.#on.onCut(id, heardMs);
    return stopped;
  }
}
