/**
 * Record what a page does: the sound it plays, the states and texts it shows, how often it asks for the microphone.
 * Runs as an init script, before the page's own scripts, and changes nothing for them.
 */
(() => {
  const recorder = { microphoneRequests: 0, states: [], userTexts: [], sound: [], soundRateHz: 0 };
  window.recorder = recorder;

  const getUserMedia = navigator.mediaDevices.getUserMedia.bind(navigator.mediaDevices);
  navigator.mediaDevices.getUserMedia = (constraints) => {
    recorder.microphoneRequests += 1;
    return getUserMedia(constraints);
  };

  // Each node that is connected to the loudspeaker is recorded too. A worklet would need a script that the page's
  // content security policy refuses. This node needs none, and its long blocks survive a busy main thread.
  const connect = AudioNode.prototype.connect;
  AudioNode.prototype.connect = function (target, ...rest) {
    if (target instanceof AudioDestinationNode) {
      const processor = this.context.createScriptProcessor(16384, 1, 1);
      processor.onaudioprocess = ({ inputBuffer }) => recorder.sound.push(inputBuffer.getChannelData(0).slice());
      connect.call(this, processor);
      connect.call(processor, target);
      recorder.soundRateHz = this.context.sampleRate;
    }
    return connect.call(this, target, ...rest);
  };

  /** Return the sound so far as base64 of PCM16. */
  recorder.takeSound = () => {
    const samples = Int16Array.from(
      recorder.sound.flatMap((block) => [...block]),
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
    note(recorder.states, document.querySelector('main')?.dataset.state);
    note(recorder.userTexts, document.querySelector('[data-role="user"] .words')?.textContent);
  }).observe(document, { subtree: true, childList: true, characterData: true, attributes: true });
})();
