/** Puts the parts together: each knows its own thing, and what happens in one is told to the others here. */

import { AudioDevice } from './audio/device.js';
import { Microphone } from './audio/microphone.js';
import { Speaker } from './audio/speaker.js';
import { DiagnosticsDrawer } from './diagnostics/drawer.js';
import { EventLog } from './diagnostics/event-log.js';
import { problem } from './problems/problems.js';
import { Connection } from './realtime/connection.js';
import { Conversation } from './realtime/conversation.js';
import { fetchServerInfo, isAlive, whyRefused } from './server-info.js';
import { ConversationStore } from './store/conversation-store.js';
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
import { LiveRegion } from './ui/live-region.js';
import { Orb } from './ui/orb.js';
import { showServerInfo } from './ui/server-badge.js';
import { SettingsDialog } from './ui/settings-dialog.js';
import { bindPushButton, bindShortcuts } from './ui/shortcuts.js';
import { Stats } from './ui/stats.js';
import { Transcript } from './ui/transcript.js';
import { IdleTimer } from './voice-chat/idle-timer.js';
import { NOTHING_YET, stateOf } from './voice-chat/state.js';
import { VoiceChat } from './voice-chat/voice-chat.js';
import { watchForWaking } from './voice-chat/wake-events.js';

/** @import { Problem } from './problems/problems.js' */
/** @import { Facts } from './voice-chat/state.js' */
/** @import { SettingValues } from './store/settings.js' */

let facts = NOTHING_YET;
let sessionLimitMs = Number.POSITIVE_INFINITY;

const conversationStore = new ConversationStore();
const eventLog = new EventLog(() => {
  diagnostics.refresh();
  stats.showDelay(eventLog.timings.at(-1));
  stats.showUsage(eventLog.usage);
});
const settings = new Settings(browserStorage(), applySetting);
const conversation = new Conversation({
  onChange: (turn) => {
    transcript.show(turn);
    liveRegion.follow(turn);
    conversationStore.save(turn);
    showActions();
  },
  onRemoved: ({ id }) => {
    transcript.remove(id);
    conversationStore.remove(id);
    showActions();
  },
});

/** What was said before this page was loaded. */
const restored = conversationStore.open().then((kept) => {
  for (const { id } of kept) liveRegion.skip(id);
  conversation.restore(kept);
  for (const turn of conversation.turns) conversationStore.save(turn);
});

const microphone = new Microphone({
  onFrame: (frame) => voiceChat.turnTaking.hear(frame),
  onLost: (cause) => voiceChat.loseMicrophone(cause),
  onChange: () => settingsDialog.refreshDevices(),
});
const speaker = new Speaker({
  onStarted: (itemId) => {
    conversationStore.answerStarted(itemId);
    voiceChat.turnTaking.startPlaying(itemId);
  },
  onPosition: (itemId, heardMs) => conversation.heard(itemId, heardMs),
  onEnded: (itemId, heardMs) => {
    conversationStore.answerEnded(itemId, heardMs);
    voiceChat.turnTaking.endPlaying(itemId, heardMs);
  },
  onUnderrun: (count) => eventLog.add('page', { type: 'underrun', count }),
});
const device = new AudioDevice({
  onContext: (context) => Promise.all([speaker.attach(context), microphone.attach(context)]),
  onState: (state) =>
    state === 'blocked' ? banner.show(problem('sound-blocked')) : banner.hide('sound-blocked'),
});

const idleTimer = new IdleTimer({
  onSoon: () => banner.show(problem('idle-soon')),
  onActive: () => banner.hide('idle-soon'),
});

const voiceChat = new VoiceChat({
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
    onTiming: (timing) => eventLog.addTiming(timing),
    onUsage: (usage) => eventLog.addUsage(usage),
    onCut: (itemId, heardMs) => {
      orb.flash();
      conversationStore.answerEnded(itemId, heardMs);
    },
    onSpeech: (pcm) => conversationStore.speech(pcm),
    onAnswer: (itemId, pcm) => conversationStore.answer(itemId, pcm),
    onReceived: (event) => {
      eventLog.add('received', event);
      idleTimer.see(event);
    },
    onSent: (event) => eventLog.add('sent', event),
    onUnreadable: (frame) => eventLog.add('page', { type: 'unreadable', frame: frame.slice(0, 200) }),
  },
});

