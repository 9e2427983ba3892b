/** Compose the page: create each part, and give it the functions of the others that it calls. */

import { AudioDevice } from './audio/device.js';
import { Microphone } from './audio/microphone.js';
import { Speaker } from './audio/speaker.js';
import { DiagnosticsDrawer } from './diagnostics/drawer.js';
import { EventLog } from './diagnostics/event-log.js';
import { problem } from './problems/problems.js';
import { Connection } from './realtime/connection.js';
import { Conversation } from './realtime/conversation.js';
import { fetchServerInfo, isAlive, whyRefused } from './server-info.js';
import { AudioLog } from './store/audio-log.js';
import { ConversationStore } from './store/conversation-store.js';
import { toJson, toMarkdown, toText } from './store/export.js';
import { browserStorage, CHOICES, Settings } from './store/settings.js';
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
import { MicrophoneControl } from './voice-chat/microphone-control.js';
import { ReconnectingSession } from './voice-chat/reconnecting-session.js';
import { SpeechInput } from './voice-chat/speech-input.js';
import { SpeechOutput } from './voice-chat/speech-output.js';
import { ChatState, stateOf } from './voice-chat/state.js';
import { TurnController } from './voice-chat/turn-controller.js';
import { VoiceChat } from './voice-chat/voice-chat.js';
import { watchForWakeEvents } from './voice-chat/wake-events.js';

/** @import { Problem } from './problems/problems.js' */
/** @import { SettingValues } from './store/settings.js' */

let sessionLimitMs = Number.POSITIVE_INFINITY;

const settings = new Settings(browserStorage(), applySetting);
const state = new ChatState(render);
const eventLog = new EventLog(() => {
  diagnostics.refresh();
  stats.showDelay(eventLog.timings.at(-1));
  stats.showUsage(eventLog.usage);
});
const store = new ConversationStore();
const audioLog = new AudioLog((sound) => store.saveSound(sound));
const conversation = new Conversation({
  onChange: (turn) => {
    transcript.show(turn);
    liveRegion.show(turn);
    store.save(turn);
    showActions();
  },
  onRemoved: ({ id }) => {
    transcript.remove(id);
    store.remove(id);
    showActions();
  },
});
/** Resolves once the turns that were stored before this page was loaded are in the conversation. */
const restored = store.open().then((stored) => {
  for (const { id } of stored) liveRegion.skip(id);
  conversation.restore(stored);
  for (const turn of conversation.turns) store.save(turn);
});

const device = new AudioDevice({
  onContext: (context) => Promise.all([speaker.attach(context), microphone.attach(context)]),
  onState: (deviceState) =>
    deviceState === 'blocked' ? banner.show(problem('sound-blocked')) : banner.hide('sound-blocked'),
});
const microphone = new Microphone({
  onFrame: (frame) => speechInput.take(frame),
  onLost: (cause) => microphoneControl.lose(cause),
  onChange: () => settingsDialog.refreshDevices(),
});
const speaker = new Speaker({
  onStarted: (itemId) => {
    audioLog.startAnswer(itemId);
    turns.startPlaying(itemId);
  },
  onPosition: (itemId, heardMs) => conversation.heard(itemId, heardMs),
  onEnded: (itemId, heardMs) => {
    audioLog.endAnswer(itemId, heardMs);
    turns.endPlaying(itemId, heardMs);
  },
  onUnderrun: (count) => eventLog.add('page', { type: 'underrun', count }),
});

const transcript = new Transcript(element('log'), element('jump'));
const liveRegion = new LiveRegion(element('live-region'));
const banner = new Banner(element('banner'), ({ remedy }) => REMEDIES[remedy]());
const controls = new Controls({
  onConnect: toggleConnection,
  onRecord: toggleRecording,
  onMute: () => settings.set('muted', !settings.values.muted),
});
const orb = new Orb(/** @type {HTMLCanvasElement} */ (element('orb')), (shown) =>
  levelOf(shown === 'speaking' ? speaker.analyser : microphone.analyser),
);
const diagnostics = new DiagnosticsDrawer(element('diagnostics'), eventLog);
const stats = new Stats(element('stats'), () => diagnostics.open());
const settingsDialog = new SettingsDialog(/** @type {HTMLDialogElement} */ (element('settings')), {
  values: () => settings.values,
  voices: CHOICES.voice,
  microphones: () => Microphone.list(),
  speakers: () => device.outputs(),
  level: () => levelOf(microphone.analyser),
  onChange: (name, value) => settings.set(/** @type {keyof SettingValues} */ (name), value),
  onReset: () => settings.reset(),
});

