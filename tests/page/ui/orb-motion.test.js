import assert from 'node:assert/strict';
import { test } from 'node:test';
import { MOTIONS, STILL } from '../../../public/ui/orb-motion.js';

test('any two states differ by shape or motion, not by colour alone', () => {
  const looks = Object.entries(MOTIONS).map(([state, { colour, glow, ...shape }]) => ({ state, shape }));
  for (const one of looks)
    for (const other of looks)
      if (one !== other) assert.notDeepEqual(one.shape, other.shape, `${one.state} and ${other.state}`);
});

test('states in which nothing moves have no waves and hardly any swirl', () => {
  for (const state of STILL) {
    assert.ok(MOTIONS[state].swirl <= 0.02, state);
    assert.equal(MOTIONS[state].wobble, 0, state);
  }
});
