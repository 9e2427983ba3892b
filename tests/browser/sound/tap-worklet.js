/**
 * Keep every sample that passes by; any message asks for {sound, startedAt}, the context's time of the first sample.
 * Audio thread; allocates, as a measuring device may.
 */
class Tap extends AudioWorkletProcessor {
  /** @type {Float32Array[]} */
  #blocks = [];
  #startedAt = 0;

  constructor() {
    super();
    this.port.onmessage = () => {
      const sound = new Float32Array(this.#blocks.reduce((length, block) => length + block.length, 0));
      let at = 0;
      for (const block of this.#blocks) {
        sound.set(block, at);
        at += block.length;
      }
      this.port.postMessage({ sound, startedAt: this.#startedAt });
    };
  }

  /** @param {Float32Array[][]} inputs */
  process(inputs) {
    const input = inputs[0]?.[0];
    if (this.#blocks.length === 0) this.#startedAt = currentTime;
    this.#blocks.push(input ? input.slice() : new Float32Array(128));
    return true;
  }
}

registerProcessor('tap', Tap);
