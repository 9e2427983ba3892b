import assert from 'node:assert/strict';
import { test } from 'node:test';
import { NOTHING_YET, stateOf, wordsFor } from '../../../public/voice-chat/state.js';

/** @import { Facts } from '../../../public/voice-chat/state.js' */

const LIVE = { ...NOTHING_YET, link: /** @type {const} */ ('live') };
const RECORDING = { ...LIVE, microphone: /** @type {const} */ ('on') };

/** @type {[string, Facts][]} */
const EXPECTED = [
  ['idle', NOTHING_YET],
  ['connecting', { ...NOTHING_YET, link: 'opening' }],
  ['connected', LIVE],
  ['requesting-mic', { ...LIVE, microphone: 'requesting' }],
  ['listening', RECORDING],
  ['hearing-you', { ...RECORDING, hearing: true, playing: true, answering: true }],
  ['thinking', { ...RECORDING, answering: true }],
  ['speaking', { ...RECORDING, answering: true, playing: true }],
  ['speaking', { ...LIVE, playing: true }],
  ['reconnecting', { ...RECORDING, link: 'retrying' }],
  ['ended', { ...NOTHING_YET, link: 'ended' }],
  ['error', { ...NOTHING_YET, link: 'failed' }],
];

for (const [state, facts] of EXPECTED)
  test(`${state} follows from ${JSON.stringify(facts)}`, () => {
    assert.equal(stateOf(facts), state);
    assert.ok(wordsFor(stateOf(facts)));
  });
