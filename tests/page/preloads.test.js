import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import test from 'node:test';

const PAGE = new URL('../../public/', import.meta.url);
const IMPORT = /^(?:import|export)\s[^;]*?'(\.[^']+)'/gm;

/**
 * Every module that the page loads at its start, in alphabetical order.
 * @param {string[]} entries
 */
function modulesBehind(...entries) {
  const found = new Set(entries.map((entry) => new URL(entry, PAGE).href));
  for (const url of found) // grows while it is walked
    for (const [, path] of readFileSync(new URL(url), 'utf8').matchAll(IMPORT))
      found.add(new URL(String(path), url).href);
  return [...found].map((url) => url.slice(PAGE.href.length)).sort();
}

test('the page announces all of its modules, so that none waits until another is read', () => {
  const html = readFileSync(new URL('index.html', PAGE), 'utf8');
  const announced = [...html.matchAll(/<link rel="modulepreload" href="([^"]+)" \/>/g)].map(
    ([, href]) => href,
  );
  const scripts = [...html.matchAll(/<script type="module" src="([^"]+)"/g)].map(([, src]) => String(src));
  assert.deepEqual(scripts, ['ui/appearance.js', 'app.js']);
  assert.deepEqual([...scripts, ...announced].sort(), modulesBehind(...scripts));
});