const speechInput = new SpeechInput({
  turnTaking: () => settings.values.turnTaking,
  onSpeech: (pcm) => audioLog.addSpeech(pcm),
  onSilence: (isSilent) => (isSilent ? banner.show(problem('silent')) : banner.hide('silent')),
  onPushEnded: (isTooShort) => turns.endPush(isTooShort),
});
const speechOutput = new SpeechOutput({
  speaker,
  conversation,
  onAudio: (itemId, pcm) => audioLog.addAnswer(itemId, pcm),
  onCut: (itemId, heardMs) => {
    orb.flash();
    audioLog.endAnswer(itemId, heardMs);
  },
  onTiming: (timing) => eventLog.addTiming(timing),
  onUnreadable: logUnreadable,
});
const turns = new TurnController({
  speechInput,
  speechOutput,
  conversation,
  state,
  problems: banner,
  onUsage: (usage) => eventLog.addUsage(usage),
});
const session = new ReconnectingSession({
  server: {
    connect: (handlers) => new Connection(new URL('ws', location.href.replace(/^http/, 'ws')).href, handlers),
    whyRefused,
    isAlive,
    isOnline: () => navigator.onLine,
  },
  settings: () => settings.values,
  turns: () => conversation.turns,
  settled: () => Promise.allSettled([restored, turns.silenced]),
  isQuiet: () => turns.isQuiet,
  handlers: {
    onOpening: () => voiceChat.onOpening(),
    onLive: (live, seed) => voiceChat.onLive(live, seed),
    onReplaced: (next) => voiceChat.onReplaced(next),
    onLost: (reason, retryAtMs) => voiceChat.onLost(reason, retryAtMs),
    onRetrying: () => voiceChat.onRetrying(),
    onOver: (outcome, reason) => voiceChat.onOver(outcome, reason),
    onEvent: (event) => turns.receive(event),
    onReceived: (event) => {
      eventLog.add('received', event);
      idleTimer.see(event);
    },
    onSent: (event) => eventLog.add('sent', event),
    onUnreadable: logUnreadable,
  },
});
const microphoneControl = new MicrophoneControl({
  device,
  microphone,
  deviceId: () => settings.values.microphone,
  state,
  problems: banner,
});
const voiceChat = new VoiceChat({
  ...{ session, turns, conversation, state },
  microphone: microphoneControl,
  problems: banner,
});
const idleTimer = new IdleTimer({
  onWarning: () => banner.show(problem('idle-soon')),
  onActive: () => banner.hide('idle-soon'),
});

/** What the banner's button does. @type {Record<Problem['remedy'], () => unknown>} */
const REMEDIES = {
  connect: () => voiceChat.connect(),
  retry: () => session.retryNow(),
  answer: () => turns.ask(),
  record: () => voiceChat.startRecording(),
  settings: () => settingsDialog.open(),
  sound: () => microphoneControl.openDevice(),
  reload: () => location.reload(),
  continue: () => session.updateSettings(), // the service answers with session.updated, which the relay counts as activity
  dismiss: () => {},
};

const updateSession = () => session.updateSettings();

/** What else a changed setting changes. The voice waits for the next session. @type {Partial<Record<keyof SettingValues, () => unknown>>} */
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
  render();
}

function render() {
  const { facts } = state;
  const isLive = facts.session === 'live';
  const isRecording = facts.microphone === 'on';
  const shown = stateOf(facts);
  controls.render(shown, {
    retryAtMs: facts.retryAtMs,
    isRecording,
    isPushToTalk: speechInput.isPushToTalk,
    isMuted: settings.values.muted,
  });
  settingsDialog.showRecording(isRecording);
  stats.showEnd(session.endsAtMs(sessionLimitMs));
  orb.show(shown);
  if (isLive) return;
  idleTimer.stop();
  banner.hide('idle-soon');
}

function showActions() {
  element('conversation-actions').hidden = conversation.turns.length === 0;
}

/** @param {string} text that is no event, or no audio */
function logUnreadable(text) {
  eventLog.add('page', { type: 'unreadable', frame: text.slice(0, 200) });
}

function toggleConnection() {
  banner.hide();
  if (['opening', 'live', 'retrying'].includes(state.facts.session)) voiceChat.disconnect();
  else voiceChat.connect();
}

function toggleRecording() {
  if (state.facts.microphone === 'on') voiceChat.stopRecording();
  else voiceChat.startRecording();
}

async function clear() {
  await voiceChat.clear();
  audioLog.clear();
  await store.clear();
}

/** @type {import('./ui/shortcuts.js').ShortcutActions} */
const actions = {
  press: () => turns.press(),
  release: () => speechInput.release(),
  toggleRecording,
  interrupt: () => turns.interrupt(),
  write: () => element('message').focus(),
  explain: () => /** @type {HTMLDialogElement} */ (element('shortcuts')).showModal(),
};

button('clear').addEventListener('click', clear);
button('open-settings').addEventListener('click', () => settingsDialog.open());
button('open-shortcuts').addEventListener('click', actions.explain);
bindPushButton(button('push'), actions);
bindShortcuts(actions, () => speechInput.isPushToTalk);
bindComposer(/** @type {HTMLFormElement} */ (element('composer')), (text) => voiceChat.sendMessage(text));
bindDownloads(/** @type {HTMLDetailsElement} */ (element('download-menu')), {
  txt: () => new Blob([toText(conversation.turns)], { type: 'text/plain' }),
  md: () => new Blob([toMarkdown(conversation.turns)], { type: 'text/markdown' }),
  json: () => new Blob([toJson(conversation.turns, eventLog.timings)], { type: 'application/json' }),
  wav: async () => {
    audioLog.flushSpeech();
    return stereoWav(await store.sounds());
  },
});
for (const example of document.querySelectorAll('.example'))
  example.addEventListener('click', () => voiceChat.sendMessage(example.textContent));

watchForWakeEvents(() => session.wake());
speaker.muted = settings.values.muted;
device.chooseOutput(settings.values.speaker);
render();
document.body.inert = false; // every button works from here on

const { server } = await fetchServerInfo();
if (server) {
  showServerInfo(server);
  if (server.mode === 'simulator') stats.omitPrice();
  sessionLimitMs = server.session_minutes * 60_000;
  idleTimer.limitMs = server.idle_minutes * 60_000;
  eventLog.about = { service: server, browser: navigator.userAgent };
}