const transcript = new Transcript(element('log'), element('jump'));
const liveRegion = new LiveRegion(element('live-region'));
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
const diagnostics = new DiagnosticsDrawer(element('diagnostics'), eventLog);
const stats = new Stats(element('stats'), () => diagnostics.open());
const shortcuts = /** @type {HTMLDialogElement} */ (element('shortcuts'));
const settingsDialog = new SettingsDialog(/** @type {HTMLDialogElement} */ (element('settings')), settings, {
  devices: { microphones: () => Microphone.list(), speakers: () => device.outputs() },
  level: () => levelOf(microphone.analyser),
});

/** What a banner's button does. @type {Record<Problem['remedy'], () => unknown>} */
const REMEDIES = {
  connect: () => voiceChat.connect(),
  retry: () => voiceChat.retryNow(),
  answer: () => voiceChat.turnTaking.ask(),
  record: () => voiceChat.startRecording(),
  settings: () => settingsDialog.open(),
  sound: () => voiceChat.openDevice(),
  reload: () => location.reload(),
  continue: () => voiceChat.updateSession(), // which the service confirms, and the relay takes as a sign of life
  dismiss: () => {},
};

const updateSession = () => voiceChat.updateSession();

/** What a changed setting changes; the voice waits for the next session. @type {Partial<Record<keyof SettingValues, () => unknown>>} */
const EFFECTS = {
  microphone: () => voiceChat.changeMicrophone(),
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
  stats.showEnd(facts.link === 'live' ? voiceChat.endsAt(sessionLimitMs) : null);
  orb.show(state);
  if (facts.link !== 'live') {
    idleTimer.stop();
    banner.hide('idle-soon');
  }
}

function showActions() {
  element('conversation-actions').hidden = conversation.turns.length === 0;
}

function toggleConnection() {
  banner.hide();
  if (['opening', 'live', 'retrying'].includes(facts.link)) voiceChat.disconnect();
  else voiceChat.connect();
}

function toggleRecording() {
  if (facts.microphone === 'on') voiceChat.stopRecording();
  else voiceChat.startRecording();
}

async function clear() {
  await voiceChat.clear();
  await conversationStore.clear();
}

/** @type {import('./ui/shortcuts.js').ShortcutActions} */
const actions = {
  press: () => voiceChat.turnTaking.press(),
  release: () => voiceChat.turnTaking.release(),
  toggleRecording,
  interrupt: () => voiceChat.turnTaking.interrupt(),
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
bindShortcuts(actions, () => settings.values.turnTaking === 'push-to-talk');
bindComposer(/** @type {HTMLFormElement} */ (element('composer')), (text) => voiceChat.say(text));
bindDownloads(/** @type {HTMLDetailsElement} */ (element('download-menu')), {
  txt: () => new Blob([toText(conversation.turns)], { type: 'text/plain' }),
  md: () => new Blob([toMarkdown(conversation.turns)], { type: 'text/markdown' }),
  json: () => new Blob([toJson(conversation.turns, eventLog.timings)], { type: 'application/json' }),
  wav: async () => stereoWav(await conversationStore.sounds()),
});
for (const example of document.querySelectorAll('.example'))
  example.addEventListener('click', () => voiceChat.say(example.textContent));

watchForWaking(() => voiceChat.wake());
speaker.muted = settings.values.muted;
device.chooseOutput(settings.values.speaker);
render(facts);
document.body.inert = false; // from here on each press is heard

const { service } = await fetchServerInfo();
if (service) {
  showServerInfo(service);
  if (service.mode === 'simulator') stats.omitPrice();
  sessionLimitMs = service.session_minutes * 60_000;
  idleTimer.limitMs = service.idle_minutes * 60_000;
  eventLog.about = { service, browser: navigator.userAgent };
}
