import { dialectOf, messageItem, sessionUpdate, toGaName } from './dialect.js';
import { newId } from './ids.js';
import { SessionItems } from './items.js';

/** @import { Connection, ConnectionClose } from './connection.js' */
/** @import { Dialect, Message, RealtimeEvent, SessionSettings } from './dialect.js' */

/** @typedef {ConnectionClose & { error: { code?: string, message?: string } | null }} SessionClose error: the `error` event right before it, if any */

/** Longer than the server takes to give up. On a network that drops every packet, a socket would stay opening for minutes. */
const OPENING_MS = 15_000;

/**
 * Run one session of the Realtime API over one connection: set it up in its own dialect, then client events out and
 * server events in. Audio is sent only once the settings are in effect. Knows no DOM and no audio device.
 */
export class Session {
  /** @type {Dialect} */ dialect = 'preview';
  openedAtMs = Date.now();
  /** Unix ms when the service ends the session. @type {number | null} */ expiresAtMs = null;
  /** Resolves to whether the session is live. @type {Promise<boolean>} */ ready;

  /** @type {(up: boolean) => void} */ #settle = () => {};
  /** @type {'opening' | 'updating' | 'live' | 'over'} */ #phase = 'opening';
  /** @type {SessionClose['error']} */ #lastError = null;
  /** @type {string | null} */ #setupEventId = null;
  /** @type {string | null} */ #activeResponse = null;
  /** Ids of responses that were interrupted: what still arrives of them is dropped. @type {Set<string>} */ #abandoned =
    new Set();
  /** Whether to ask for another response once the active one is over. */
  #wantsResponse = false;
  #items = new SessionItems();
  /** @type {ReturnType<typeof setTimeout>} */ #openingTimer;
  #connection;
  #settings;
  #handlers;

  /**
   * @param {object} options
   * @param {(handlers: ConstructorParameters<typeof Connection>[1]) => Pick<Connection, 'send' | 'close' | 'heldBackBytes'>} options.connect
   * @param {SessionSettings} options.settings
   * @param {(event: RealtimeEvent) => void} options.onReceived every server event, under its GA name, as soon as it arrives
   * @param {(event: RealtimeEvent) => void} options.onEvent the same event, after the session has processed it
   * @param {(event: RealtimeEvent) => void} options.onSent every client event that was sent
   * @param {(frame: string) => void} options.onUnreadable
   * @param {(close: SessionClose) => void} options.onClosed called once, unless `close` was called first
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
      onClosed: (close) => this.#end(close),
    });
    this.#openingTimer = setTimeout(
      () => this.#giveUp({ code: 1006, reason: '', opened: false }),
      OPENING_MS,
    );
  }

  /** True from response.created to response.done. */
  get isResponding() {
    return this.#activeResponse !== null;
  }

  /** How many bytes of audio wait to be sent when the network is too slow; otherwise 0. */
  get heldBackBytes() {
    return this.#connection.heldBackBytes;
  }

  /**
   * @param {string} audio PCM16, 24 kHz, mono, in base64
   * @returns {boolean} false when it was not sent: the session is not live, or the network is too slow
   */
  appendAudio(audio) {
    if (this.#phase !== 'live' || this.heldBackBytes > 0) return false;
    return this.#send({ type: 'input_audio_buffer.append', audio });
  }

  /** End the user's turn here and ask for an answer: for sessions without turn detection. */
  commitAudio() {
    this.#send({ type: 'input_audio_buffer.commit' });
    this.createResponse();
  }

  /** Drop the audio that was sent since the last turn. */
  clearAudio() {
    this.#send({ type: 'input_audio_buffer.clear' });
  }

  /**
   * Send a written message and ask for an answer.
   * @param {string} id of its item
   * @param {string} text
   */
  sendMessage(id, text) {
    this.#items.add(id);
    this.#send(messageItem(this.dialect, { id, role: 'user', text }));
    this.createResponse();
  }

  /**
   * Tell the model what was said in earlier sessions.
   * @param {readonly Message[]} messages
   */
  restore(messages) {
    for (const message of messages) {
      this.#items.restore(message.id);
      this.#send(messageItem(this.dialect, message));
    }
  }

  /** Delete all items, so that the model forgets the conversation. */
  forget() {
    this.#delete(this.#items.forget());
  }

  /** Ask for an answer; while a response is active, once that is over, since the API allows one at a time. */
  createResponse() {
    this.#wantsResponse = this.isResponding;
    if (!this.isResponding) this.#send({ type: 'response.create' });
  }

  /**
   * Drop what still arrives of the active response.
   * @param {{ cancel: boolean }} how cancel: ask the server to stop it; not needed when the server's turn detection did
   */
  abandonResponse({ cancel }) {
    if (this.#activeResponse === null || this.#abandoned.has(this.#activeResponse)) return;
    this.#abandoned.add(this.#activeResponse);
    if (cancel) this.#send({ type: 'response.cancel' });
  }

  /**
   * Whether an event belongs to an interrupted response or to a forgotten item.
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
   * Apply changed settings; all but the voice, which a session in use cannot change.
   * @param {SessionSettings} settings
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
        if (event.error?.code === 'conversation_already_has_active_response') this.#wantsResponse = true;
        break;
    }
    this.#items.see(event);
    this.#handlers.onEvent(this.#items.withoutRestoredLink(event));
    if (event.type === 'response.done') this.#delete(this.#items.endResponse());
    if (event.type === 'response.done' && this.#wantsResponse) this.createResponse();
    if (event.type === 'error') this.#endIfSetupRefused(event);
  }

  /**
   * Give up a session whose settings were refused: it would never become live.
   * @param {RealtimeEvent} event
   */
  #endIfSetupRefused({ error }) {
    if (this.#phase !== 'updating' || error?.event_id !== this.#setupEventId) return;
    this.#giveUp({ code: 1000, reason: '', opened: true });
  }

  /** @param {ConnectionClose} close reported instead of the connection's own */
  #giveUp(close) {
    this.#connection.close();
    this.#end(close);
  }

  /** @param {ConnectionClose} close */
  #end(close) {
    if (this.#phase === 'over') return;
    this.#phase = 'over';
    this.#settleAs(false);
    this.#handlers.onClosed({ ...close, error: this.#lastError });
  }
}
