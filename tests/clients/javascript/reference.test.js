/** npm openai-realtime-api: the published copy of openai's older reference client, of the preview dialect. */
import assert from 'node:assert/strict';
import { afterEach, it } from 'node:test';
import { RealtimeClient } from 'openai-realtime-api';
import { RELAY, speech, WEATHER_PARAMETERS, weatherIn } from './speech.js';

const TOOL = {
  name: 'get_weather',
  description: 'Tell the weather in a city.',
  parameters: WEATHER_PARAMETERS,
};
let client;
let failure;

async function start(sessionConfig = {}, addTools = () => {}) {
  client = new RealtimeClient({ apiKey: 'any', url: `${RELAY}/v1/realtime`, sessionConfig });
  failure = undefined;
  client.on('error', ({ error }) => {
    failure = error;
  });
  addTools();
  await client.connect();
  await client.waitForSessionCreated();
}

function ask(text) {
  client.sendUserMessageContent([{ type: 'input_text', text }]);
}

/** Return the next item of the assistant that is complete. */
async function answer(type = 'message') {
  for (;;) {
    const item = await client.waitForNextCompletedItem();
    if (item.role !== 'user' && item.type === type) return item;
  }
}

afterEach(() => {
  client?.disconnect();
  assert.equal(failure, undefined);
});

it('has a typed turn answered aloud', async () => {
  await start();
  ask('Tell me about penguins.');
  const { formatted } = await answer();
  assert.match(formatted.transcript, /penguins/);
  assert.ok(formatted.audio.length > 24_000);
});

it('has a typed turn answered in text', async () => {
  await start({ modalities: ['text'] });
  ask('Tell me about penguins.');
  assert.match((await answer()).formatted.text, /penguins/);
});

it('has a spoken turn committed, transcribed and answered aloud', async () => {
  await start();
  for (const piece of speech()) client.appendInputAudio(new Uint8Array(piece).buffer);
  client.createResponse();
  const { formatted } = await answer();
  assert.ok(formatted.audio.length > 24_000);
  const [said] = client.conversation.getItems();
  assert.match(said.formatted.transcript, /of speech/);
});

it('has a spoken turn detected and answered aloud', async () => {
  await start({ turn_detection: { type: 'server_vad' } });
  for (const piece of speech()) client.appendInputAudio(new Uint8Array(piece).buffer);
  const { formatted } = await answer();
  assert.ok(formatted.audio.length > 24_000);
});

it('has a tool run and its output spoken', async () => {
  await start({}, () => client.addTool(TOOL, weatherIn));
  ask('What is the weather in Paris?');
  const { formatted } = await answer('function_call');
  assert.deepEqual(JSON.parse(formatted.tool.arguments), { city: 'Paris' });
  assert.match((await answer()).formatted.transcript, /Paris: 11 degrees and rain/);
});

it('is interrupted by speech', async () => {
  await start({ turn_detection: { type: 'server_vad' } });
  const speaking = client.realtime.waitForNext('server.response.audio.delta');
  ask('/long');
  await speaking;
  const interrupted = new Promise((resolve) => client.on('conversation.interrupted', resolve));
  for (const piece of speech()) client.appendInputAudio(new Uint8Array(piece).buffer);
  await interrupted;
});

it('cancels a response and truncates it to what was heard', async () => {
  await start();
  const speaking = client.realtime.waitForNext('server.response.audio.delta');
  ask('/long');
  const { item_id } = await speaking;
  const truncated = client.realtime.waitForNext('server.conversation.item.truncated');
  client.cancelResponse(item_id, 1200);
  assert.equal((await truncated).audio_end_ms, 50);
});

it('deletes an item', async () => {
  await start();
  ask('Tell me about penguins.');
  const { id } = await answer();
  const deleted = client.realtime.waitForNext('server.conversation.item.deleted');
  client.deleteItem(id);
  assert.equal((await deleted).item_id, id);
});
