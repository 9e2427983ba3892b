/** npm openai: `OpenAIRealtimeWS`, by itself and for Azure. */
import assert from 'node:assert/strict';
import { after, describe, it } from 'node:test';
import OpenAI, { AzureOpenAI } from 'openai';
import { OpenAIRealtimeWS } from 'openai/realtime/ws';
import { speech, TLS_RELAY, WEATHER_PARAMETERS, weatherIn } from './speech.js';

const HTTPS = TLS_RELAY.replace('wss', 'https');
const TOOL = { type: 'function', name: 'get_weather', parameters: WEATHER_PARAMETERS };
const CLIENTS = {
  OpenAI: () => new OpenAIRealtimeWS({ model: 'any' }, new OpenAI({ apiKey: 'any', baseURL: `${HTTPS}/v1` })),
  AzureOpenAI: () =>
    OpenAIRealtimeWS.azure(
      new AzureOpenAI({ apiKey: 'any', apiVersion: 'v1', endpoint: HTTPS, deployment: 'any' }),
    ),
};

/** A connection whose events can be waited for one after the other. */
class Conversation {
  constructor(realtime) {
    this.realtime = realtime;
    this.events = [];
    this.waiting = () => {};
    realtime.on('event', (event) => {
      this.events.push(event);
      this.waiting();
    });
    realtime.on('error', (error) => {
      this.failure = error;
      this.waiting();
    });
  }

  /** Return the next event of a type, and drop it and those before it into `seen`. */
  async until(type) {
    this.seen = [];
    for (;;) {
      if (this.failure) throw this.failure;
      const event = this.events.shift();
      if (event === undefined) {
        await new Promise((resolve) => {
          this.waiting = resolve;
        });
        continue;
      }
      this.seen.push(event);
      if (event.type === type) return event;
    }
  }

  send(type, fields = {}) {
    this.realtime.send({ type, ...fields });
  }

  async ask(text) {
    const content = [{ type: 'input_text', text }];
    this.send('conversation.item.create', { item: { type: 'message', role: 'user', content } });
    this.send('response.create');
    return (await this.until('response.done')).response;
  }

  speak() {
    for (const piece of speech()) this.send('input_audio_buffer.append', { audio: piece.toString('base64') });
  }

  soundBytes() {
    const deltas = this.seen.filter(({ type }) => type === 'response.output_audio.delta');
    return deltas.reduce((sum, { delta }) => sum + Buffer.from(delta, 'base64').length, 0);
  }
}

for (const [name, connect] of Object.entries(CLIENTS)) {
  describe(name, () => {
    const open = [];
    const start = async (settings = {}) => {
      const conversation = new Conversation(await connect());
      open.push(conversation);
      await conversation.until('session.created');
      conversation.send('session.update', { session: { type: 'realtime', ...settings } });
      await conversation.until('session.updated');
      return conversation;
    };
    after(() => {
      for (const { realtime } of open) realtime.close();
    });

    it('has a typed turn answered aloud', async () => {
      const conversation = await start();
      const response = await conversation.ask('Tell me about penguins.');
      assert.match(response.output[0].content[0].transcript, /penguins/);
      assert.ok(conversation.soundBytes() > 48_000);
    });

    it('has a typed turn answered in text', async () => {
      const conversation = await start({ output_modalities: ['text'] });
      const response = await conversation.ask('Tell me about penguins.');
      assert.match(response.output[0].content[0].text, /penguins/);
      assert.equal(conversation.soundBytes(), 0);
    });

    it('has a spoken turn transcribed and answered aloud', async () => {
      const conversation = await start({ audio: { input: { transcription: { model: 'whisper-1' } } } });
      conversation.speak();
      const { response } = await conversation.until('response.done');
      const words = conversation.seen.find(({ type }) =>
        type.endsWith('input_audio_transcription.completed'),
      );
      assert.match(words.transcript, /of speech/);
      assert.equal(response.status, 'completed');
      assert.ok(conversation.soundBytes() > 48_000);
    });

    it('has a tool called and its output spoken of', async () => {
      const conversation = await start({ tools: [TOOL] });
      const { output } = await conversation.ask('What is the weather in Paris?');
      const call = output.find(({ type }) => type === 'function_call');
      const item = {
        type: 'function_call_output',
        call_id: call.call_id,
        output: weatherIn(JSON.parse(call.arguments)),
      };
      conversation.send('conversation.item.create', { item });
      conversation.send('response.create');
      const { response } = await conversation.until('response.done');
      assert.match(response.output[0].content[0].transcript, /Paris: 11 degrees and rain/);
      assert.ok(conversation.soundBytes() > 48_000);
    });

    it('is interrupted by speech', async () => {
      const conversation = await start();
      const content = [{ type: 'input_text', text: '/long' }];
      conversation.send('conversation.item.create', { item: { type: 'message', role: 'user', content } });
      conversation.send('response.create');
      const { item_id } = await conversation.until('response.output_audio.delta');
      conversation.speak();
      await conversation.until('input_audio_buffer.speech_started');
      conversation.send('conversation.item.truncate', { item_id, content_index: 0, audio_end_ms: 50 });
      const { response } = await conversation.until('response.done');
      assert.equal(response.status_details.reason, 'turn_detected');
      await conversation.until('conversation.item.truncated');
    });

    it('tells of an error', async () => {
      const conversation = await start();
      conversation.send('conversation.item.delete', { item_id: 'none' });
      await assert.rejects(conversation.until('conversation.item.deleted'), /does not exist/);
    });
  });
}
