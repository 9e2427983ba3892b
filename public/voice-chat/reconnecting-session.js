import { isCalm, problem, problemOfEnding } from '../problems/problems.js';
import { Session } from '../realtime/session.js';
import { Heartbeat } from './heartbeat.js';
import { historySeed } from './history-seed.js';
import { mayRetry, Retry } from './retry.js';
import { RollOver } from './roll-over.js';

/** @import { RealtimeEvent } from '../realtime/dialect.js' */
/** @import { Problem } from '../problems/problems.js' */
/** @import { Message } from './history-seed.js' */
/** @import { SessionEnding } from '../realtime/session.js' */
/** @import { Turn } from '../realtime/turn-list.js' */
/** @import { SettingValues } from '../store/settings.js' */

/** A session that lasts so long, or has given an answer, is sound: losing it begins a new series of tries. */
const STABLE_MS = 30_000;
/** Wakings come in bunches: a try so young is left alone. */
const FRESH_TRY_MS = 1000;

/**
 * @typedef {object} Service how the page reaches it
 * @property {ConstructorParameters<typeof Session>[0]['connect']} connect
 * @property {() => Promise<string>} whyRefused finds the cause of a refused handshake, of which browsers tell nothing
 * @property {() => Promise<boolean>} isAlive whether the server answers at all
 * @property {() => boolean} isOnline whether there is any network, as far as the browser knows
 */

/**
 * @typedef {object} SessionHandlers
 * @property {() => void} onOpening
 * @property {(session: Session, restored: Restored) => void} onLive a session is up and knows the conversation
 * @property {(session: Session) => void} onNext another session goes on where the former was
 * @property {(reason: Problem, retryAtMs: number) => void} onLost the session is lost, or a try has failed; the next one is
 *   at that Unix time
 * @property {() => void} onTrying it is under way
 * @property {(link: 'ended' | 'failed', reason: Problem) => void} onOver
 * @property {(event: RealtimeEvent) => void} onEvent of the session in use
 * @property {(event: RealtimeEvent) => void} onReceived of any session
 * @property {(event: RealtimeEvent) => void} onSent to any session
 * @property {(frame: string) => void} onUnreadable
 */

/**
 * @typedef {object} Restored
 * @property {readonly Message[]} messages given to the session
 * @property {ReturnType<typeof historySeed>['owed']} owed
 * @property {boolean} isBack the line was lost and is there again
 */

/**
 * A talk's line to the service: one session after another, as though there were one. Each knows what was said before.
 * Knows no DOM, no sound.
 */
export class ReconnectingSession {
  /** @type {'closed' | 'opening' | 'live' | 'retrying'} */ #state = 'closed';
  /** In use, or being tried. @type {Session | null} */ #session = null;
  /** Only a line that was live is tried again by itself. */
  #wasLive = false;
  /** The tries are used up: only a waking begins anew. */
  #isGivenUp = false;
  #liveAtMs = 0;
  #isProven = false;
  /** @type {ReturnType<typeof setTimeout> | undefined} */ #timer;
  /** Whether the line is live, once that is known. @type {PromiseWithResolvers<boolean>} */
  #outcome = Promise.withResolvers();
  #heartbeat;
  #retry;
  #rollOver;
  #service;
  #settings;
  #turns;
  #settled;
  #on;

