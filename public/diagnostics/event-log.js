/** Record what happened, for the diagnostics drawer and for a bug report. Pure. */

import { addUsage, NO_USAGE } from './usage.js';

/** @import { RealtimeEvent } from '../realtime/dialect.js' */
/** @import { TurnTiming } from '../voice-chat/reply-latency.js' */

/**
 * @typedef {object} Entry
 * @property {number} at ms since the event log began
 * @property {'sent' | 'received' | 'page'} from
 * @property {string} type
 * @property {number} count how many such events came in one stream
 * @property {string} detail the first one as JSON, without audio
 */

const MAX_ENTRIES = 500;
const MAX_DETAIL_CHARACTERS = 2000;
const MAX_TIMINGS = 50;

/**
 * Whether events of this type come in streams.
 * @param {string} type
 */
const repeats = (type) => type.endsWith('.delta') || type === 'input_audio_buffer.append';

/**
 * @param {RealtimeEvent} event
 * @returns {string} JSON with the length of each piece of audio instead of the audio
 */
function describe(event) {
  const hasAudio = event.type.includes('audio.delta');
  const json = JSON.stringify(event, (key, value) =>
    typeof value === 'string' && (key === 'audio' || (key === 'delta' && hasAudio))
      ? `(${value.length} characters of base64)`
      : value,
  );
  return json.length > MAX_DETAIL_CHARACTERS ? `${json.slice(0, MAX_DETAIL_CHARACTERS)}…` : json;
}

export class EventLog {
  /** @type {Entry[]} */ entries = [];
  /** @type {TurnTiming[]} */ timings = [];
  usage = NO_USAGE;
  /** The server and the browser, for the report. @type {Record<string, unknown>} */ about = {};
  #now;
  #start;
  #onChange;

  /**
   * @param {() => void} onChange
   * @param {() => number} [now] ms
   */
  constructor(onChange, now = () => performance.now()) {
    this.#onChange = onChange;
    this.#now = now;
    this.#start = now();
  }

  /**
   * Record an event. In a stream, events of one type are counted instead.
   * @param {Entry['from']} from
   * @param {RealtimeEvent} event
   */
  add(from, event) {
    const { type } = event;
    const earlier = repeats(type) ? this.#inStream(from, type) : undefined;
    if (earlier) earlier.count += 1;
    else this.entries.push({ at: this.#now() - this.#start, from, type, count: 1, detail: describe(event) });
    if (this.entries.length > MAX_ENTRIES) this.entries.splice(0, this.entries.length - MAX_ENTRIES);
    this.#onChange();
  }

  /** @param {TurnTiming} timing */
  addTiming(timing) {
    this.timings = [...this.timings, timing].slice(-MAX_TIMINGS);
    this.#onChange();
  }

  /** @param {Record<string, any>} usage as in response.done */
  addUsage(usage) {
    this.usage = addUsage(this.usage, usage);
    this.#onChange();
  }

  /** @returns {string} JSON for a bug report */
  report() {
    const { about, usage, timings, entries } = this;
    return JSON.stringify({ ...about, usage, timings, events: entries }, null, 2);
  }

  /**
   * The entry that counts events of this type in the present stream.
   * @param {Entry['from']} from
   * @param {string} type
   */
  #inStream(from, type) {
    const streamStart = this.entries.findLastIndex((entry) => !repeats(entry.type)) + 1;
    return this.entries.slice(streamStart).find((entry) => entry.from === from && entry.type === type);
  }
}
