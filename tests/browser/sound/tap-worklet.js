/** Keep every sample that passes by; any message asks for them. Audio thread; allocates, as a measuring device may. */
class Tap extends AudioWorkletProcessor {
  /** @type {Float32Array[]} */
  #blocks = [];

  constructor() {
    super();
    this.port.onmessage = () => {
      const sound = new Float32Array(this.#blocks.reduce((length, block) => length + block.length, 0));
      let at = 0;
      for (const block of this.#blocks) {
        sound.set(block, at);
        at += block.length;
      }
      this.port.postMessage(sound);
    };
  }

  /** @param {Float32Array[][]} inputs */
  process(inputs) {
    const input = inputs[0]?.[0];
    if (input) this.#blocks.push(input.slice());
    return true;
  }
}

registerProcessor('tap', Tap);
