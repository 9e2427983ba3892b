/** Bridge the two dialects of the Realtime API, preview and GA: one name for each server event, one place for each setting. Pure. */

import { SAMPLE_RATE_HZ } from '../audio/format.js';

/** @typedef {'preview' | 'ga'} Dialect */
/** @typedef {{ type: string, [field: string]: any }} RealtimeEvent */
/** @typedef {'quick' | 'normal' | 'patient' | 'push-to-talk'} TurnTaking what ends the user's turn: a pause, or releasing a key */

/**
 * @typedef {object} SessionSettings
 * @property {string} instructions
 * @property {string} voice
 * @property {TurnTaking} turnTaking
 * @property {'off' | 'near_field' | 'far_field'} noiseReduction
 */

/** @typedef {{ id: string, role: 'user' | 'assistant', text: string }} Message */

/** Preview's names of server events that have another name in GA. */
const GA_NAMES = new Map([
  ['conversation.item.created', 'conversation.item.added'],
  ['response.text.delta', 'response.output_text.delta'],
  ['response.text.done', 'response.output_text.done'],
  ['response.audio.delta', 'response.output_audio.delta'],
  ['response.audio.done', 'response.output_audio.done'],
  ['response.audio_transcript.delta', 'response.output_audio_transcript.delta'],
  ['response.audio_transcript.done', 'response.output_audio_transcript.done'],
]);

/** How long a pause must be to end the user's turn. */
const SILENCE_MS = { quick: 200, normal: 500, patient: 900 };

const VAD_THRESHOLD = 0.5;
const PREFIX_PADDING_MS = 300;
const TRANSCRIPTION_MODEL = 'whisper-1';

/**
 * The event under its GA name.
 * @param {RealtimeEvent} event a server event of either dialect
 * @returns {RealtimeEvent}
 */
export function toGaName(event) {
  const type = GA_NAMES.get(event.type);
  return type ? { ...event, type } : event;
}

/**
 * Recognise the dialect of a session by session.created.
 * @param {{ type?: unknown, audio?: unknown } | undefined} session
 * @returns {Dialect}
 */
export function dialectOf(session) {
  return session?.type !== undefined || session?.audio !== undefined ? 'ga' : 'preview';
}

/**
 * The silence in ms that ends the user's turn; null when releasing a key ends it.
 * @param {TurnTaking} turnTaking
 */
export function silenceMs(turnTaking) {
  return turnTaking === 'push-to-talk' ? null : SILENCE_MS[turnTaking];
}

/** @param {SessionSettings} settings */
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
 * @param {SessionSettings} settings
 * @param {{ live?: boolean }} [when] live: the session is in use. The update then leaves out the voice, which the API
 *   refuses to change once the assistant has spoken, and switches noise reduction off if that is the setting.
 * @returns {RealtimeEvent}
 */
export function sessionUpdate(dialect, settings, { live = false } = {}) {
  const { instructions, voice, noiseReduction } = settings;
  const noise = noiseReduction === 'off' ? null : { type: noiseReduction };
  const sendNoise = noise !== null || live; // some services do not know this setting: do not send it to them unless it was chosen
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
      output_modalities: ['audio'], // in GA, 'audio' includes the transcript
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
 * Build the conversation.item.create for a message, be it written now or restored from an earlier session.
 * @param {Dialect} dialect
 * @param {Message} message
 * @returns {RealtimeEvent}
 */
export function messageItem(dialect, { id, role, text }) {
  const assistantType = dialect === 'ga' ? 'output_text' : 'text';
  const type = role === 'user' ? 'input_text' : assistantType;
  return { type: 'conversation.item.create', item: { id, type: 'message', role, content: [{ type, text }] } };
}
