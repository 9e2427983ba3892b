/** @import { RealtimeEvent } from './dialect.js' */

/**
 * @typedef {object} Ending
 * @property {number} code the websocket's close code
 * @property {string} reason
 * @property {boolean} opened false when the server refused the handshake; browsers then say only 1006
 */

/** About 4 s of speech in base64. With more than that waiting the network is too slow for a conversation. */
const MAX_BUFFERED_BYTES = 256 * 1024;

/** Own the websocket: client events out, server events in. Knows no DOM, no audio. */
export class Connection {
  #socket;
  #opened = false;
  #handlers;

  /**
   * Open at once.
   * @param {string} url
   * @param {object} handlers
   * @param {(event: RealtimeEvent) => void} handlers.onEvent
   * @param {(frame: string) => void} handlers.onUnreadable a frame that is no event
   * @param {(ending: Ending) => void} handlers.onEnded once, unless close() was called first
   * @param {typeof WebSocket} [Socket]
   */
  constructor(url, handlers, Socket = WebSocket) {
    this.#handlers = handlers;
    this.#socket = new Socket(url);
    this.#socket.onopen = () => {
      this.#opened = true;
    };
    this.#socket.onmessage = ({ data }) => this.#receive(data);
    this.#socket.onclose = ({ code, reason }) => handlers.onEnded({ code, reason, opened: this.#opened });
  }

  /**
   * Send an event; false when the socket is not open.
   * @param {RealtimeEvent} event
   */
  send(event) {
    if (this.#socket.readyState !== 1) return false; // 1 = OPEN
    this.#socket.send(JSON.stringify(event));
    return true;
  }

  /** How much waits to be sent while it is so much that more speech would only come late; else 0. */
  get heldBackBytes() {
    const { bufferedAmount } = this.#socket;
    return bufferedAmount > MAX_BUFFERED_BYTES ? bufferedAmount : 0;
  }

  /** Close without a word to the handlers: who closes knows. */
  close() {
    this.#socket.onmessage = null;
    this.#socket.onclose = null;
    this.#socket.close(1000);
  }

  /** @param {unknown} data */
  #receive(data) {
    const event = parse(data);
    if (event) this.#handlers.onEvent(event);
    else this.#handlers.onUnreadable(String(data));
  }
}

/**
 * @param {unknown} data
 * @returns {RealtimeEvent | null}
 */
function parse(data) {
  try {
    const value = JSON.parse(String(data));
    return typeof value?.type === 'string' ? value : null;
  } catch {
    return null; // not JSON: the caller reports it
  }
}
