/**
 * Run the real worklet modules in Node, one render quantum at a time, by faking AudioWorkletGlobalScope.
 */

/** Frames of a render quantum. */
export const QUANTUM = 128;

/** A processor's `port`; `sent` is what the page would have received. */
class Port {
  /** @type {any[]} */
  sent = [];
  /** @type {((event: {data: any}) => void) | null} */
  onmessage = null;

  /** @param {any} message */
  postMessage(message) {
    this.sent.push(message);
  }
}

/**
 * Load a worklet module at a sample rate.
 *
 * @param {string} name of the file in public/audio
 * @param {number} rateHz
 * @returns {Promise<any>} its processor, constructed
 */
export async function loadProcessor(name, rateHz) {
  /** @type {any} */
  let Processor;
  Object.assign(globalThis, {
    sampleRate: rateHz,
    AudioWorkletProcessor: class {
      port = new Port();
    },
    registerProcessor: (/** @type {string} */ _name, /** @type {any} */ registered) => {
      Processor = registered;
    },
  });
  await import(`../../../public/audio/${name}?${rateHz}-${Math.random()}`); // a new URL, so that the module is loaded and registered again
  return new Processor();
}

/**
 * @param {any} processor
 * @param {object} message as the page posts it
 */
export const send = (processor, message) => processor.port.onmessage({ data: message });

/**
 * @param {any} processor
 * @param {string} type
 * @returns {any[]} the messages of a type that it has posted
 */
export const sent = (processor, type) =>
  processor.port.sent.filter((/** @type {any} */ message) => message.type === type);

/**
 * Let a processor render sound.
 *
 * @param {any} processor
 * @param {number} frames rounded up to whole quanta
 * @returns {Float32Array}
 */
export function render(processor, frames) {
  const quanta = Math.ceil(frames / QUANTUM);
  const sound = new Float32Array(quanta * QUANTUM);
  for (let i = 0; i < quanta; i++) {
    const output = new Float32Array(QUANTUM);
    processor.process([], [[output]]);
    sound.set(output, i * QUANTUM);
  }
  return sound;
}

/**
 * Feed sound to a processor.
 *
 * @param {any} processor
 * @param {Float32Array} sound
 */
export function feed(processor, sound) {
  for (let start = 0; start < sound.length; start += QUANTUM) {
    processor.process([[sound.slice(start, start + QUANTUM)]], []);
  }
}
