import { SAMPLE_RATE_HZ, toInt16 } from './format.js';
import { Resampler } from './resampler.js';

/** 40 ms: short against the delay of a reply, and long enough to make the overhead of an event small. */
const FRAME_SAMPLES = 0.04 * SAMPLE_RATE_HZ;

/**
 * Convert the microphone's audio from the context's rate to frames of PCM16 at 24 kHz.
 *
 * Audio thread. One mono input, no output. Posts {pcm: Int16Array(960), rms: 0..1}. It allocates nothing but that array,
 * once in 40 ms, and transfers it. Any message to the port ends the processor.
 */
class CaptureProcessor extends AudioWorkletProcessor {
  #resampler = new Resampler(sampleRate, SAMPLE_RATE_HZ);
  #frame = new Float32Array(FRAME_SAMPLES);
  #filled = 0;
  #open = true;

  constructor() {
    super();
    this.port.onmessage = () => {
      this.#open = false;
    };
  }

  /** @param {Float32Array[][]} inputs */
  process(inputs) {
    const input = inputs[0]?.[0];
    if (!input) return this.#open; // there is no channel while no source is connected
    this.#resampler.write(input, input.length);
    for (;;) {
      this.#filled += this.#resampler.read(this.#frame, this.#filled, FRAME_SAMPLES - this.#filled);
      if (this.#filled < FRAME_SAMPLES) return this.#open;
      this.#post();
      this.#filled = 0;
    }
  }

  #post() {
    const pcm = new Int16Array(FRAME_SAMPLES);
    let energy = 0;
    for (let i = 0; i < FRAME_SAMPLES; i++) {
      const sample = this.#frame[i];
      pcm[i] = toInt16(sample);
      energy += sample * sample;
    }
    this.port.postMessage({ pcm, rms: Math.min(1, Math.sqrt(energy / FRAME_SAMPLES)) }, [pcm.buffer]);
  }
}

registerProcessor('capture', CaptureProcessor);
