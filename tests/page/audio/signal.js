/** Make test signals, and measure what became of them. */

/**
 * @param {number} hz
 * @param {number} rateHz
 * @param {number} seconds
 * @param {number} [amplitude]
 * @returns {Float32Array}
 */
export const sine = (hz, rateHz, seconds, amplitude = 0.5) =>
  Float32Array.from(
    { length: Math.round(rateHz * seconds) },
    (_, i) => amplitude * Math.sin((2 * Math.PI * hz * i) / rateHz),
  );

/**
 * Fit a sine of known frequency by least squares.
 *
 * @param {ArrayLike<number>} sound
 * @param {number} hz
 * @param {number} rateHz
 * @returns {{amplitude: number, snrDb: number}} amplitude of the sine; its ratio to everything that is not the sine
 */
export function fitSine(sound, hz, rateHz) {
  let [ss, sc, cc, xs, xc] = [0, 0, 0, 0, 0];
  for (let i = 0; i < sound.length; i++) {
    const [s, c] = [Math.sin((2 * Math.PI * hz * i) / rateHz), Math.cos((2 * Math.PI * hz * i) / rateHz)];
    ss += s * s;
    sc += s * c;
    cc += c * c;
    xs += sound[i] * s;
    xc += sound[i] * c;
  }
  const determinant = ss * cc - sc * sc;
  const [a, b] = [(xs * cc - xc * sc) / determinant, (xc * ss - xs * sc) / determinant];
  let rest = 0;
  for (let i = 0; i < sound.length; i++) {
    const angle = (2 * Math.PI * hz * i) / rateHz;
    rest += (sound[i] - a * Math.sin(angle) - b * Math.cos(angle)) ** 2;
  }
  const amplitude = Math.hypot(a, b);
  return { amplitude, snrDb: 10 * Math.log10((amplitude ** 2 * sound.length) / 2 / rest) };
}

/** @param {number} ratio of amplitudes */
export const decibels = (ratio) => 20 * Math.log10(ratio);

/** @param {Float32Array} sound */
export const rms = (sound) => Math.sqrt(sound.reduce((sum, x) => sum + x * x, 0) / sound.length);
