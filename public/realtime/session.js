import { dialectOf, messageItem, sessionUpdate, toGaName } from './dialect.js';
import { newId } from './ids.js';
import { SessionItems } from './items.js';

/** @import { Connection, Ending } from './connection.js' */
/** @import { Dialect, RealtimeEvent } from './dialect.js' */
/** @import { Message } from '../voice-chat/history-seed.js' */
/** @import { SettingValues } from '../store/settings.js' */

/** @typedef {Ending & { error: { code?: string, message?: string } | null }} SessionEnding error: the one that came right before, if any */

/** A network that swallows everything would keep a socket opening for minutes. The server itself gives up earlier. */
const OPENING_MS = 15_000;

/**
 * One session of the Realtime API over one connection: set up in its own dialect, then events in and out.
 * Speech is sent only once the settings are in effect. Knows no DOM, no audio device.
 */
export class Session {
  /** @type {Dialect} */ dialect = 'preview';
  openedAtMs = Date.now();
  /** Unix ms when the service ends the session. @type {number | null} */ expiresAtMs = null;
  /** Resolves to whether the session came up. @type {Promise<boolean>} */ ready;

  /** @type {(up: boolean) => void} */ #settle = () => {};
  /** @type {'opening' | 'updating' | 'live' | 'over'} */ #phase = 'opening';
  /** @type {SessionEnding['error']} */ #lastError = null;
  /** @type {string | null} */ #setupEventId = null;
  /** @type {string | null} */ #activeResponse = null;
  /** Responses cut short: what still arrives of them is dropped. @type {Set<string>} */ #abandoned =
    new Set();
  #respondNext = false;
  #items = new SessionItems();
  /** @type {ReturnType<typeof setTimeout>} */ #openingTimer;
  #connection;
  #settings;
  #handlers;

