import assert from 'node:assert/strict';
import { test } from 'node:test';
import { WakeLock } from '../../../public/audio/wake-lock.js';
import { FakeDocument } from './fakes.js';

function setUp() {
  const sentinels = /** @type {{released: boolean}[]} */ ([]);
  const document = new FakeDocument();
  const navigator = {
    wakeLock: {
      async request() {
        const sentinel = {
          released: false,
          async release() {
            sentinel.released = true;
          },
        };
        sentinels.push(sentinel);
        return sentinel;
      },
    },
  };
  const wakeLock = new WakeLock(/** @type {any} */ ({ navigator, document }));
  return { wakeLock, sentinels, document, navigator };
}

test('it is asked for, asked for again when the page comes back, and given back', async () => {
  const { wakeLock, sentinels, document } = setUp();
  await wakeLock.hold();
  document.become('hidden');
  assert.equal(sentinels.length, 1);
  document.become('visible');
  await wakeLock.release();
  assert.equal(sentinels.length, 2);
  document.become('visible');
  assert.equal(sentinels.length, 2);
  assert.equal(sentinels[1].released, true);
});

test('one that is granted too late is given back', async () => {
  const { wakeLock, sentinels } = setUp();
  const held = wakeLock.hold();
  await wakeLock.release();
  await held;
  assert.equal(sentinels[0].released, true);
});

test('a low battery or a browser without wake locks stops nobody from talking', async () => {
  const { wakeLock, navigator } = setUp();
  navigator.wakeLock.request = async () => {
    throw new DOMException('low battery', 'NotAllowedError');
  };
  await wakeLock.hold();
  await wakeLock.release();
  const without = new WakeLock(/** @type {any} */ ({ navigator: {}, document: new FakeDocument() }));
  await without.hold();
  await without.release();
});
