/** Count tokens and estimate what they cost. Pure. */

/**
 * US$ per million tokens, list prices of gpt-realtime on Azure OpenAI and OpenAI as of November 2026
 * (azure.microsoft.com/pricing/details/cognitive-services/openai-service, openai.com/api/pricing).
 */
export const PRICES_USD_PER_MILLION = Object.freeze({
  textIn: 4,
  audioIn: 32,
  cachedIn: 0.4,
  textOut: 16,
  audioOut: 64,
});

/**
 * @typedef {object} Usage
 * @property {number} tokens
 * @property {number} costUsd an estimate, from list prices
 */

/** @type {Readonly<Usage>} */
export const NO_USAGE = Object.freeze({ tokens: 0, costUsd: 0 });

/** @param {unknown} value */
const count = (value) => (typeof value === 'number' && value > 0 ? value : 0);

/**
 * Add the usage of a response. Cached tokens are among the input tokens: each counts once, at the cached price. Preview
 * does not say whether cached tokens are text or audio; text is then assumed to be cached first.
 * @param {Usage} before
 * @param {Record<string, any> | null | undefined} usage as in response.done
 * @returns {Usage}
 */
export function addUsage(before, usage) {
  const input = usage?.input_token_details;
  const output = usage?.output_token_details;
  const textIn = count(input?.text_tokens);
  const audioIn = count(input?.audio_tokens);
  const cached = Math.min(count(input?.cached_tokens), textIn + audioIn);
  const kinds = input?.cached_tokens_details;
  const cachedText = Math.min(kinds ? count(kinds.text_tokens) : cached, textIn, cached);
  const price = PRICES_USD_PER_MILLION;
  const millionths =
    (textIn - cachedText) * price.textIn +
    (audioIn - (cached - cachedText)) * price.audioIn +
    cached * price.cachedIn +
    count(output?.text_tokens) * price.textOut +
    count(output?.audio_tokens) * price.audioOut;
  return {
    tokens: before.tokens + count(usage?.total_tokens),
    costUsd: before.costUsd + millionths / 1e6,
  };
}
