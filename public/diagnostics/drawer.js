import { drawSparkline } from './sparkline.js';

/** @import { Entry, EventLog } from './event-log.js' */
/** @import { TurnTiming } from '../voice-chat/reply-latency.js' */

const ARROWS = { sent: '↑', received: '↓', page: '•' };
const NAMES = { sent: 'sent', received: 'received', page: 'page' };

/** @param {number} ms */
const seconds = (ms) => `${(ms / 1000).toFixed(2)} s`;

/**
 * @param {keyof HTMLElementTagNameMap} tag
 * @param {string} text
 * @param {string} [className]
 */
function textElement(tag, text, className = '') {
  const element = document.createElement(tag);
  element.textContent = text;
  element.className = className;
  return element;
}

/** @param {TurnTiming} timing */
function latencyRow({ noticedMs, answeredMs, playedMs, totalMs }) {
  const row = document.createElement('tr');
  row.append(...[noticedMs, answeredMs, playedMs, totalMs].map((ms) => textElement('td', seconds(ms))));
  return row;
}

/** @param {Entry} entry */
function eventRow({ at, from, type, count, detail }) {
  const row = document.createElement('details');
  const summary = document.createElement('summary');
  const arrow = textElement('span', ARROWS[from], 'arrow');
  arrow.role = 'img';
  arrow.ariaLabel = NAMES[from];
  summary.append(textElement('span', seconds(at), 'at'), arrow, textElement('span', type, 'type'));
  if (count > 1) summary.append(textElement('span', `×${count}`, 'count'));
  row.append(summary, textElement('pre', detail));
  return row;
}

/** Show the event log and the reply delay of each turn, in a drawer that is drawn only while it is open. */
export class DiagnosticsDrawer {
  /** @type {Map<Entry, { row: HTMLElement, count: number }>} */ #rows = new Map();
  #isDue = false;
  #drawer;
  #eventLog;

  /**
   * @param {HTMLElement} drawer a popover
   * @param {EventLog} eventLog
   */
  constructor(drawer, eventLog) {
    this.#drawer = drawer;
    this.#eventLog = eventLog;
    drawer.addEventListener('toggle', () => this.refresh());
    this.#part('#copy-report').addEventListener('click', () => this.#copy());
  }

  open() {
    this.#drawer.showPopover();
  }

  /** The event log has changed. */
  refresh() {
    if (this.#isDue || !this.#drawer.matches(':popover-open')) return;
    this.#isDue = true;
    requestAnimationFrame(() => {
      this.#isDue = false;
      this.#draw();
    });
  }

  #draw() {
    const { timings, entries } = this.#eventLog;
    const delays = timings.map(({ totalMs }) => totalMs);
    const sparkline = /** @type {SVGSVGElement} */ (/** @type {unknown} */ (this.#part('#sparkline')));
    drawSparkline(sparkline, delays);
    sparkline.toggleAttribute('hidden', timings.length === 0);
    this.#part('#latencies').replaceChildren(...timings.slice(-8).reverse().map(latencyRow));
    this.#part('#no-latencies').hidden = timings.length > 0;
    this.#part('#latency-table').hidden = timings.length === 0;
    this.#drawEntries(entries);
  }

  /** @param {Entry[]} entries */
  #drawEntries(entries) {
    const log = this.#part('#events');
    const kept = new Set(entries);
    for (const [entry, { row }] of this.#rows) {
      if (kept.has(entry)) continue;
      row.remove();
      this.#rows.delete(entry);
    }
    for (const entry of entries) {
      const drawn = this.#rows.get(entry);
      if (drawn?.count === entry.count) continue;
      const row = eventRow(entry);
      if (drawn) drawn.row.replaceWith(row);
      else log.append(row);
      this.#rows.set(entry, { row, count: entry.count });
    }
  }

  async #copy() {
    const button = this.#part('#copy-report');
    try {
      await navigator.clipboard.writeText(this.#eventLog.report());
      button.textContent = 'Copied';
    } catch {
      button.textContent = 'The browser refused'; // it lacks permission or focus; the next press may work
    }
    button.addEventListener('blur', () => (button.textContent = 'Copy as JSON'), { once: true });
  }

  /** @param {string} selector */
  #part(selector) {
    return /** @type {HTMLElement} */ (this.#drawer.querySelector(selector));
  }
}
