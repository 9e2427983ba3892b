/** Puts the parts together: each knows its own thing, and what happens in one is told to the others here. */

import { AudioDevice } from './audio/device.js';
import { Microphone } from './audio/microphone.js';
import { Speaker } from './audio/speaker.js';
import { Diagnostics } from './diagnostics/drawer.js';
import { Journal } from './diagnostics/event-log.js';
import { problem } from './problems/problems.js';
import { Connection } from './realtime/connection.js';
import { Conversation } from './realtime/conversation.js';
import { askService, isAlive, whyRefused } from './server-info.js';
import { History } from './store/conversation-store.js';
import { toJson, toMarkdown, toText } from './store/export.js';
import { browserStorage, Settings } from './store/settings.js';
import { stereoWav } from './store/wav.js';
import { applyAppearance } from './ui/appearance.js';
import { Banner } from './ui/banner.js';
import { bindComposer } from './ui/composer.js';
import { Controls } from './ui/controls.js';
import { bindDownloads } from './ui/download.js';
import { button, element } from './ui/elements.js';
import { levelOf } from './ui/level-meter.js';
import { Announcer } from './ui/live-region.js';
import { Orb } from './ui/orb.js';
import { showService } from './ui/server-badge.js';
import { SettingsDialog } from './ui/settings-dialog.js';
import { bindKeys, bindPushButton } from './ui/shortcuts.js';
import { Chips } from './ui/stats.js';
import { Transcript } from './ui/transcript.js';
import { IdleWatch } from './voice-chat/idle-timer.js';
import { NOTHING_YET, stateOf } from './voice-chat/state.js';
import { Talk } from './voice-chat/voice-chat.js';
import { watchForWaking } from './voice-chat/wake-events.js';

/** @import { Problem } from './problems/problems.js' */
/** @import { Facts } from './voice-chat/state.js' */
/** @import { SettingValues } from './store/settings.js' */

let facts = NOTHING_YET;
let sessionLimitMs = Number.POSITIVE_INFINITY;

const history = new History();
const journal = new Journal(() => {
  diagnostics.refresh();
  chips.showDelay(journal.timings.at(-1));
  chips.showUsage(journal.usage);
});
const settings = new Settings(browserStorage(), applySetting);
const conversation = new Conversation({
  onChange: (turn) => {
    transcript.show(turn);
    announcer.follow(turn);
    history.save(turn);
    showActions();
  },
  onRemoved: ({ id }) => {
    transcript.remove(id);
    history.remove(id);
    showActions();
  },
});

/** What was said before this page was loaded. */
const restored = history.open().then((kept) => {
  for (const { id } of kept) announcer.skip(id);
  conversation.restore(kept);
  for (const turn of conversation.turns) history.save(turn);
});

const microphone = new Microphone({
  onFrame: (frame) => talk.turnTaking.hear(frame),
  onLost: (cause) => talk.loseMicrophone(cause),
  onChange: () => settingsDialog.refreshDevices(),
});
const speaker = new Speaker({
  onStarted: (itemId) => {
    history.answerStarted(itemId);
    talk.turnTaking.startPlaying(itemId);
  },
  onPosition: (itemId, heardMs) => conversation.heard(itemId, heardMs),
  onEnded: (itemId, heardMs) => {
    history.answerEnded(itemId, heardMs);
    talk.turnTaking.endPlaying(itemId, heardMs);
  },
  onUnderrun: (count) => journal.add('page', { type: 'underrun', count }),
});
const device = new AudioDevice({
  onContext: (context) => Promise.all([speaker.attach(context), microphone.attach(context)]),
  onState: (state) =>
    state === 'blocked' ? banner.show(problem('sound-blocked')) : banner.hide('sound-blocked'),
});

const idleWatch = new IdleWatch({
  onSoon: () => banner.show(problem('idle-soon')),
  onActive: () => banner.hide('idle-soon'),
});

const talk = new Talk({
  device,
  microphone,
  speaker,
  conversation,
  restored,
  settings,
  service: {
    connect: (handlers) => new Connection(new URL('ws', location.href.replace(/^http/, 'ws')).href, handlers),
    whyRefused,
    isAlive,
    isOnline: () => navigator.onLine,
  },
  on: {
    onFacts: render,
    onProblem: (found) => banner.show(found),
    onSolved: (cause) => banner.hide(cause),
    onTiming: (timing) => journal.addTiming(timing),
    onUsage: (usage) => journal.addUsage(usage),
    onCut: (itemId, heardMs) => {
      orb.flash();
      history.answerEnded(itemId, heardMs);
    },
    onSpeech: (pcm) => history.speech(pcm),
    onAnswer: (itemId, pcm) => history.answer(itemId, pcm),
    onReceived: (event) => {
      journal.add('received', event);
      idleWatch.see(event);
    },
    onSent: (event) => journal.add('sent', event),
    onUnreadable: (frame) => journal.add('page', { type: 'unreadable', frame: frame.slice(0, 200) }),
  },
});

