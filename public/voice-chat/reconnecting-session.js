import { isCalm, problem, problemOfClose } from '../problems/problems.js';
import { Session } from '../realtime/session.js';
import { Heartbeat } from './heartbeat.js';
import { historySeed } from './history-seed.js';
import { mayRetry, Retry } from './retry.js';
import { RollOver } from './roll-over.js';

/** @import { Problem } from '../problems/problems.js' */
/** @import { RealtimeEvent, SessionSettings } from '../realtime/dialect.js' */
/** @import { SessionClose } from '../realtime/session.js' */
/** @import { Turn } from '../realtime/turn-list.js' */
/** @import { HistorySeed } from './history-seed.js' */

/** A session that has lasted this long, or has completed an answer, works: its loss starts a new series of tries. */
const STABLE_MS = 30_000;
/** Wake events come in bunches: a try that began less than this ago is left alone. */
const FRESH_TRY_MS = 1000;

/**
 * @typedef {object} Server how the page reaches it
 * @property {ConstructorParameters<typeof Session>[0]['connect']} connect
 * @property {() => Promise<string>} whyRefused finds the cause of a refused handshake, which browsers do not report
 * @property {() => Promise<boolean>} isAlive whether the server answers at all
 * @property {() => boolean} isOnline whether there is any network, as far as the browser knows
 */

/**
 * @typedef {object} Handlers
 * @property {() => void} onOpening
 * @property {(session: Session, seed: HistorySeed & { isBack: boolean }) => void} onLive a session is up and was told of the
 *   conversation; isBack: an earlier session was lost
 * @property {(session: Session) => void} onReplaced another session replaces the one that is about to expire
 * @property {(reason: Problem, retryAtMs: number) => void} onLost the session was lost, or a try has failed; the next one
 *   begins at that Unix time
 * @property {() => void} onRetrying that try has begun
 * @property {(outcome: 'ended' | 'failed', reason: Problem) => void} onOver there is no session and no further try
 * @property {(event: RealtimeEvent) => void} onEvent a server event of the session in use
 * @property {(event: RealtimeEvent) => void} onReceived a server event of any session
 * @property {(event: RealtimeEvent) => void} onSent a client event to any session
 * @property {(frame: string) => void} onUnreadable
 */

/**
 * Keep a session open: after a loss open another, before one expires replace it, and tell each new one of the
 * conversation. Knows no DOM and no audio.
 */
export class ReconnectingSession {
  /** @type {'closed' | 'opening' | 'live' | 'retrying'} */ #state = 'closed';
  /** In use, or being opened. @type {Session | null} */ #session = null;
  /** Only after a session was live is a loss retried without being asked. */
  #wasLive = false;
  /** All tries have failed: only a wake event starts a new series. */
  #isGivenUp = false;
  #liveAtMs = 0;
  #hasAnswered = false;
  /** @type {ReturnType<typeof setTimeout> | undefined} */ #timer;
  /** Resolves to whether a session is live, once that is known. @type {PromiseWithResolvers<boolean>} */
  #outcome = Promise.withResolvers();
  #heartbeat;
  #retry;
  #rollOver;
  #server;
  #settings;
  #turns;
  #settled;
  #handlers;

