import { heardCharacters, isUnfinishedAnswer, TurnList } from './turn-list.js';

/** @import { RealtimeEvent } from './dialect.js' */
/** @import { Turn } from './turn-list.js' */

/** Control characters but for tab and newline: invisible, or worse, wherever the text goes. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: removing them is the purpose
const CONTROLS = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f]/g;

/** @param {unknown} text */
const clean = (text) => (typeof text === 'string' ? text.replace(CONTROLS, '') : '');

/**
 * The text an item of the API carries, in whichever kind of content.
 * @param {{ content?: unknown }} item
 */
function textOf({ content }) {
  if (!Array.isArray(content)) return '';
  return content.map((part) => clean(part?.transcript ?? part?.text)).join('');
}

/** What was said, kept from server events by their GA names. Knows no DOM, no sound. */
export class Conversation {
  #turns = new TurnList();
  /** Text by content part, of items still coming. @type {Map<string, string[]>} */ #parts = new Map();
  #onChange;
  #onRemoved;
  #now;

  /**
   * @param {object} options
   * @param {(turn: Turn) => void} options.onChange a turn is new, has moved or has changed
   * @param {(turn: Turn) => void} options.onRemoved
   * @param {() => number} [options.now] Unix ms
   */
  constructor({ onChange, onRemoved, now = Date.now }) {
    this.#onChange = onChange;
    this.#onRemoved = onRemoved;
    this.#now = now;
  }

  /** @returns {readonly Turn[]} in order */
  get turns() {
    return this.#turns.ordered;
  }

  /**
   * Take a server event in. Events of other kinds, and those without the fields they need, change nothing.
   * @param {RealtimeEvent} event
   */
  receive(event) {
    const { item_id: id, item, content_index: part = 0 } = event;
    switch (event.type) {
      case 'input_audio_buffer.speech_started':
      case 'input_audio_buffer.committed':
        if (id) this.#place(this.#find(id, 'user', { spoken: true }), event.previous_item_id);
        break;
      case 'conversation.item.added':
      case 'conversation.item.done':
      case 'response.output_item.added':
      case 'response.output_item.done':
        if (item?.id) this.#takeItem(item, event.previous_item_id, event.type.endsWith('.done'));
        break;
      case 'conversation.item.input_audio_transcription.delta':
        if (id) this.#write(this.#find(id, 'user'), part, (text) => text + clean(event.delta));
        break;
      case 'conversation.item.input_audio_transcription.completed':
        if (id) this.#change(this.#find(id, 'user'), { text: clean(event.transcript), status: 'complete' });
        break;
      case 'conversation.item.input_audio_transcription.failed':
        if (id) this.#change(this.#find(id, 'user'), { status: 'failed' });
        break;
      case 'response.output_audio_transcript.delta':
      case 'response.output_text.delta':
        if (id) this.#write(this.#answer(event), part, (text) => text + clean(event.delta));
        break;
      case 'response.output_audio_transcript.done':
      case 'response.output_text.done':
        if (id)
          this.#write(this.#answer(event), part, (text) => clean(event.transcript ?? event.text) || text);
        break;
      case 'response.output_audio.done':
        this.annotate(id, { audioComplete: true });
        break;
      case 'response.done':
        this.#finishAll(event.response?.output);
        break;
      case 'conversation.item.deleted':
        this.#remove(this.#turns.get(id));
        break;
    }
  }

  /**
   * Add a written message, or a note of the page's own, at the end.
   * @param {'user' | 'note'} role
   * @param {string} id
   * @param {string} text
   */
  add(role, id, text) {
    this.#change(this.#find(id, role), { text: clean(text), status: 'complete' });
  }

  /**
   * Count sound that has arrived for an answer.
   * @param {string} id
   * @param {number} ms
   */
  addAudio(id, ms) {
    const turn = this.#find(id, 'assistant', { spoken: true });
    if (turn.status !== 'interrupted') this.#change(turn, { spoken: true, audioMs: turn.audioMs + ms });
  }