const transcript = new Transcript(element('log'), element('jump'));
const announcer = new Announcer(element('announcer'));
const banner = new Banner(element('banner'), ({ remedy }) => REMEDIES[remedy]());
const controls = new Controls({
  main: /** @type {HTMLElement} */ (document.querySelector('main')),
  status: element('status'),
  connect: button('connect'),
  record: button('record'),
  push: button('push'),
  mute: button('mute'),
});
const orb = new Orb(/** @type {HTMLCanvasElement} */ (element('orb')), (state) =>
  levelOf(state === 'speaking' ? speaker.analyser : microphone.analyser),
);
const diagnostics = new Diagnostics(element('diagnostics'), journal);
const chips = new Chips(element('chips'), () => diagnostics.open());
const shortcuts = /** @type {HTMLDialogElement} */ (element('shortcuts'));
const settingsDialog = new SettingsDialog(/** @type {HTMLDialogElement} */ (element('settings')), settings, {
  devices: { microphones: () => Microphone.list(), speakers: () => device.outputs() },
  level: () => levelOf(microphone.analyser),
});

/** What a banner's button does. @type {Record<Problem['remedy'], () => unknown>} */
const REMEDIES = {
  connect: () => talk.connect(),
  retry: () => talk.retryNow(),
  answer: () => talk.turnTaking.ask(),
  record: () => talk.startRecording(),
  settings: () => settingsDialog.open(),
  sound: () => talk.openDevice(),
  reload: () => location.reload(),
  continue: () => talk.updateSession(), // which the service confirms, and the relay takes as a sign of life
  dismiss: () => {},
};

const updateSession = () => talk.updateSession();

/** What a changed setting changes; the voice waits for the next session. @type {Partial<Record<keyof SettingValues, () => unknown>>} */
const EFFECTS = {
  microphone: () => talk.changeMicrophone(),
  speaker: () => device.chooseOutput(settings.values.speaker),
  instructions: updateSession,
  turnTaking: updateSession,
  noiseReduction: updateSession,
  theme: () => orb.refresh(),
};

/**
 * @param {SettingValues} values
 * @param {keyof SettingValues | null} name null: all of them
 */
function applySetting(values, name) {
  applyAppearance(values);
  speaker.muted = values.muted;
  for (const effect of name ? [EFFECTS[name]] : new Set(Object.values(EFFECTS))) effect?.();
  render(facts);
}

/** @param {Facts} known */
function render(known) {
  facts = known;
  const state = stateOf(facts);
  controls.render(state, {
    retryAtMs: facts.retryAtMs,
    isRecording: facts.microphone === 'on',
    isPushToTalk: settings.values.turnTaking === 'push-to-talk',
    isMuted: settings.values.muted,
  });
  settingsDialog.showRecording(facts.microphone === 'on');
  chips.showEnd(facts.link === 'live' ? talk.endsAt(sessionLimitMs) : null);
  orb.show(state);
  if (facts.link !== 'live') {
    idleWatch.stop();
    banner.hide('idle-soon');
  }
}

function showActions() {
  element('conversation-actions').hidden = conversation.turns.length === 0;
}

function toggleConnection() {
  banner.hide();
  if (['opening', 'live', 'retrying'].includes(facts.link)) talk.disconnect();
  else talk.connect();
}

function toggleRecording() {
  if (facts.microphone === 'on') talk.stopRecording();
  else talk.startRecording();
}

async function clear() {
  await talk.clear();
  await history.clear();
}

/** @type {import('./ui/shortcuts.js').KeyActions} */
const actions = {
  press: () => talk.turnTaking.press(),
  release: () => talk.turnTaking.release(),
  toggleRecording,
  interrupt: () => talk.turnTaking.interrupt(),
  write: () => element('message').focus(),
  explain: () => shortcuts.showModal(),
};

button('connect').addEventListener('click', toggleConnection);
button('record').addEventListener('click', toggleRecording);
button('mute').addEventListener('click', () => settings.set('muted', !settings.values.muted));
button('clear').addEventListener('click', clear);
button('open-settings').addEventListener('click', () => settingsDialog.open());
button('open-shortcuts').addEventListener('click', actions.explain);
bindPushButton(button('push'), actions);
bindKeys(actions, () => settings.values.turnTaking === 'push-to-talk');
bindComposer(/** @type {HTMLFormElement} */ (element('composer')), (text) => talk.say(text));
bindDownloads(/** @type {HTMLDetailsElement} */ (element('download-menu')), {
  txt: () => new Blob([toText(conversation.turns)], { type: 'text/plain' }),
  md: () => new Blob([toMarkdown(conversation.turns)], { type: 'text/markdown' }),
  json: () => new Blob([toJson(conversation.turns, journal.timings)], { type: 'application/json' }),
  wav: async () => stereoWav(await history.sounds()),
});
for (const example of document.querySelectorAll('.example'))
  example.addEventListener('click', () => talk.say(example.textContent));

watchForWaking(() => talk.wake());
speaker.muted = settings.values.muted;
device.chooseOutput(settings.values.speaker);
render(facts);
document.body.inert = false; // from here on each press is heard

const { service } = await askService();
if (service) {
  showService(service);
  if (service.mode === 'simulator') chips.omitPrice();
  sessionLimitMs = service.session_minutes * 60_000;
  idleWatch.limitMs = service.idle_minutes * 60_000;
  journal.about = { service, browser: navigator.userAgent };
}
