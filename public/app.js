import { AudioDevice } from './audio/device.js';
import { Microphone } from './audio/microphone.js';
import { Speaker } from './audio/speaker.js';
import { Connection } from './realtime/connection.js';
import { Conversation } from './realtime/conversation.js';
import { problem } from './realtime/problems.js';
import { NOTHING_YET, stateOf } from './realtime/state.js';
import { Settings } from './settings.js';
import { Talk } from './talk.js';
import { Banner } from './ui/banner.js';
import { bindComposer } from './ui/composer.js';
import { Controls } from './ui/controls.js';
import { levelOf } from './ui/level.js';
import { Orb } from './ui/orb.js';
import { Transcript } from './ui/transcript.js';

/** @import { Problem } from './realtime/problems.js' */
/** @import { Facts } from './realtime/state.js' */

/** @param {string} id */
const element = (id) => /** @type {HTMLElement} */ (document.getElementById(id));
/** @param {string} id */
const button = (id) => /** @type {HTMLButtonElement} */ (element(id));

let facts = NOTHING_YET;

const settings = new Settings(localStorage, () => render(facts));
const transcript = new Transcript(element('log'), element('jump'));
const conversation = new Conversation({
  onChange: (turn) => transcript.show(turn),
  onRemoved: (turn) => transcript.remove(turn.id),
});

const microphone = new Microphone({
  onFrame: (frame) => talk.hear(frame),
  onLost: (cause) => talk.loseMicrophone(cause),
  onChange: () => {},
});
const speaker = new Speaker({
  onStarted: (itemId) => talk.startPlaying(itemId),
  onPosition: (itemId, playedMs) => conversation.heard(itemId, playedMs),
  onEnded: (itemId, playedMs) => talk.endPlaying(itemId, playedMs),
  onUnderrun: () => {},
});
const device = new AudioDevice({
  onContext: (context) => Promise.all([speaker.attach(context), microphone.attach(context)]),
  onState: (state) =>
    state === 'blocked' ? banner.show(problem('sound-blocked')) : banner.hide('sound-blocked'),
});

const talk = new Talk({
  device,
  microphone,
  speaker,
  conversation,
  settings,
  connect: (handlers) => new Connection(new URL('ws', location.href.replace(/^http/, 'ws')).href, handlers),
  on: {
    onFacts: render,
    onProblem: (found) => banner.show(found),
    onSolved: (cause) => banner.hide(cause),
    onTiming: () => {},
    onUsage: () => {},
    onInterrupted: () => orb.flash(),
    onSpeech: () => {},
    onAnswer: () => {},
    onReceived: () => {},
    onSent: () => {},
    onUnreadable: () => {},
  },
});

const banner = new Banner(element('banner'), ({ remedy }) => REMEDIES[remedy]());
const controls = new Controls({
  main: /** @type {HTMLElement} */ (document.querySelector('main')),
  status: element('status'),
  connect: button('connect'),
  record: button('record'),
  push: button('push'),
});
const orb = new Orb(/** @type {HTMLCanvasElement} */ (element('orb')), (state) =>
  levelOf(state === 'speaking' ? speaker.analyser : microphone.analyser),
);

/** What a banner's button does. @type {Record<Problem['remedy'], () => unknown>} */
const REMEDIES = {
  connect: () => talk.connect(),
  record: () => talk.startRecording(),
  settings: () => {},
  sound: () => talk.openDevice(),
  reload: () => location.reload(),
  dismiss: () => {},
};

/** @param {Facts} known */
function render(known) {
  facts = known;
  const state = stateOf(facts);
  controls.render(state, {
    recording: facts.microphone === 'on',
    pushToTalk: settings.values.turnTaking === 'push-to-talk',
  });
  orb.show(state);
}

button('connect').addEventListener('click', () => {
  banner.hide();
  if (facts.link === 'opening' || facts.link === 'live') talk.disconnect();
  else talk.connect();
});
button('record').addEventListener('click', () => {
  if (facts.microphone === 'on') talk.stopRecording();
  else talk.startRecording();
});
bindComposer(/** @type {HTMLFormElement} */ (element('composer')), (text) => talk.say(text));
for (const example of document.querySelectorAll('.example'))
  example.addEventListener('click', () => talk.say(example.textContent));
render(facts);
