import assert from 'node:assert/strict';
import { globSync } from 'node:fs';
import { test } from 'node:test';
import { allImports, PAGE, runtimeImports } from './modules.js';

/**
 * What the modules of each folder may import, for code or for types, beside their own folder: folders, or single files.
 * The longest matching key counts.
 */
const MAY_IMPORT = {
  'audio/': [],
  'problems/': [],
  'realtime/': ['audio/format.js'],
  'store/': ['audio/format.js', 'realtime/'],
  'voice-chat/': ['audio/', 'problems/', 'realtime/'],
  'diagnostics/': ['realtime/', 'voice-chat/reply-latency.js'],
  'server-info.js': [],
  'ui/': ['problems/', 'realtime/turn-list.js', 'server-info.js', 'voice-chat/state.js'],
  'ui/appearance.js': ['store/settings.js'], // it applies the stored theme before the first paint
  'app.js': [''],
};
const KEYS = Object.keys(MAY_IMPORT).toSorted((one, other) => other.length - one.length);

const modules = globSync('**/*.js', { cwd: PAGE }).map((path) => path.replaceAll('\\', '/'));

for (const module of modules) {
  const key = KEYS.find((start) => module.startsWith(start));
  const folder = module.slice(0, module.lastIndexOf('/') + 1);

  test(`${module} imports only what its folder may`, () => {
    assert.ok(key, 'there is no rule for this module');
    const allowed = MAY_IMPORT[/** @type {keyof typeof MAY_IMPORT} */ (key)];
    const forbidden = allImports(module).filter(
      (imported) =>
        !(folder && imported.startsWith(folder)) && !allowed.some((start) => imported.startsWith(start)),
    );
    assert.deepEqual(forbidden, []);
  });

  test(`${module} imports nothing that imports it`, () => {
    const reached = new Set(runtimeImports(module));
    for (const next of reached) for (const imported of runtimeImports(next)) reached.add(imported); // grows while it is walked
    assert.equal(reached.has(module), false);
  });
}

for (const worklet of modules.filter((module) => module.endsWith('-worklet.js')))
  test(`${worklet} imports only modules of audio/`, () => {
    const outside = allImports(worklet).filter((imported) => !imported.startsWith('audio/'));
    assert.deepEqual(outside, []);
  });

test('nothing imports app.js', () => {
  const importers = modules.filter((module) => allImports(module).includes('app.js'));
  assert.deepEqual(importers, []);
});