  /**
   * Note how much of an answer has been heard.
   * @param {string} id
   * @param {number} ms
   */
  heard(id, ms) {
    if (this.#turns.get(id)?.status !== 'interrupted') this.annotate(id, { heardMs: ms });
  }

  /**
   * Note a detail of a turn, if it is still there.
   * @param {string} id
   * @param {Partial<Turn>} details
   */
  annotate(id, details) {
    const turn = this.#turns.get(id);
    if (turn) this.#change(turn, details);
  }

  /** Answers of which something is still to come or to be heard. */
  get unfinishedAnswers() {
    return this.turns.filter(isUnfinishedAnswer);
  }

  /**
   * Cut answers. What was heard of them stays; one of which nothing was heard goes.
   * @param {readonly Turn[]} answers
   * @param {string | null} id the one that was being heard
   * @param {number} heardMs how much of it
   */
  interrupt(answers, id, heardMs) {
    for (const turn of answers.filter(isUnfinishedAnswer)) {
      const heard = turn.id === id ? heardMs : turn.heardMs;
      const text = turn.text.slice(0, heardCharacters({ ...turn, heardMs: heard }));
      this.#change(turn, { text, heardMs: heard, status: 'interrupted' });
      if (!text && !heard) this.#remove(turn);
    }
  }

  /** Words that are still awaited will not come any more. */
  settle() {
    this.#giveUpOn(this.turns);
  }

  /**
   * Put kept turns back, before those of now.
   * @param {Turn[]} turns in order
   */
  restore(turns) {
    const kept = turns.map((turn) => ({ ...turn }));
    this.#turns.prepend(kept);
    for (const turn of kept) this.#onChange(turn);
    this.#giveUpOn(kept);
    this.interrupt(kept, null, 0);
  }

  clear() {
    for (const turn of [...this.turns]) this.#remove(turn);
  }

  /** @param {readonly Turn[]} turns whose words are not awaited any more */
  #giveUpOn(turns) {
    for (const turn of turns) if (turn.status === 'awaited') this.#change(turn, { status: 'failed' });
  }

  /**
   * The turn of an item; a new one starts at the end.
   * @param {string} id
   * @param {Turn['role']} role
   * @param {Partial<Turn>} [details] of a new one
   * @returns {Turn}
   */
  #find(id, role, details) {
    const known = this.#turns.get(id);
    if (known) return known;
    const status = role === 'user' ? 'awaited' : 'streaming';
    const sound = { spoken: false, audioMs: 0, audioComplete: false, heardMs: 0 };
    /** @type {Turn} */
    const turn = { id, rank: 0, role, text: '', status, startedAt: this.#now(), ...sound, ...details };
    const moved = this.#turns.append(turn);
    this.#onChange(turn);
    if (moved) this.#onChange(moved);
    return turn;
  }

  /** @param {RealtimeEvent} event a part of an answer's text */
  #answer({ item_id: id, type }) {
    return this.#find(id, 'assistant', { spoken: type.includes('audio') });
  }

  /**
   * @param {Turn} turn
   * @param {unknown} previousId anything but a string leaves the turn where it is
   */
  #place(turn, previousId) {
    if (typeof previousId !== 'string') return;
    this.#turns.placeAfter(previousId, turn);
    this.#onChange(turn);
  }

  /**
   * @param {Record<string, any>} item
   * @param {unknown} previousId
   * @param {boolean} done
   */
  #takeItem(item, previousId, done) {
    if (item.type === 'function_call' && done) this.#takeCall(item);
    if (item.type !== 'message' || (item.role !== 'user' && item.role !== 'assistant')) return;
    if (item.status === 'incomplete' && !this.#turns.get(item.id)) return; // cut short before anything was heard
    const turn = this.#find(item.id, item.role);
    this.#place(turn, previousId);
    if (item.role === 'assistant' && done) this.#finish(turn, item);
    if (item.role === 'user' && !turn.text && textOf(item)) this.add('user', item.id, textOf(item));
  }

  /** @param {Record<string, any>} call whose arguments are all there */
  #takeCall({ id, name, arguments: given }) {
    this.add('note', id, `The model called ${clean(name) || 'a function'}(${clean(given)})`);
  }

  /** @param {unknown} items of the response that is over: one at a time, so every answer still coming is its */
  #finishAll(items) {
    for (const turn of this.turns.filter(
      ({ role, status }) => role === 'assistant' && status === 'streaming',
    ))
      this.#finish(turn, Array.isArray(items) ? items.find((item) => item?.id === turn.id) : undefined);
  }

  /**
   * @param {Turn} turn an answer of which no more text comes
   * @param {{ content?: unknown }} [item] as the server has it
   */
  #finish(turn, item = {}) {
    this.#parts.delete(turn.id);
    if (turn.status === 'interrupted') return;
    const text = turn.text || textOf(item);
    if (text || turn.spoken) this.#change(turn, { text, status: 'complete' });
    else this.#remove(turn);
  }

  /**
   * @param {Turn} turn
   * @param {number} part
   * @param {(text: string) => string} edit
   */
  #write(turn, part, edit) {
    if (turn.status === 'interrupted') return;
    const parts = this.#parts.get(turn.id) ?? [];
    parts[part] = edit(parts[part] ?? '');
    this.#parts.set(turn.id, parts);
    this.#change(turn, { text: parts.join('') });
  }

  /**
   * @param {Turn} turn
   * @param {Partial<Turn>} details
   */
  #change(turn, details) {
    Object.assign(turn, details);
    this.#onChange(turn);
  }

  /** @param {Turn | undefined} turn */
  #remove(turn) {
    if (!turn) return;
    this.#parts.delete(turn.id);
    this.#turns.remove(turn);
    this.#onRemoved(turn);
  }
}
