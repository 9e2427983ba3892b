import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ChatState, INITIAL_FACTS, stateOf } from '../../../public/voice-chat/state.js';

/** @import { Facts } from '../../../public/voice-chat/state.js' */

const LIVE = { ...INITIAL_FACTS, session: /** @type {const} */ ('live') };
const RECORDING = { ...LIVE, microphone: /** @type {const} */ ('on') };

/** @type {[string, Facts][]} */
const EXPECTED = [
  ['idle', INITIAL_FACTS],
  ['connecting', { ...INITIAL_FACTS, session: 'opening' }],
  ['connected', LIVE],
  ['requesting-mic', { ...LIVE, microphone: 'requesting' }],
  ['listening', RECORDING],
  ['hearing-you', { ...RECORDING, isUserSpeaking: true, isAnswerPlaying: true, isAnswerDue: true }],
  ['thinking', { ...RECORDING, isAnswerDue: true }],
  ['speaking', { ...RECORDING, isAnswerDue: true, isAnswerPlaying: true }],
  ['speaking', { ...LIVE, isAnswerPlaying: true }],
  ['reconnecting', { ...RECORDING, session: 'retrying' }],
  ['ended', { ...INITIAL_FACTS, session: 'ended' }],
  ['error', { ...INITIAL_FACTS, session: 'failed' }],
];

for (const [state, facts] of EXPECTED)
  test(`${state} follows from ${JSON.stringify(facts)}`, () => {
    assert.equal(stateOf(facts), state);
  });

test('each change of the facts is reported', () => {
  /** @type {string[]} */ const shown = [];
  const state = new ChatState(() => shown.push(stateOf(state.facts)));
  state.update({ session: 'live', microphone: 'on' });
  state.update({ isUserSpeaking: true });
  state.reset('ended');
  assert.deepEqual(shown, ['listening', 'hearing-you', 'ended']);
  assert.deepEqual(state.facts, { ...INITIAL_FACTS, session: 'ended' });
});
