/** npm rt-client: Microsoft's client of the preview dialect. */
import assert from 'node:assert/strict';
import { afterEach, it } from 'node:test';
import { RTClient } from 'rt-client';
import { speech, TLS_RELAY, WEATHER_PARAMETERS, weatherIn } from './speech.js';

const TOOL = { type: 'function', name: 'get_weather', parameters: WEATHER_PARAMETERS };
let client;

async function start(settings = {}) {
  client = new RTClient(new URL(TLS_RELAY), { key: 'any' }, { deployment: 'any' });
  await client.configure({ modalities: ['text', 'audio'], turn_detection: null, ...settings });
}

async function ask(text) {
  await client.sendItem({ type: 'message', role: 'user', content: [{ type: 'input_text', text }] });
  return await client.generateResponse();
}

/** Return what a response says, and how much of it is heard. */
async function take(response) {
  const answer = { text: '', bytes: 0, calls: [] };
  for await (const item of response) {
    if (item.type === 'function_call') {
      await item.waitForCompletion();
      answer.calls.push(item);
      continue;
    }
    for await (const part of item) {
      if (part.type === 'text') {
        for await (const piece of part.textChunks()) answer.text += piece;
        continue;
      }
      const listen = async () => {
        for await (const chunk of part.audioChunks()) answer.bytes += chunk.length;
      };
      const read = async () => {
        for await (const piece of part.transcriptChunks()) answer.text += piece;
      };
      await Promise.all([listen(), read()]);
    }
  }
  return answer;
}

afterEach(async () => await client?.close());

it('receives its settings', async () => {
  await start({ instructions: 'Be brief.', temperature: 0.7 });
  assert.equal(client.session.instructions, 'Be brief.');
  assert.equal(client.session.temperature, 0.7);
});

it('turns turn detection off in its own way', async () => {
  await start({ turn_detection: { type: 'none' } });
  assert.ok(client.session);
});

it('has a typed turn answered aloud', async () => {
  await start();
  const { text, bytes } = await take(await ask('Tell me about penguins.'));
  assert.match(text, /penguins/);
  assert.ok(bytes > 48_000);
});

it('has a typed turn answered in text', async () => {
  await start({ modalities: ['text'] });
  const { text, bytes } = await take(await ask('Tell me about penguins.'));
  assert.match(text, /penguins/);
  assert.equal(bytes, 0);
});

it('has a spoken turn committed, transcribed and answered aloud', async () => {
  await start({ input_audio_transcription: { model: 'whisper-1' } });
  for (const piece of speech()) await client.sendAudio(piece);
  const item = await client.commitAudio();
  const response = await client.generateResponse();
  const { text, bytes } = await take(response);
  await item.waitForCompletion();
  assert.match(item.transcription, /of speech/);
  assert.ok(text);
  assert.ok(bytes > 48_000);
});

it('has a spoken turn detected and answered aloud', async () => {
  await start({
    turn_detection: { type: 'server_vad' },
    input_audio_transcription: { model: 'whisper-1' },
  });
  const events = client.events()[Symbol.asyncIterator]();
  for (const piece of speech()) await client.sendAudio(piece);
  const { value: item } = await events.next();
  assert.equal(item.type, 'input_audio');
  await item.waitForCompletion();
  assert.ok(item.audioEndMillis > item.audioStartMillis);
  assert.match(item.transcription, /of speech/);
  const { value: response } = await events.next();
  const { bytes } = await take(response);
  assert.ok(bytes > 48_000);
});

it('has a tool called and its output spoken of', async () => {
  await start({ tools: [TOOL], tool_choice: 'auto' });
  const { calls } = await take(await ask('What is the weather in Paris?'));
  assert.deepEqual(
    calls.map(({ functionName }) => functionName),
    ['get_weather'],
  );
  const output = weatherIn(JSON.parse(calls[0].arguments));
  await client.sendItem({ type: 'function_call_output', call_id: calls[0].callId, output });
  const { text } = await take(await client.generateResponse());
  assert.match(text, /Paris: 11 degrees and rain/);
});

it('cancels a response', async () => {
  await start();
  const response = await ask('/long');
  await response.cancel();
  await take(response);
  assert.equal(response.status, 'cancelled');
});

it('removes an item', async () => {
  await start();
  const item = await client.sendItem({
    type: 'message',
    role: 'user',
    content: [{ type: 'input_text', text: 'Forget this.' }],
  });
  await client.removeItem(item.id);
});

it('clears the audio', async () => {
  await start();
  await client.sendAudio(speech()[0]);
  await client.clearAudio();
});
