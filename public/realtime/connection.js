/** @import { RealtimeEvent } from './dialect.js' */

/**
 * @typedef {object} ConnectionClose
 * @property {number} code the websocket's close code
 * @property {string} reason
 * @property {boolean} opened false when the handshake failed; the code is then always 1006
 */

/** About 4 s of speech in base64. When more than this waits to be sent, the network is too slow for a conversation. */
const MAX_BUFFERED_BYTES = 256 * 1024;

/** Own the websocket: client events out, server events in. Knows no DOM, no audio. */
export class Connection {
  #socket;
  #opened = false;
  #handlers;

  /**
   * Open the socket at once.
   * @param {string} url
   * @param {object} handlers
   * @param {(event: RealtimeEvent) => void} handlers.onEvent
   * @param {(frame: string) => void} handlers.onUnreadable a frame that is not JSON, or has no type
   * @param {(close: ConnectionClose) => void} handlers.onClosed called once, unless `close` was called first
   * @param {typeof WebSocket} [Socket]
   */
  constructor(url, handlers, Socket = WebSocket) {
    this.#handlers = handlers;
    this.#socket = new Socket(url);
    this.#socket.onopen = () => {
      this.#opened = true;
    };
    this.#socket.onmessage = ({ data }) => this.#receive(data);
    this.#socket.onclose = ({ code, reason }) => handlers.onClosed({ code, reason, opened: this.#opened });
  }

  /**
   * @param {RealtimeEvent} event
   * @returns {boolean} false when it was not sent: the socket is not open
   */
  send(event) {
    if (this.#socket.readyState !== 1) return false; // 1 = OPEN
    this.#socket.send(JSON.stringify(event));
    return true;
  }

  /** How many bytes wait to be sent, when they are so many that more speech would arrive too late; otherwise 0. */
  get heldBackBytes() {
    const { bufferedAmount } = this.#socket;
    return bufferedAmount > MAX_BUFFERED_BYTES ? bufferedAmount : 0;
  }

  /** Close the socket. No handler is called any longer. */
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
 * @returns {RealtimeEvent | null} null when it is not an event
 */
function parse(data) {
  try {
    const value = JSON.parse(String(data));
    return typeof value?.type === 'string' ? value : null;
  } catch {
    return null; // the caller reports it
  }
}
