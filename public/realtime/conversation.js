import { cleanText, textOfItem } from './item-text.js';
import { heardCharacters, isUnfinishedAnswer, TurnList } from './turn-list.js';

/** @import { RealtimeEvent } from './dialect.js' */
/** @import { Turn } from './turn-list.js' */

/** Build the turns of a conversation from server events under their GA names. Knows no DOM and no audio. */
export class Conversation {
  #turns = new TurnList();
  /** The text of each content part, of items that are still arriving. @type {Map<string, string[]>} */ #parts =
    new Map();
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
   * Apply a server event. Events of other types, and those that lack the fields they need, change nothing.
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
        if (id) this.#write(this.#find(id, 'user'), part, (text) => text + cleanText(event.delta));
        break;
      case 'conversation.item.input_audio_transcription.completed':
        if (id)
          this.#change(this.#find(id, 'user'), { text: cleanText(event.transcript), status: 'complete' });
        break;
      case 'conversation.item.input_audio_transcription.failed':
        if (id) this.#change(this.#find(id, 'user'), { status: 'failed' });
        break;
      case 'response.output_audio_transcript.delta':
      case 'response.output_text.delta':
        if (id) this.#write(this.#answer(event), part, (text) => text + cleanText(event.delta));
        break;
      case 'response.output_audio_transcript.done':
      case 'response.output_text.done':
        if (id)
          this.#write(this.#answer(event), part, (text) => cleanText(event.transcript ?? event.text) || text);
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
   * Add a written message, or a note of the page, at the end.
   * @param {'user' | 'note'} role
   * @param {string} id
   * @param {string} text
   */
  add(role, id, text) {
    this.#change(this.#find(id, role), { text: cleanText(text), status: 'complete' });
  }

  /**
   * Count audio that has arrived for an answer.
   * @param {string} id
   * @param {number} ms
   */
  addAudio(id, ms) {
    const turn = this.#find(id, 'assistant', { spoken: true });
    if (turn.status !== 'interrupted') this.#change(turn, { spoken: true, audioMs: turn.audioMs + ms });
  }

  /**
   * Record how much of an answer has been heard. Does nothing for an interrupted answer, whose part is already known.
   * @param {string} id
   * @param {number} ms
   */
  heard(id, ms) {
    if (this.#turns.get(id)?.status !== 'interrupted') this.annotate(id, { heardMs: ms });
  }

  /**
   * Change details of a turn, if it is still there.
   * @param {string} id
   * @param {Partial<Turn>} details
   */
  annotate(id, details) {
    const turn = this.#turns.get(id);
    if (turn) this.#change(turn, details);
  }

  /** Answers of which something is still to arrive or to be heard. */
  get unfinishedAnswers() {
    return this.turns.filter(isUnfinishedAnswer);
  }

  /**
   * Cut answers to what was heard of them, and remove those of which nothing was heard.
   * @param {readonly Turn[]} answers those of them that are finished stay as they are
   * @param {string | null} id of the answer that was being heard
   * @param {number} heardMs how much of that one was heard
   */
  interrupt(answers, id, heardMs) {
    for (const turn of answers.filter(isUnfinishedAnswer)) {
      const heard = turn.id === id ? heardMs : turn.heardMs;
      const text = turn.text.slice(0, heardCharacters({ ...turn, heardMs: heard }));
      this.#change(turn, { text, heardMs: heard, status: 'interrupted' });
      if (!text && !heard) this.#remove(turn);
    }
  }

  /** The transcripts that are awaited will not arrive any more. */
  giveUpOnTranscripts() {
    this.#giveUpOn(this.turns);
  }

  /**
   * Add stored turns before the present ones.
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

  /** @param {readonly Turn[]} turns whose transcripts will not arrive */
  #giveUpOn(turns) {
    for (const turn of turns) if (turn.status === 'awaited') this.#change(turn, { status: 'failed' });
  }

  /**
   * The turn of an item. If there is none, a new one is added at the end.
   * @param {string} id
   * @param {Turn['role']} role
   * @param {Partial<Turn>} [details] of a new turn
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

  /** @param {RealtimeEvent} event text of an answer */
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
    if (item.status === 'incomplete' && !this.#turns.get(item.id)) return; // it was interrupted before anything was heard
    const turn = this.#find(item.id, item.role);
    this.#place(turn, previousId);
    if (item.role === 'assistant' && done) this.#finish(turn, item);
    if (item.role === 'user' && !turn.text && textOfItem(item)) this.add('user', item.id, textOfItem(item));
  }

  /** @param {Record<string, any>} call with all of its arguments */
  #takeCall({ id, name, arguments: given }) {
    this.add('note', id, `The model called ${cleanText(name) || 'a function'}(${cleanText(given)})`);
  }

  /** @param {unknown} items of the response that is over. Only one is active at a time, so every unfinished answer belongs to it. */
  #finishAll(items) {
    for (const turn of this.turns.filter(
      ({ role, status }) => role === 'assistant' && status === 'streaming',
    ))
      this.#finish(turn, Array.isArray(items) ? items.find((item) => item?.id === turn.id) : undefined);
  }

  /**
   * All text of an answer has arrived.
   * @param {Turn} turn
   * @param {{ content?: unknown }} [item] the server's version of it
   */
  #finish(turn, item = {}) {
    this.#parts.delete(turn.id);
    if (turn.status === 'interrupted') return;
    const text = turn.text || textOfItem(item);
    if (text || turn.spoken) this.#change(turn, { text, status: 'complete' });
    else this.#remove(turn);
  }

  /**
   * Edit the text of one content part.
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
