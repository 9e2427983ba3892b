/** npm @openai/agents-realtime: `RealtimeSession` over a websocket. */
import assert from 'node:assert/strict';
import { afterEach, it } from 'node:test';
import { OpenAIRealtimeWebSocket, RealtimeAgent, RealtimeSession, tool } from '@openai/agents-realtime';
import { RELAY, speech, WEATHER_PARAMETERS, weatherIn } from './speech.js';

const getWeather = tool({
  name: 'get_weather',
  description: 'Tell the weather in a city.',
  parameters: WEATHER_PARAMETERS,
  strict: true,
  execute: weatherIn,
});
let session;

/** Open a session and note the sound that it tells of. */
async function start(agent, config = {}) {
  session = new RealtimeSession(agent, {
    transport: new OpenAIRealtimeWebSocket(),
    config: { audio: { input: { turnDetection: { type: 'server_vad' } } }, ...config },
    tracingDisabled: true,
  });
  session.heardBytes = 0;
  session.on('audio', ({ data }) => {
    session.heardBytes += data.byteLength;
  });
  session.on('error', ({ error }) => {
    session.failure ??= error;
  });
  await session.connect({ apiKey: 'any', model: 'any', url: `${RELAY}/ws` });
  return session;
}

/** Wait until one side's words in the history match. */
async function words(role, pattern) {
  const said = () =>
    session.history
      .filter((item) => item.role === role)
      .flatMap(({ content }) => content)
      .map((part) => part.transcript ?? part.text ?? '')
      .join(' ');
  while (!pattern.test(said())) await event('history_updated');
  return said();
}

function event(name) {
  return new Promise((resolve) => {
    const listener = (...values) => {
      session.off(name, listener);
      resolve(values);
    };
    session.on(name, listener);
  });
}

const agent = new RealtimeAgent({ name: 'Weather', instructions: 'Be brief.', tools: [getWeather] });

afterEach(() => {
  session?.close();
  assert.equal(session?.failure, undefined);
});

it('has a typed turn answered aloud', async () => {
  await start(agent);
  session.sendMessage('Tell me about penguins.');
  await event('agent_end');
  await words('assistant', /penguins/);
  assert.ok(session.heardBytes > 48_000);
});

it('has a spoken turn transcribed and answered aloud', async () => {
  await start(agent);
  const ended = event('agent_end');
  for (const piece of speech()) session.sendAudio(new Uint8Array(piece).buffer);
  await ended;
  await words('user', /of speech/);
  await words('assistant', /./);
  assert.ok(session.heardBytes > 48_000);
});

it('has a tool run and its output spoken', async () => {
  await start(agent);
  const ended = event('agent_tool_end');
  session.sendMessage('What is the weather in Paris?');
  const [, , , result] = await ended;
  assert.equal(result, 'Paris: 11 degrees and rain');
  await words('assistant', /Paris: 11 degrees and rain/);
  assert.ok(session.heardBytes > 48_000);
});

it('is interrupted by speech', async () => {
  await start(agent);
  const speaking = event('audio');
  session.sendMessage('/long');
  await speaking;
  const interrupted = event('audio_interrupted');
  for (const piece of speech()) session.sendAudio(new Uint8Array(piece).buffer);
  await interrupted;
});

it('is interrupted by the program', async () => {
  await start(agent);
  const speaking = event('audio');
  session.sendMessage('/long');
  await speaking;
  session.interrupt();
  session.sendMessage('Tell me about penguins.');
  await words('assistant', /penguins/);
});

it('hands over to another agent', async () => {
  const billing = new RealtimeAgent({
    name: 'Billing',
    instructions: 'Begin with "You have reached billing".',
  });
  await start(new RealtimeAgent({ name: 'Desk', instructions: 'Hand over.', handoffs: [billing] }));
  const handed = event('agent_handoff');
  session.sendMessage('Please transfer me to billing.');
  const [, from, to] = await handed;
  assert.deepEqual([from.name, to.name], ['Desk', 'Billing']);
  await words('assistant', /reached billing/);
});

it('answers in text', async () => {
  await start(agent, { outputModalities: ['text'] });
  session.sendMessage('Tell me about penguins.');
  await words('assistant', /penguins/);
  assert.equal(session.heardBytes, 0);
});