  /**
   * @param {object} options
   * @param {Server} options.server
   * @param {() => SessionSettings} options.settings
   * @param {() => readonly Turn[]} options.turns of the conversation
   * @param {() => Promise<unknown>} options.settled resolves once stored turns are loaded and the speaker has stopped
   * @param {() => boolean} options.isQuiet whether a session may be replaced now: nobody speaks and nothing is awaited
   * @param {Handlers} options.handlers
   * @param {Retry} [options.retry]
   */
  constructor({ server, settings, turns, settled, isQuiet, handlers, retry = new Retry() }) {
    this.#server = server;
    this.#settings = settings;
    this.#turns = turns;
    this.#settled = settled;
    this.#handlers = handlers;
    this.#retry = retry;
    this.#heartbeat = new Heartbeat(server.isAlive, () => this.#drop());
    this.#rollOver = new RollOver({
      open: () => this.#newSession(),
      isQuiet,
      onReady: (session) => this.#replaceWith(session),
    });
  }

  /** The session in use; null unless it is live. */
  get current() {
    return this.#state === 'live' ? this.#session : null;
  }

  /**
   * Unix ms at which the session in use ends, by the service's limit or by the server's; null without a session.
   * @param {number} limitMs for how long the server lets a session last
   */
  endsAtMs(limitMs) {
    const session = this.current;
    return session && Math.min(session.openedAtMs + limitMs, session.expiresAtMs ?? Number.POSITIVE_INFINITY);
  }

  /**
   * Open a session, or wait for the one being opened.
   * @returns {Promise<boolean>} whether it is live
   */
  open() {
    if (this.#state === 'closed') {
      this.#outcome = Promise.withResolvers();
      this.#retry.reset();
      this.#wasLive = false;
      this.#state = 'opening';
      this.#handlers.onOpening();
      this.#try();
    }
    return this.#outcome.promise;
  }

  /** Close the session, and open no other by itself. */
  close() {
    this.#session?.close();
    this.#rest();
    this.#isGivenUp = false;
  }

  /** Apply changed settings to the session in use. */
  updateSettings() {
    this.current?.update(this.#settings());
  }

  /** Retry a lost session now, and start a new series of tries. */
  retryNow() {
    if (this.#state !== 'retrying') return;
    this.#retry.reset();
    this.#tryAgain();
  }

  /** The computer, the tab or the network may have been away: check the session in use, or retry a lost one now. */
  wake() {
    if (this.#state === 'live') this.#heartbeat.check();
    if (!this.#server.isOnline()) return;
    if (this.#isGivenUp) this.open();
    const isFreshTry = this.#session && Date.now() - this.#session.openedAtMs < FRESH_TRY_MS;
    if (!isFreshTry) this.retryNow();
  }

  #newSession() {
    /** @type {Session} */
    const session = new Session({
      connect: this.#server.connect,
      settings: this.#settings(),
      onReceived: (event) => {
        if (session === this.#session) this.#heartbeat.received();
        this.#handlers.onReceived(event);
      },
      onEvent: (event) => {
        if (session !== this.current) return;
        if (event.type === 'response.done') this.#hasAnswered ||= event.response?.status === 'completed';
        this.#handlers.onEvent(event);
      },
      onSent: (event) => {
        if (event.type === 'response.create') this.#heartbeat.expect();
        this.#handlers.onSent(event);
      },
      onUnreadable: this.#handlers.onUnreadable,
      onClosed: (close) => this.#onClosed(session, close),
    });
    return session;
  }

  #tryAgain() {
    clearTimeout(this.#timer);
    this.#session?.close();
    this.#handlers.onRetrying();
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
    const seed = historySeed(this.#turns());
    session.restore(seed.messages);
    this.#state = 'live';
    const isBack = this.#wasLive;
    this.#wasLive = true;
    this.#isGivenUp = false;
    this.#hasAnswered = false;
    this.#liveAtMs = Date.now();
    this.#retry.pause();
    this.#heartbeat.start(session);
    this.#rollOver.watch(session);
    this.#handlers.onLive(session, { ...seed, isBack });
    this.#outcome.resolve(true);
  }

  /** @param {Session} next is up, and the moment is quiet */
  #replaceWith(next) {
    const former = this.#session;
    this.#session = next;
    former?.close();
    next.restore(historySeed(this.#turns()).messages);
    this.#heartbeat.start(next);
    this.#rollOver.watch(next);
    this.#handlers.onReplaced(next);
  }

  /** The session in use cannot be reached any longer. */
  #drop() {
    this.#session?.close();
    this.#lose(1006, problem('offline'));
  }

  /**
   * @param {Session} session
   * @param {SessionClose} close
   */
  async #onClosed(session, close) {
    this.#rollOver.lose(session);
    if (session !== this.#session) return;
    const reason = close.opened ? problemOfClose(close) : problem(await this.#server.whyRefused());
    if (session === this.#session) this.#lose(close.code, reason);
  }

  /**
   * @param {number} code the websocket's close code
   * @param {Problem} reason
   */
  #lose(code, reason) {
    const wasLive = this.#state === 'live';
    const hasWorked = wasLive && (this.#hasAnswered || Date.now() - this.#liveAtMs >= STABLE_MS);
    const counts = !hasWorked && reason.cause !== 'offline';
    this.#session = null;
    this.#heartbeat.stop();
    this.#rollOver.stop();
    if (hasWorked) this.#retry.reset();
    if (wasLive) this.#outcome = Promise.withResolvers();
    const maySucceed = mayRetry(code, reason.cause);
    const waitMs =
      this.#wasLive && maySucceed ? this.#retry.next({ counts, isOnline: this.#server.isOnline() }) : null;
    if (waitMs === null) {
      this.#isGivenUp = maySucceed && (this.#wasLive || this.#isGivenUp);
      this.#rest();
      this.#handlers.onOver(isCalm(reason) ? 'ended' : 'failed', reason);
      return;
    }
    this.#state = 'retrying';
    this.#timer = setTimeout(() => this.#tryAgain(), waitMs);
    this.#handlers.onLost(reason, Date.now() + waitMs);
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
