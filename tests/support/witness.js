/**
 * Watch a page without its knowledge: the sound it plays, the states and texts it shows, what it asks the browser for.
 * Runs before the page's own scripts, as an init script.
 */
(() => {
  const witness = { microphoneRequests: 0, states: [], userTexts: [], sound: [], soundRateHz: 0 };
  window.witness = witness;

  const getUserMedia = navigator.mediaDevices.getUserMedia.bind(navigator.mediaDevices);
  navigator.mediaDevices.getUserMedia = (constraints) => {
    witness.microphoneRequests += 1;
    return getUserMedia(constraints);
  };

  // What is connected to the loudspeaker is heard here too. A worklet would need a script that the page's policy
  // refuses; this node needs none, and with blocks this long it outlasts a busy main thread.
  const connect = AudioNode.prototype.connect;
  AudioNode.prototype.connect = function (target, ...rest) {
    if (target instanceof AudioDestinationNode) {
      const recorder = this.context.createScriptProcessor(16384, 1, 1);
      recorder.onaudioprocess = ({ inputBuffer }) => witness.sound.push(inputBuffer.getChannelData(0).slice());
      connect.call(this, recorder);
      connect.call(recorder, target);
      witness.soundRateHz = this.context.sampleRate;
    }
    return connect.call(this, target, ...rest);
  };

  /** The sound so far as base64 of PCM16. */
  witness.takeSound = () => {
    const samples = Int16Array.from(
      witness.sound.flatMap((block) => [...block]),
      (value) => Math.max(-1, Math.min(1, value)) * 32767,
    );
    const bytes = new Uint8Array(samples.buffer);
    let text = '';
    for (let at = 0; at < bytes.length; at += 8192) text += String.fromCharCode(...bytes.subarray(at, at + 8192));
    return btoa(text);
  };

  const note = (list, value) => {
    if (value !== undefined && value !== null && list.at(-1) !== value) list.push(value);
  };
  new MutationObserver(() => {
    note(witness.states, document.querySelector('main')?.dataset.state);
    note(witness.userTexts, document.querySelector('[data-role="user"] .words')?.textContent);
  }).observe(document, { subtree: true, childList: true, characterData: true, attributes: true });
})();
