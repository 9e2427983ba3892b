import assert from 'node:assert/strict';
import { test } from 'node:test';
import { addUsage, NO_USAGE, PRICES_USD_PER_MILLION as PRICE } from '../../../public/diagnostics/usage.js';

const USAGE = {
  total_tokens: 320,
  input_tokens: 132,
  output_tokens: 188,
  input_token_details: {
    text_tokens: 59,
    audio_tokens: 73,
    cached_tokens: 64,
    cached_tokens_details: { text_tokens: 0, audio_tokens: 64 },
  },
  output_token_details: { text_tokens: 41, audio_tokens: 147 },
};

const close = (/** @type {number} */ actual, /** @type {number} */ expected) =>
  assert.ok(Math.abs(actual - expected) < 1e-12, `${actual} is not ${expected}`);

test('cached tokens are counted once, at the cached price', () => {
  const { tokens, costUsd } = addUsage(NO_USAGE, USAGE);
  assert.equal(tokens, 320);
  const expected =
    59 * PRICE.textIn + 9 * PRICE.audioIn + 64 * PRICE.cachedIn + 41 * PRICE.textOut + 147 * PRICE.audioOut;
  close(costUsd, expected / 1e6);
});

test('when usage does not say what was cached, text counts as cached first', () => {
  const { cached_tokens_details: _, ...details } = USAGE.input_token_details;
  const { costUsd } = addUsage(NO_USAGE, { ...USAGE, input_token_details: details });
  const expected = (73 - 5) * PRICE.audioIn + 64 * PRICE.cachedIn + 41 * PRICE.textOut + 147 * PRICE.audioOut;
  close(costUsd, expected / 1e6);
});

test('the usage of several responses adds up', () => {
  const twice = addUsage(addUsage(NO_USAGE, USAGE), USAGE);
  assert.equal(twice.tokens, 640);
  close(twice.costUsd, 2 * addUsage(NO_USAGE, USAGE).costUsd);
});

const WITHOUT_FIGURES = [
  undefined,
  null,
  {},
  { total_tokens: 'many' },
  { input_token_details: { text_tokens: -3 } },
];
for (const usage of WITHOUT_FIGURES)
  test(`the usage ${JSON.stringify(usage)} costs nothing`, () => {
    assert.deepEqual(addUsage(NO_USAGE, usage), NO_USAGE);
  });

test('no more tokens count as cached than there were', () => {
  close(
    addUsage(NO_USAGE, { input_token_details: { text_tokens: 10, cached_tokens: 99 } }).costUsd,
    (10 * PRICE.cachedIn) / 1e6,
  );
});
