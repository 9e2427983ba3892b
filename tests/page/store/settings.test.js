import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { silenceMs } from '../../../public/realtime/dialect.js';
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

test('a changed setting is stored, and reported once', () => {
  const storage = memory();
  /** @type {unknown[]} */
  const reported = [];
  const settings = new Settings(storage, (values, name) => reported.push([name, values.voice]));
  settings.set('voice', 'marin');
  settings.set('voice', 'marin');
  assert.deepEqual(reported, [['voice', 'marin']]);
  assert.equal(new Settings(storage, () => {}).values.voice, 'marin');
});

test('reset restores the defaults and deletes what was stored', () => {
  const storage = memory('{"theme":"dark"}');
  const settings = new Settings(storage, () => {});
  assert.equal(settings.values.theme, 'dark');
  settings.reset();
  assert.deepEqual(settings.values, DEFAULTS);
  assert.equal(storage.kept.stored, null);
});

const UNUSABLE = [
  '{',
  'null',
  '7',
  '"x"',
  '[]',
  '{"voice":"hal","muted":"yes","theme":7,"unknown":1,"constructor":2}',
];
for (const stored of UNUSABLE)
  test(`the stored text ${stored} is ignored`, () => {
    assert.deepEqual(new Settings(memory(stored), () => {}).values, DEFAULTS);
  });

test('each default is among its choices', () => {
  for (const [name, choices] of Object.entries(CHOICES))
    assert.ok(choices.includes(String(DEFAULTS[/** @type {keyof typeof CHOICES} */ (name)])), name);
});

const HTML = readFileSync(new URL('../../../public/index.html', import.meta.url), 'utf8');
for (const name of ['turnTaking', 'noiseReduction', 'captions', 'theme'])
  test(`the settings dialog offers every choice of ${name}`, () => {
    const offered = [...HTML.matchAll(new RegExp(`name="${name}" value="([^"]+)"`, 'g'))].map(
      ([, value]) => value,
    );
    assert.deepEqual(offered, CHOICES[/** @type {keyof typeof CHOICES} */ (name)]);
  });

test('the settings dialog names the pauses that the session is set to', () => {
  for (const name of /** @type {const} */ (['quick', 'normal', 'patient']))
    assert.ok(HTML.includes(`<small>${name}, ${Number(silenceMs(name)) / 1000} s</small>`), name);
});
