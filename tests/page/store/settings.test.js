import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CHOICES, DEFAULTS, Settings } from '../../../public/store/settings.js';

/** @param {string | null} [stored] */
function memory(stored = null) {
  const kept = { stored };
  return {
    kept,
    getItem: () => kept.stored,
    setItem: (/** @type {string} */ _, /** @type {string} */ value) => {
      kept.stored = value;
    },
    removeItem: () => {
      kept.stored = null;
    },
  };
}

test('what was chosen is kept and told', () => {
  const storage = memory();
  /** @type {unknown[]} */
  const told = [];
  const settings = new Settings(storage, (values, name) => told.push([name, values.voice]));
  settings.set('voice', 'marin');
  settings.set('voice', 'marin');
  assert.deepEqual(told, [['voice', 'marin']]);
  assert.equal(new Settings(storage, () => {}).values.voice, 'marin');
});

test('reset puts everything back and forgets', () => {
  const storage = memory('{"theme":"dark"}');
  const settings = new Settings(storage, () => {});
  assert.equal(settings.values.theme, 'dark');
  settings.reset();
  assert.deepEqual(settings.values, DEFAULTS);
  assert.equal(storage.kept.stored, null);
});

test('a damaged or foreign store is not believed', () => {
  for (const stored of [
    '{',
    'null',
    '7',
    '"x"',
    '[]',
    '{"voice":"hal","muted":"yes","theme":7,"unknown":1,"constructor":2}',
  ])
    assert.deepEqual(new Settings(memory(stored), () => {}).values, DEFAULTS, stored);
});

test('each default is one of its choices', () => {
  for (const [name, choices] of Object.entries(CHOICES))
    assert.ok(choices.includes(String(DEFAULTS[/** @type {keyof typeof CHOICES} */ (name)])), name);
});
