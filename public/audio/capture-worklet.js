import { SAMPLE_RATE_HZ, toInt16 } from './format.js';
import { Resampler } from './resampler.js';

/** 40 ms: small against a turn's delay, large against an event's overhead. */
const FRAME_SAMPLES = 0.04 * SAMPLE_RATE_HZ;

/**
 * Turn the microphone's sound at the context's rate into frames of PCM16 at 24 kHz.
 *
 * Audio thread. One input, mono, no output. Posts {pcm: Int16Array(960), rms: 0..1}, the array transferred: its
 * allocation, once in 40 ms, is the only one. Any message to the port ends the processor.
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
    if (!input) return this.#open; // no channel while no source is connected
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
