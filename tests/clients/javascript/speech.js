/** What the clients connect to, and what they say to it. */
import { readFileSync } from 'node:fs';

const RECORDING = new URL('../../support/recordings/what_is_the_weather.wav', import.meta.url);
const HEADER_BYTES = 44;
const BYTES_PER_SECOND = 48_000;
const CHUNK_BYTES = 4800; // 100 ms

/** Address of the server: ws://HOST:PORT. */
export const RELAY = process.env.RELAY_URL ?? '';

/** The same server behind TLS, for clients that insist on it: wss://HOST:PORT. */
export const TLS_RELAY = process.env.TLS_RELAY_URL ?? '';

/** A spoken question and the silence after it, in pieces of 100 ms: mono PCM16, 24 kHz. */
export function speech() {
  const said = readFileSync(RECORDING).subarray(HEADER_BYTES);
  const pcm = Buffer.concat([said, Buffer.alloc(BYTES_PER_SECOND)]);
  const pieces = [];
  for (let start = 0; start < pcm.length; start += CHUNK_BYTES) {
    pieces.push(pcm.subarray(start, start + CHUNK_BYTES));
  }
  return pieces;
}

export const WEATHER_PARAMETERS = {
  type: 'object',
  properties: { city: { type: 'string' } },
  required: ['city'],
  additionalProperties: false,
};

export const weatherIn = ({ city }) => `${city}: 11 degrees and rain`;
