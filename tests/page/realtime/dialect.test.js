import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  dialectOf,
  messageItem,
  sessionUpdate,
  silenceMs,
  toGaName,
} from '../../../public/realtime/dialect.js';
import { DEFAULTS } from '../../../public/store/settings.js';

const SERVER_VAD = {
  type: 'server_vad',
  threshold: 0.5,
  prefix_padding_ms: 300,
  silence_duration_ms: 200,
  create_response: true,
  interrupt_response: true,
};

test('the session.update of a preview session has every setting', () => {
  assert.deepEqual(sessionUpdate('preview', { ...DEFAULTS, instructions: 'Be brief.' }), {
    type: 'session.update',
    session: {
      modalities: ['text', 'audio'],
      instructions: 'Be brief.',
      voice: 'alloy',
      input_audio_format: 'pcm16',
      output_audio_format: 'pcm16',
      input_audio_transcription: { model: 'whisper-1' },
      turn_detection: SERVER_VAD,
    },
  });
});

test('the session.update of a GA session has the same settings in the shape of GA', () => {
  const format = { type: 'audio/pcm', rate: 24000 };
  assert.deepEqual(sessionUpdate('ga', { ...DEFAULTS, instructions: 'Be brief.' }), {
    type: 'session.update',
    session: {
      type: 'realtime',
      instructions: 'Be brief.',
      output_modalities: ['audio'],
      audio: {
        input: { format, transcription: { model: 'whisper-1' }, turn_detection: SERVER_VAD },
        output: { format, voice: 'alloy' },
      },
    },
  });
});

test('the session.update of a live session leaves out the voice and can switch noise reduction off', () => {
  const preview = sessionUpdate('preview', DEFAULTS, { live: true }).session;
  assert.equal('voice' in preview, false);
  assert.equal(preview.input_audio_noise_reduction, null);
  const ga = sessionUpdate('ga', DEFAULTS, { live: true }).session.audio;
  assert.equal('voice' in ga.output, false);
  assert.equal(ga.input.noise_reduction, null);
});

test('noise reduction is sent in both dialects once it was chosen', () => {
  const settings = { ...DEFAULTS, noiseReduction: /** @type {const} */ ('near_field') };
  assert.deepEqual(sessionUpdate('preview', settings).session.input_audio_noise_reduction, {
    type: 'near_field',
  });
  assert.deepEqual(sessionUpdate('ga', settings).session.audio.input.noise_reduction, { type: 'near_field' });
});

test('push-to-talk switches turn detection off', () => {
  const settings = { ...DEFAULTS, turnTaking: /** @type {const} */ ('push-to-talk') };
  assert.equal(silenceMs(settings.turnTaking), null);
  assert.equal(sessionUpdate('preview', settings).session.turn_detection, null);
  assert.equal(sessionUpdate('ga', settings).session.audio.input.turn_detection, null);
});

test('each choice of turn taking has its own silence', () => {
  const of = (/** @type {'quick' | 'normal' | 'patient'} */ turnTaking) =>
    sessionUpdate('preview', { ...DEFAULTS, turnTaking }).session.turn_detection.silence_duration_ms;
  assert.deepEqual([of('quick'), of('normal'), of('patient')], [200, 500, 900]);
});

const PREVIEW_TO_GA = {
  'conversation.item.created': 'conversation.item.added',
  'response.text.delta': 'response.output_text.delta',
  'response.text.done': 'response.output_text.done',
  'response.audio.delta': 'response.output_audio.delta',
  'response.audio.done': 'response.output_audio.done',
  'response.audio_transcript.delta': 'response.output_audio_transcript.delta',
  'response.audio_transcript.done': 'response.output_audio_transcript.done',
};
for (const [preview, ga] of Object.entries(PREVIEW_TO_GA))
  test(`${preview} becomes ${ga}, which stays as it is`, () => {
    assert.deepEqual(toGaName({ type: preview, item_id: 'a' }), { type: ga, item_id: 'a' });
    assert.deepEqual(toGaName({ type: ga }), { type: ga });
  });

for (const type of ['response.done', 'constructor', '', 'rate_limits.updated'])
  test(`the event type "${type}" stays as it is`, () => {
    assert.equal(toGaName({ type }).type, type);
  });

test('the dialect is recognised by the session in session.created', () => {
  assert.equal(dialectOf({ type: 'realtime' }), 'ga');
  assert.equal(dialectOf({ audio: {} }), 'ga');
  assert.equal(dialectOf({}), 'preview');
  assert.equal(dialectOf(undefined), 'preview');
});

test('a message has the content type of its dialect and role', () => {
  const typeOf = (/** @type {'preview' | 'ga'} */ dialect, /** @type {'user' | 'assistant'} */ role) =>
    messageItem(dialect, { id: 'a', role, text: 'Hi' }).item.content[0].type;
  assert.deepEqual(
    [
      typeOf('preview', 'user'),
      typeOf('ga', 'user'),
      typeOf('preview', 'assistant'),
      typeOf('ga', 'assistant'),
    ],
    ['input_text', 'input_text', 'text', 'output_text'],
  );
});
