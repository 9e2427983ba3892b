import { encode, samplesToMs } from '../audio/pcm16.js';
import { silenceMs } from '../realtime/dialect.js';
import { SpeechClock } from './reply-latency.js';

/** @import { MicrophoneFrame } from '../audio/microphone.js' */
/** @import { Session } from '../realtime/session.js' */
/** @import { Settings } from '../store/settings.js' */

/** A working microphone never sends less, not even in a silent room. */
const SILENT_RMS = 1e-5;
const SILENT_FRAMES = 250; // 10 s

/** More than turn detection and the way there and back take to notice that somebody speaks. */
const RECENT_MS = 600;

/** The API refuses to commit less than 100 ms of speech. */
const SHORTEST_PUSH_FRAMES = 3;

/** The user's side of a talk: the microphone's frames on their way to the session. */
export class SpeechInput {
  /** @type {Session | null} */ #session = null;
  #clock = new SpeechClock();
  #silentFrames = 0;
  /** Push-to-talk: 'closing' lets the frame under way still through. @type {'open' | 'closing' | 'closed'} */
  #gate = 'closed';
  #pushedFrames = 0;
  /** The last frames sent, and when their last sample was spoken. @type {{ pcm: Int16Array, at: number }[]} */ #recent =
    [];
  #settings;
  #on;

  /**
   * @param {Settings} settings
   * @param {object} on
   * @param {(pcm: Int16Array) => void} on.onSpeech a frame was sent
   * @param {(isSilent: boolean) => void} on.onSilence the microphone sends nothing but zeros, or sound again
   * @param {(isTooShort: boolean) => void} on.onPushEnded the last frame of a push-to-talk turn was sent
   */
  constructor(settings, on) {
    this.#settings = settings;
    this.#on = on;
  }

  get isPushToTalk() {
    return silenceMs(this.#settings.values.turnTaking) === null;
  }

  /** @param {Session | null} session takes the frames from now on */
  sendTo(session) {
    this.#session = session;
    this.#clock = new SpeechClock();
    this.#gate = 'closed';
    this.#recent = [];
  }

  /**
   * Go on with another session, which hears the last moments once more: a word may have begun that nobody noticed yet.
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
  hear({ pcm, rms }) {
    this.#watchForSilence(rms);
    if (this.isPushToTalk && this.#gate === 'closed') return;
    if (this.#send(pcm, performance.now())) this.#on.onSpeech(pcm);
    this.#pushedFrames += 1;
    if (this.#gate !== 'closing') return;
    this.#gate = 'closed';
    this.#on.onPushEnded(this.#pushedFrames < SHORTEST_PUSH_FRAMES);
  }

  /**
   * The moment at which the user fell silent.
   * @param {number} audioEndMs of the server's speech_stopped: it counts the silence that ended the turn
   * @returns {number | null} null when it is not known
   */
  momentOfSilence(audioEndMs) {
    return this.#clock.momentOf(audioEndMs - (silenceMs(this.#settings.values.turnTaking) ?? 0));
  }

  /**
   * @param {Int16Array} pcm
   * @param {number} at the moment its last sample was spoken
   * @returns {boolean} whether the session takes it
   */
  #send(pcm, at) {
    if (!this.#session?.speak(encode(pcm))) return false;
    this.#clock.sent(samplesToMs(pcm.length), at);
    this.#recent = [...this.#recent.filter((frame) => at - frame.at < RECENT_MS), { pcm, at }];
    return true;
  }

  /** @param {number} rms */
  #watchForSilence(rms) {
    const wasSilent = this.#silentFrames >= SILENT_FRAMES;
    this.#silentFrames = rms > SILENT_RMS ? 0 : this.#silentFrames + 1;
    const isSilent = this.#silentFrames >= SILENT_FRAMES;
    if (isSilent !== wasSilent) this.#on.onSilence(isSilent);
  }
}
