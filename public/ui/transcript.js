import { heardCharacters, SPEAKERS } from '../realtime/turn-list.js';

/** @import { Turn } from '../realtime/turn-list.js' */

/** Within this distance from the end, the log keeps scrolling to the end. */
const AT_END_PX = 48;

/** What a turn without text shows. @type {Record<Turn['status'], string>} */
const WITHOUT_WORDS = {
  awaited: '…',
  streaming: '…',
  complete: '(no words)',
  interrupted: '(not yet written)',
  failed: '(not transcribed)',
};

/** Draw the turns of a conversation, at most once per frame, and keep the end in view until the reader scrolls away. */
export class Transcript {
  /** @type {Map<string, HTMLElement>} */ #articles = new Map();
  /** Turns to draw in the next frame. @type {Map<string, Turn>} */ #due = new Map();
  /** Text that is still to be heard, coloured by the CSS Custom Highlight API. @type {Highlight | null} */
  #unsaid = 'highlights' in CSS ? new Highlight() : null;
  /** @type {Map<string, Range>} */ #unsaidRanges = new Map();
  #isFollowing = true;
  /** The log's scrollHeight and clientHeight at its last scroll event. */
  #lastHeights = '';
  #log;
  #jump;

  /**
   * @param {HTMLElement} log scrolls
   * @param {HTMLElement} jump the button that leads back to the end
   */
  constructor(log, jump) {
    this.#log = log;
    this.#jump = jump;
    if (this.#unsaid) CSS.highlights.set('unsaid', this.#unsaid);
    log.addEventListener('scroll', () => this.#onScroll(), { passive: true });
    jump.addEventListener('click', () => this.follow());
    new ResizeObserver(() => this.#keepEnd()).observe(log);
  }

  /**
   * Draw a turn that is new, has moved or has changed.
   * @param {Turn} turn
   */
  show(turn) {
    if (this.#due.size === 0) requestAnimationFrame(() => this.#draw());
    this.#due.set(turn.id, turn);
  }

  /** @param {string} id */
  remove(id) {
    this.#due.delete(id);
    this.#articles.get(id)?.remove();
    this.#articles.delete(id);
    this.#setUnsaid(id, null);
  }

  /** Scroll to the end and keep it in view. */
  follow() {
    this.#isFollowing = true;
    this.#keepEnd();
  }

  #draw() {
    for (const turn of this.#due.values()) this.#place(this.#render(turn), turn.rank);
    this.#due.clear();
    this.#keepEnd();
  }

  /**
   * Put an article behind those of lower rank, unless it is there already.
   * @param {HTMLElement} article
   * @param {number} rank
   */
  #place(article, rank) {
    if (article.dataset.rank === String(rank)) return;
    article.remove();
    article.dataset.rank = String(rank);
    let previous = this.#log.lastElementChild;
    while (previous instanceof HTMLElement && Number(previous.dataset.rank ?? 0) > rank)
      previous = previous.previousElementSibling;
    if (previous) previous.after(article);
    else this.#log.prepend(article);
  }

  /** @param {Turn} turn */
  #render(turn) {
    const article = this.#articles.get(turn.id) ?? newArticle(turn);
    this.#articles.set(turn.id, article);
    article.dataset.status = turn.status;
    const words = setWords(article, turn.text || WITHOUT_WORDS[turn.status]);
    const details = /** @type {HTMLElement} */ (article.querySelector('.details'));
    const text = detailsOf(turn);
    if (details.textContent !== text) details.textContent = text;
    const heard = turn.role === 'assistant' ? heardCharacters(turn) : turn.text.length;
    this.#setUnsaid(turn.id, heard < turn.text.length ? words : null, heard);
    return article;
  }

  /**
   * @param {string} id
   * @param {Text | null} words null: all of it has been heard
   * @param {number} [heard] characters
   */
  #setUnsaid(id, words, heard = 0) {
    const former = this.#unsaidRanges.get(id);
    if (former) this.#unsaid?.delete(former);
    this.#unsaidRanges.delete(id);
    if (!words || !this.#unsaid) return;
    const range = new Range();
    range.setStart(words, heard);
    range.setEnd(words, words.length);
    this.#unsaid.add(range);
    this.#unsaidRanges.set(id, range);
  }

  #onScroll() {
    const { scrollHeight, scrollTop, clientHeight } = this.#log;
    const heights = `${scrollHeight} ${clientHeight}`;
    if (heights === this.#lastHeights)
      this.#isFollowing = scrollHeight - scrollTop - clientHeight < AT_END_PX;
    else this.#keepEnd(); // the log's size has changed; the reader has not scrolled
    this.#lastHeights = heights;
    this.#jump.hidden = this.#isFollowing;
  }

  #keepEnd() {
    const first = this.#log.children[1]; // the first one is the text for an empty log
    const last = this.#log.lastElementChild;
    if (!(first instanceof HTMLElement && last instanceof HTMLElement)) return;
    const isFull = last.offsetTop + last.offsetHeight - first.offsetTop >= this.#log.clientHeight;
    if (isFull) requestAnimationFrame(() => this.#endFilling());
    else this.#log.classList.add('unfilled');
    if (this.#isFollowing) this.#log.scrollTop = this.#log.scrollHeight;
  }

  /** Remove the space above the turns, in a frame in which nothing else changes: the turns then do not visibly move. */
  #endFilling() {
    if (this.#due.size === 0) this.#log.classList.remove('unfilled');
  }
}

/** @param {Turn} turn */
function newArticle({ role }) {
  const article = document.createElement('article');
  article.className = 'turn';
  article.dataset.role = role;
  article.ariaLabel = SPEAKERS[role];
  const head = document.createElement('p');
  head.className = 'turn-head';
  const speaker = document.createElement('span');
  speaker.className = 'speaker';
  speaker.textContent = SPEAKERS[role];
  const details = document.createElement('span');
  details.className = 'details';
  head.append(speaker, details);
  article.append(head, newWords(''));
  return article;
}

/** @param {string} text */
function newWords(text) {
  const words = document.createElement('p');
  words.className = 'words';
  words.dir = 'auto';
  words.append(text);
  return words;
}

/** @param {Turn} turn */
function detailsOf({ status, delayMs }) {
  const delay = delayMs === undefined ? '' : `replied in ${(delayMs / 1000).toFixed(2)} s`;
  return [delay, status === 'interrupted' ? 'interrupted' : ''].filter(Boolean).join(' · ');
}

/**
 * Set an article's text. Text that continues what is there is appended, which costs least. Other text comes in a new
 * element, because browsers count an element that changes its size as a layout shift.
 * @param {HTMLElement} article
 * @param {string} text
 * @returns {Text}
 */
function setWords(article, text) {
  const words = /** @type {HTMLElement} */ (article.querySelector('.words'));
  const node = /** @type {Text} */ (words.firstChild);
  if (node.data === text) return node;
  if (text.startsWith(node.data) && article.dataset.role !== 'user') {
    node.appendData(text.slice(node.length));
    return node;
  }
  const replacement = newWords(text);
  words.replaceWith(replacement);
  return /** @type {Text} */ (replacement.firstChild);
}
