import { samplesToMs } from '../audio/format.js';
import { encode } from '../audio/pcm16.js';
import { silenceMs } from '../realtime/dialect.js';
import { SpeechClock } from './reply-latency.js';

/** @import { MicrophoneFrame } from '../audio/microphone.js' */
/** @import { TurnTaking } from '../realtime/dialect.js' */
/** @import { Session } from '../realtime/session.js' */

/** A working microphone is never quieter than this, not even in a silent room. */
const SILENT_RMS = 1e-5;
const SILENT_FRAMES = 250; // 10 s

/** Longer than turn detection and one round trip take to report that somebody speaks. */
const RECENT_MS = 600;

/** The API refuses to commit less than 100 ms of speech. */
const MIN_PUSH_FRAMES = 3;

/** Send the microphone's frames to the session. With push-to-talk, only those spoken between press and release. */
export class SpeechInput {
  /** @type {Session | null} */ #session = null;
  #clock = new SpeechClock();
  #silentFrames = 0;
  /** Push-to-talk: 'closing' lets one more frame through, the one being recorded. @type {'open' | 'closing' | 'closed'} */
  #gate = 'closed';
  #pushedFrames = 0;
  /** The last frames sent, and when their last sample was spoken. @type {{ pcm: Int16Array, at: number }[]} */ #recent =
    [];
  #turnTaking;
  #onSpeech;
  #onSilence;
  #onPushEnded;

  /**
   * @param {object} options
   * @param {() => TurnTaking} options.turnTaking as set now
   * @param {(pcm: Int16Array) => void} options.onSpeech a frame was sent
   * @param {(isSilent: boolean) => void} options.onSilence the microphone has sent only zeros for 10 s, or sends sound again
   * @param {(isTooShort: boolean) => void} options.onPushEnded the last frame of a push-to-talk turn was sent
   */
  constructor({ turnTaking, onSpeech, onSilence, onPushEnded }) {
    this.#turnTaking = turnTaking;
    this.#onSpeech = onSpeech;
    this.#onSilence = onSilence;
    this.#onPushEnded = onPushEnded;
  }

  get isPushToTalk() {
    return silenceMs(this.#turnTaking()) === null;
  }

  /** @param {Session | null} session gets the frames from now on; null drops them */
  sendTo(session) {
    this.#session = session;
    this.#clock = new SpeechClock();
    this.#gate = 'closed';
    this.#recent = [];
  }

  /**
   * Go on with the session that replaces the present one. It gets the last 600 ms again: a word may have begun that
   * turn detection had not reported yet.
   * @param {Session} session
   */
  continueTo(session) {
    const recent = this.isPushToTalk ? [] : this.#recent;
    this.sendTo(session);
    for (const { pcm, at } of recent) this.#send(pcm, at);
  }

  /** Push-to-talk: the user begins to speak. */
  press() {
    this.#gate = 'open';
    this.#pushedFrames = 0;
  }

  /** Push-to-talk: the user has spoken. */
  release() {
    if (this.#gate === 'open') this.#gate = 'closing';
  }

  /** @param {MicrophoneFrame} frame */
  take({ pcm, rms }) {
    this.#watchForSilence(rms);
    if (this.isPushToTalk && this.#gate === 'closed') return;
    if (this.#send(pcm, performance.now())) this.#onSpeech(pcm);
    this.#pushedFrames += 1;
    if (this.#gate !== 'closing') return;
    this.#gate = 'closed';
    this.#onPushEnded(this.#pushedFrames < MIN_PUSH_FRAMES);
  }

  /**
   * The moment at which the user fell silent, on the clock of `performance.now()`.
   * @param {number} audioEndMs of the server's speech_stopped, which includes the silence that ended the turn
   * @returns {number | null} null when it is not known
   */
  momentOfSilence(audioEndMs) {
    return this.#clock.momentOf(audioEndMs - (silenceMs(this.#turnTaking()) ?? 0));
  }

  /**
   * @param {Int16Array} pcm
   * @param {number} at the moment its last sample was spoken
   * @returns {boolean} whether the session took it
   */
  #send(pcm, at) {
    if (!this.#session?.appendAudio(encode(pcm))) return false;
    this.#clock.sent(samplesToMs(pcm.length), at);
    this.#recent = [...this.#recent.filter((frame) => at - frame.at < RECENT_MS), { pcm, at }];
    return true;
  }

  /** @param {number} rms */
  #watchForSilence(rms) {
    const wasSilent = this.#silentFrames >= SILENT_FRAMES;
    this.#silentFrames = rms > SILENT_RMS ? 0 : this.#silentFrames + 1;
    const isSilent = this.#silentFrames >= SILENT_FRAMES;
    if (isSilent !== wasSilent) this.#onSilence(isSilent);
  }
}
