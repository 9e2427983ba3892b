/** The audio format of the Realtime API: 16-bit PCM, mono, 24 kHz. Pure; loaded by the page and by the worklets. */

export const SAMPLE_RATE_HZ = 24_000;

/** Full scale of a 16-bit sample: 1.0 in Web Audio's floats. */
const FULL_SCALE = 32_768;

/**
 * @param {number} samples at 24 kHz
 * @returns {number} milliseconds, fractional
 */
export const samplesToMs = (samples) => (samples * 1000) / SAMPLE_RATE_HZ;

/**
 * @param {number} ms
 * @returns {number} samples at 24 kHz, fractional
 */
export const msToSamples = (ms) => (ms * SAMPLE_RATE_HZ) / 1000;

/**
 * @param {number} sample -32768..32767
 * @returns {number} -1 up to, but not including, 1; exact in a float
 */
export const toFloat = (sample) => sample / FULL_SCALE;

/**
 * @param {number} sample about -1..1; values beyond are clipped
 * @returns {number} integer, -32768..32767; the inverse of `toFloat`
 */
export const toInt16 = (sample) =>
  Math.max(-FULL_SCALE, Math.min(FULL_SCALE - 1, Math.round(sample * FULL_SCALE)));
