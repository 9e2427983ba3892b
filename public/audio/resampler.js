/** How many zero crossings the sinc has on each side: 1 ms of look-ahead at 24 kHz. */
const LOBES = 24;
/** For 90 dB of stop-band attenuation. With 24 kHz as the lower rate, the transition is 1.45 kHz wide on each side of the cut-off. */
const KAISER_BETA = 9;
/** The cut-off as a share of the lower Nyquist frequency: 11.04 kHz at 24 kHz. */
const CUTOFF = 0.92;
/** How many input samples can wait between two reads. */
const ROOM_SAMPLES = 4096;

/**
 * Change the sample rate of a mono stream with a polyphase windowed-sinc filter. Both rates are integers, in Hz.
 *
 * Output sample j is the signal at input position j · fromHz / toHz, exactly: the filter looks ahead instead of delaying, so
 * each output sample needs `lookaheadSamples` of input after its own position. With equal rates it copies, bit by bit,
 * without look-ahead. Pure; for any thread; only the constructor allocates.
 */
export class Resampler {
  #up;
  #down;
  #taps;
  #filter;
  #history;
  #filled = 0;
  #start = 0;
  #phase = 0;

  /**
   * @param {number} fromHz
   * @param {number} toHz
   */
  constructor(fromHz, toHz) {
    const divisor = greatestCommonDivisor(fromHz, toHz);
    this.#up = toHz / divisor;
    this.#down = fromHz / divisor;
    const stretch = Math.max(1, fromHz / toHz);
    /** How many input samples an output sample needs after its own position. */
    this.lookaheadSamples = fromHz === toHz ? 0 : Math.ceil(LOBES * stretch);
    this.#taps = Math.max(1, 2 * this.lookaheadSamples);
    this.#filter =
      fromHz === toHz ? Float32Array.of(1) : designFilter(this.#up, this.lookaheadSamples, CUTOFF / stretch);
    this.#history = new Float32Array(this.#taps + ROOM_SAMPLES);
    this.reset();
  }

  /** Start a new stream: the next sample written is at position 0, with silence before it. */
  reset() {
    this.#filled = Math.max(0, this.lookaheadSamples - 1);
    this.#history.fill(0, 0, this.#filled);
    this.#start = 0;
    this.#phase = 0;
  }

  /**
   * @param {number} count output samples, at least 1
   * @returns {number} how many input samples must still be written before that many can be read
   */
  needed(count) {
    const last = this.#start + Math.floor((this.#phase + (count - 1) * this.#down) / this.#up);
    return Math.max(0, last + this.#taps - this.#filled);
  }

  /**
   * @param {Float32Array} input
   * @param {number} count samples of `input` to take, at most 4096 unread ones in all
   */
  write(input, count) {
    if (this.#filled + count > this.#history.length) {
      this.#history.copyWithin(0, this.#start, this.#filled);
      this.#filled -= this.#start;
      this.#start = 0;
    }
    for (let i = 0; i < count; i++) this.#history[this.#filled + i] = input[i];
    this.#filled += count;
  }

  /**
   * @param {Float32Array} output
   * @param {number} offset where in `output` to begin
   * @param {number} count samples wanted
   * @returns {number} samples written; fewer when there is not enough input
   */
  read(output, offset, count) {
    const history = this.#history;
    const filter = this.#filter;
    const taps = this.#taps;
    const latest = this.#filled - taps;
    let written = 0;
    while (written < count && this.#start <= latest) {
      const row = this.#phase * taps;
      let sum = 0;
      for (let k = 0; k < taps; k++) sum += history[this.#start + k] * filter[row + k];
      output[offset + written++] = sum;
      this.#phase += this.#down;
      const step = Math.floor(this.#phase / this.#up);
      this.#start += step;
      this.#phase -= step * this.#up;
    }
    return written;
  }
}

/**
 * @param {number} phases
 * @param {number} half taps on each side
 * @param {number} cutoff as a share of the input's Nyquist frequency
 * @returns {Float32Array} phases × 2·half coefficients, one phase after another, each of unit gain at 0 Hz
 */
function designFilter(phases, half, cutoff) {
  const taps = 2 * half;
  const filter = new Float32Array(phases * taps);
  for (let phase = 0; phase < phases; phase++) {
    const row = filter.subarray(phase * taps, (phase + 1) * taps);
    for (let k = 0; k < taps; k++) {
      const x = k - half + 1 - phase / phases;
      row[k] = sinc(cutoff * x) * kaiser(x / half);
    }
    const sum = row.reduce((total, tap) => total + tap, 0);
    for (let k = 0; k < taps; k++) row[k] /= sum;
  }
  return filter;
}

/** @param {number} x */
const sinc = (x) => (x === 0 ? 1 : Math.sin(Math.PI * x) / (Math.PI * x));

/** @param {number} x -1..1 across the window */
const kaiser = (x) => (Math.abs(x) >= 1 ? 0 : besselI0(KAISER_BETA * Math.sqrt(1 - x * x)));

/** @param {number} x */
function besselI0(x) {
  let sum = 1;
  let term = 1;
  for (let k = 1; term > 1e-12 * sum; k++) {
    term *= (x / (2 * k)) ** 2;
    sum += term;
  }
  return sum;
}

/**
 * @param {number} a
 * @param {number} b
 * @returns {number}
 */
const greatestCommonDivisor = (a, b) => (b === 0 ? a : greatestCommonDivisor(b, a % b));