  /**
   * @param {object} options
   * @param {Service} options.service
   * @param {() => SettingValues} options.settings
   * @param {() => readonly Turn[]} options.turns of the conversation
   * @param {() => Promise<unknown>} options.settled waits while turns may be missing in it, or may still be cut
   * @param {() => boolean} options.isQuiet whether nothing is being said, thought or heard
   * @param {SessionHandlers} options.on
   * @param {Retry} [options.retry]
   */
  constructor({ service, settings, turns, settled, isQuiet, on, retry = new Retry() }) {
    this.#service = service;
    this.#settings = settings;
    this.#turns = turns;
    this.#settled = settled;
    this.#on = on;
    this.#retry = retry;
    this.#heartbeat = new Heartbeat(service.isAlive, () => this.#drop());
    this.#rollOver = new RollOver({
      open: () => this.#newSession(),
      isQuiet,
      onNext: (session) => this.#goOnWith(session),
    });
  }

  /** The session in use; null unless live. */
  get session() {
    return this.#state === 'live' ? this.#session : null;
  }

  /**
   * Open the line, or wait for it.
   * @returns {Promise<boolean>} whether it is live
   */
  open() {
    if (this.#state === 'closed') {
      this.#outcome = Promise.withResolvers();
      this.#retry.reset();
      this.#wasLive = false;
      this.#state = 'opening';
      this.#on.onOpening();
      this.#try();
    }
    return this.#outcome.promise;
  }

  /** Close it for good. */
  close() {
    this.#session?.close();
    this.#rest();
    this.#isGivenUp = false;
  }

  /** Try now, and count the tries anew. */
  retryNow() {
    if (this.#state !== 'retrying') return;
    this.#retry.reset();
    this.#tryAgain();
  }

  /** The computer, the tab or the network may have been away: see to it that the line is still there, or is again. */
  wake() {
    if (this.#state === 'live') this.#heartbeat.check();
    if (!this.#service.isOnline()) return;
    if (this.#isGivenUp) this.open();
    const isBeingTried = this.#session && Date.now() - this.#session.openedAtMs < FRESH_TRY_MS;
    if (!isBeingTried) this.retryNow();
  }

  #newSession() {
    /** @type {Session} */
    const session = new Session({
      connect: this.#service.connect,
      settings: this.#settings(),
      onReceived: (event) => {
        if (session === this.#session) this.#heartbeat.received();
        this.#on.onReceived(event);
      },
      onEvent: (event) => {
        if (session !== this.session) return;
        if (event.type === 'response.done') this.#isProven ||= event.response?.status === 'completed';
        this.#on.onEvent(event);
      },
      onSent: (event) => {
        if (event.type === 'response.create') this.#heartbeat.expect();
        this.#on.onSent(event);
      },
      onUnreadable: this.#on.onUnreadable,
      onEnded: (ending) => this.#onEnded(session, ending),
    });
    return session;
  }

  #tryAgain() {
    clearTimeout(this.#timer);
    this.#session?.close();
    this.#on.onTrying();
    this.#try();
  }

  async #try() {
    const session = this.#newSession();
    this.#session = session;
    const [isUp] = await Promise.all([session.ready, this.#settled()]);
    if (isUp && session === this.#session) this.#use(session);
  }

  /** @param {Session} session is up */
  #use(session) {
    const { messages, owed } = historySeed(this.#turns());
    session.restore(messages);
    this.#state = 'live';
    const isBack = this.#wasLive;
    this.#wasLive = true;
    this.#isGivenUp = false;
    this.#isProven = false;
    this.#liveAtMs = Date.now();
    this.#retry.pause();
    this.#heartbeat.start(session);
    this.#rollOver.watch(session);
    this.#on.onLive(session, { messages, owed, isBack });
    this.#outcome.resolve(true);
  }

  /** @param {Session} next is ready, and the moment is quiet */
  #goOnWith(next) {
    const former = this.#session;
    this.#session = next;
    former?.close();
    next.restore(historySeed(this.#turns()).messages);
    this.#heartbeat.start(next);
    this.#rollOver.watch(next);
    this.#on.onNext(next);
  }

  /** The session in use does not answer any more. */
  #drop() {
    this.#session?.close();
    this.#lose(1006, problem('offline'));
  }

  /**
   * @param {Session} session
   * @param {SessionEnding} ending
   */
  async #onEnded(session, ending) {
    this.#rollOver.lose(session);
    if (session !== this.#session) return;
    const reason = ending.opened ? problemOfEnding(ending) : problem(await this.#service.whyRefused());
    if (session === this.#session) this.#lose(ending.code, reason);
  }

  /**
   * @param {number} code the websocket's close code
   * @param {Problem} reason
   */
  #lose(code, reason) {
    const wasInUse = this.#state === 'live';
    const wasSound = wasInUse && (this.#isProven || Date.now() - this.#liveAtMs >= STABLE_MS);
    const counts = !wasSound && reason.cause !== 'offline';
    this.#session = null;
    this.#heartbeat.stop();
    this.#rollOver.stop();
    if (wasSound) this.#retry.reset();
    if (wasInUse) this.#outcome = Promise.withResolvers();
    const maySucceed = mayRetry(code, reason.cause);
    const waitMs =
      this.#wasLive && maySucceed ? this.#retry.next({ counts, isOnline: this.#service.isOnline() }) : null;
    if (waitMs === null) {
      this.#isGivenUp = maySucceed && (this.#wasLive || this.#isGivenUp);
      this.#rest();
      this.#on.onOver(isCalm(reason) ? 'ended' : 'failed', reason);
      return;
    }
    this.#state = 'retrying';
    this.#timer = setTimeout(() => this.#tryAgain(), waitMs);
    this.#on.onLost(reason, Date.now() + waitMs);
  }

  #rest() {
    this.#state = 'closed';
    this.#session = null;
    clearTimeout(this.#timer);
    this.#heartbeat.stop();
    this.#rollOver.stop();
    this.#outcome.resolve(false);
  }
}
