/** Bridge the Realtime API's two dialects: one name per server event, one place per setting. Pure. */

/** @import { SettingValues } from '../store/settings.js' */
/** @typedef {'preview' | 'ga'} Dialect */
/** @typedef {{ type: string, [field: string]: any }} RealtimeEvent */

/** Preview names with a GA counterpart; every other name is the same in both. */
const GA_NAMES = new Map([
  ['conversation.item.created', 'conversation.item.added'],
  ['response.text.delta', 'response.output_text.delta'],
  ['response.text.done', 'response.output_text.done'],
  ['response.audio.delta', 'response.output_audio.delta'],
  ['response.audio.done', 'response.output_audio.done'],
  ['response.audio_transcript.delta', 'response.output_audio_transcript.delta'],
  ['response.audio_transcript.done', 'response.output_audio_transcript.done'],
]);

/** How long a pause ends a turn, by the patience chosen. */
const SILENCE_MS = { quick: 200, normal: 500, patient: 900 };

const VAD_THRESHOLD = 0.5;
const PREFIX_PADDING_MS = 300;
const SAMPLE_RATE_HZ = 24000;
const TRANSCRIPTION_MODEL = 'whisper-1';

/**
 * Give a server event its GA name, whichever dialect it came in.
 * @param {RealtimeEvent} event
 * @returns {RealtimeEvent}
 */
export function toGaName(event) {
  const type = GA_NAMES.get(event.type);
  return type ? { ...event, type } : event;
}

/**
 * Tell the dialect from the session that session.created carries.
 * @param {{ type?: unknown, audio?: unknown } | undefined} session
 * @returns {Dialect}
 */
export function dialectOf(session) {
  return session?.type !== undefined || session?.audio !== undefined ? 'ga' : 'preview';
}

/**
 * The silence that ends a spoken turn; null when the speaker says so by releasing a key.
 * @param {SettingValues['turnTaking']} turnTaking
 */
export function silenceMs(turnTaking) {
  return turnTaking === 'push-to-talk' ? null : SILENCE_MS[turnTaking];
}

/** @param {SettingValues} settings */
function turnDetection({ turnTaking }) {
  const silence = silenceMs(turnTaking);
  return silence === null
    ? null
    : {
        type: 'server_vad',
        threshold: VAD_THRESHOLD,
        prefix_padding_ms: PREFIX_PADDING_MS,
        silence_duration_ms: silence,
        create_response: true,
        interrupt_response: true,
      };
}

/**
 * Build the session.update for the settings.
 * @param {Dialect} dialect
 * @param {SettingValues} settings
 * @param {{ live?: boolean }} [when] live: the session runs already. Its voice is then left alone, which the API
 *   refuses to change once it has spoken, and noise reduction is switched off where it may have been on.
 * @returns {RealtimeEvent}
 */
export function sessionUpdate(dialect, settings, { live = false } = {}) {
  const { instructions, voice, noiseReduction } = settings;
  const noise = noiseReduction === 'off' ? null : { type: noiseReduction };
  const sendNoise = noise !== null || live; // a service that does not know the setting never sees it unless chosen
  const transcription = { model: TRANSCRIPTION_MODEL };

  if (dialect === 'preview') {
    return {
      type: 'session.update',
      session: {
        modalities: ['text', 'audio'],
        instructions,
        ...(!live && { voice }),
        input_audio_format: 'pcm16',
        output_audio_format: 'pcm16',
        input_audio_transcription: transcription,
        turn_detection: turnDetection(settings),
        ...(sendNoise && { input_audio_noise_reduction: noise }),
      },
    };
  }
  const format = { type: 'audio/pcm', rate: SAMPLE_RATE_HZ };
  return {
    type: 'session.update',
    session: {
      type: 'realtime',
      instructions,
      output_modalities: ['audio'], // in GA this means sound and its transcript
      audio: {
        input: {
          format,
          transcription,
          turn_detection: turnDetection(settings),
          ...(sendNoise && { noise_reduction: noise }),
        },
        output: { format, ...(!live && { voice }) },
      },
    },
  };
}

/**
 * Build the conversation.item.create that adds a written message, or one said before, to the conversation.
 * @param {Dialect} dialect
 * @param {{ id: string, role: 'user' | 'assistant', text: string }} message
 * @returns {RealtimeEvent}
 */
export function messageItem(dialect, { id, role, text }) {
  const assistantType = dialect === 'ga' ? 'output_text' : 'text';
  const type = role === 'user' ? 'input_text' : assistantType;
  return { type: 'conversation.item.create', item: { id, type: 'message', role, content: [{ type, text }] } };
}
