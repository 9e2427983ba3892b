import assert from 'node:assert/strict';
import { test } from 'node:test';
import { newId } from '../../../public/realtime/ids.js';

test('ids are new each time, and no longer than the API accepts', () => {
  const [one, two] = [newId(), newId()];
  assert.notEqual(one, two);
  assert.ok(one.length <= 32);
});
