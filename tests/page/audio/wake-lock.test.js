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

test('it is requested, requested again when the page is shown again, and released', async () => {
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

test('a lock that is granted after the release is released at once', async () => {
  const { wakeLock, sentinels } = setUp();
  const held = wakeLock.hold();
  await wakeLock.release();
  await held;
  assert.equal(sentinels[0].released, true);
});

test('a low battery, or a browser without wake locks, causes no error', async () => {
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