  /**
   * @param {object} options
   * @param {(handlers: ConstructorParameters<typeof Connection>[1]) => Pick<Connection, 'send' | 'close' | 'heldBackBytes'>} options.connect
   * @param {SettingValues} options.settings
   * @param {(event: RealtimeEvent) => void} options.onReceived every server event, by its GA name, before anything is done
   * @param {(event: RealtimeEvent) => void} options.onEvent the same, once the session has taken it in
   * @param {(event: RealtimeEvent) => void} options.onSent every client event sent
   * @param {(frame: string) => void} options.onUnreadable
   * @param {(ending: SessionEnding) => void} options.onEnded once, unless close() was called first
   */
  constructor({ connect, settings, ...handlers }) {
    this.#settings = settings;
    this.#handlers = handlers;
    this.ready = new Promise((resolve) => {
      this.#settle = resolve;
    });
    this.#connection = connect({
      onEvent: (event) => this.#receive(toGaName(event)),
      onUnreadable: handlers.onUnreadable,
      onEnded: (ending) => this.#end(ending),
    });
    this.#openingTimer = setTimeout(
      () => this.#giveUp({ code: 1006, reason: '', opened: false }),
      OPENING_MS,
    );
  }

  /** True from response.created to response.done. */
  get responding() {
    return this.#activeResponse !== null;
  }

  /** More than 0 while the network is behind: so much waits to be sent. */
  get heldBackBytes() {
    return this.#connection.heldBackBytes;
  }

  /**
   * Send 24 kHz mono PCM16 speech in base64; false when it was not sent: not live, or the network is behind.
   * @param {string} audio
   */
  speak(audio) {
    if (this.#phase !== 'live' || this.heldBackBytes > 0) return false;
    return this.#send({ type: 'input_audio_buffer.append', audio });
  }

  /** End the spoken turn here and ask for an answer: for sessions without turn detection. */
  commitSpeech() {
    this.#send({ type: 'input_audio_buffer.commit' });
    this.respond();
  }

  /** Forget speech sent since the last turn. */
  clearSpeech() {
    this.#send({ type: 'input_audio_buffer.clear' });
  }

  /**
   * Send a written message and ask for an answer.
   * @param {string} id of its item
   * @param {string} text
   */
  write(id, text) {
    this.#items.add(id);
    this.#send(messageItem(this.dialect, { id, role: 'user', text }));
    this.respond();
  }

  /**
   * Let the model know what was said in earlier sessions.
   * @param {readonly Message[]} messages
   */
  restore(messages) {
    for (const message of messages) {
      this.#items.restore(message.id);
      this.#send(messageItem(this.dialect, message));
    }
  }

  /** Make the model forget all that was said so far. */
  forget() {
    this.#delete(this.#items.forget());
  }

  /** Ask for an answer, once the one under way (the API allows one at a time) is over. */
  respond() {
    this.#respondNext = this.responding;
    if (!this.responding) this.#send({ type: 'response.create' });
  }

  /**
   * Drop what still arrives of the answer under way.
   * @param {{ cancel: boolean }} how cancel: ask the server to stop; not needed when its turn detection does
   */
  abandonResponse({ cancel }) {
    if (this.#activeResponse === null || this.#abandoned.has(this.#activeResponse)) return;
    this.#abandoned.add(this.#activeResponse);
    if (cancel) this.#send({ type: 'response.cancel' });
  }

  /**
   * True for a part of an answer that was cut short, and for what comes late of an item that was forgotten.
   * @param {RealtimeEvent} event
   */
  isAbandoned(event) {
    return this.#abandoned.has(event.response_id) || this.#items.isForgotten(event);
  }

  /**
   * Tell the model how much of an answer was heard.
   * @param {string} itemId
   * @param {number} heardMs integer
   */
  truncate(itemId, heardMs) {
    this.#send({
      type: 'conversation.item.truncate',
      item_id: itemId,
      content_index: 0,
      audio_end_ms: heardMs,
    });
  }

  /**
   * Apply changed settings, as far as a running session can.
   * @param {SettingValues} settings
   */
  update(settings) {
    this.#settings = settings;
    if (this.#phase === 'live') this.#send(sessionUpdate(this.dialect, settings, { live: true }));
  }

  close() {
    if (this.#phase === 'over') return;
    this.#phase = 'over';
    this.#connection.close();
    this.#settleAs(false);
  }

  /** @param {boolean} isUp */
  #settleAs(isUp) {
    clearTimeout(this.#openingTimer);
    this.#settle(isUp);
  }

  /** @param {Iterable<string>} itemIds */
  #delete(itemIds) {
    for (const id of itemIds) this.#send({ type: 'conversation.item.delete', item_id: id });
  }

  /** @param {RealtimeEvent} event */
  #send(event) {
    const identified = event.type === 'input_audio_buffer.append' ? event : { event_id: newId(), ...event };
    const sent = this.#connection.send(identified);
    if (sent) this.#handlers.onSent(identified);
    if (event.type === 'session.update') this.#setupEventId ??= identified.event_id;
    return sent;
  }

  /** @param {RealtimeEvent} event */
  #receive(event) {
    this.#handlers.onReceived(event);
    this.#lastError = event.type === 'error' ? (event.error ?? null) : null;
    switch (event.type) {
      case 'session.created':
        this.dialect = dialectOf(event.session);
        this.expiresAtMs = event.session?.expires_at ? event.session.expires_at * 1000 : null;
        this.#phase = 'updating';
        this.#send(sessionUpdate(this.dialect, this.#settings));
        break;
      case 'session.updated':
        if (this.#phase === 'updating') this.#phase = 'live';
        this.#settleAs(true);
        break;
      case 'response.created':
        this.#activeResponse = event.response?.id ?? '';
        break;
      case 'response.done':
        this.#activeResponse = null;
        break;
      case 'error':
        if (event.error?.code === 'conversation_already_has_active_response') this.#respondNext = true;
        break;
    }
    this.#items.see(event);
    this.#handlers.onEvent(this.#items.unlinked(event));
    if (event.type === 'response.done') this.#delete(this.#items.forgetLate());
    if (event.type === 'response.done' && this.#respondNext) this.respond();
    if (event.type === 'error') this.#endIfSetupRefused(event);
  }

  /**
   * A session whose settings were refused would never become live.
   * @param {RealtimeEvent} event
   */
  #endIfSetupRefused({ error }) {
    if (this.#phase !== 'updating' || error?.event_id !== this.#setupEventId) return;
    this.#giveUp({ code: 1000, reason: '', opened: true });
  }

  /** @param {Ending} ending as the page sees it */
  #giveUp(ending) {
    this.#connection.close();
    this.#end(ending);
  }

  /** @param {Ending} ending */
  #end(ending) {
    if (this.#phase === 'over') return;
    this.#phase = 'over';
    this.#settleAs(false);
    this.#handlers.onEnded({ ...ending, error: this.#lastError });
  }
}
