import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import test from 'node:test';
import { PAGE, runtimeImports } from './modules.js';

test('index.html preloads every module of the page, so that none is found only after another was loaded', () => {
  const html = readFileSync(new URL('index.html', PAGE), 'utf8');
  const preloaded = [...html.matchAll(/<link rel="modulepreload" href="([^"]+)" \/>/g)].map(
    ([, href]) => href,
  );
  const scripts = [...html.matchAll(/<script type="module" src="([^"]+)"/g)].map(([, src]) => String(src));
  assert.deepEqual(scripts, ['ui/appearance.js', 'app.js']);
  const needed = new Set(scripts);
  for (const module of needed) for (const imported of runtimeImports(module)) needed.add(imported); // grows while it is walked
  assert.deepEqual([...scripts, ...preloaded].sort(), [...needed].sort());
});
