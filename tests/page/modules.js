/** Read which modules of the page import which. */

import { readFileSync } from 'node:fs';

export const PAGE = new URL('../../public/', import.meta.url);

const RUNTIME_IMPORT = /^(?:import|export)\s[^;]*?'(\.[^']+)'/gm;
const WORKLET = /new URL\('(\.[^']+-worklet\.js)', import\.meta\.url\)/g;
/** `@import { … } from '…'` and `import('…')` in comments. */
const TYPE_IMPORT = /@import [^;]*? from '(\.[^']+)'|import\('(\.[^']+)'\)/g;

/**
 * @param {string} module its path in public/
 * @param {RegExp[]} patterns
 * @returns {string[]} paths in public/ of the modules that it refers to
 */
function references(module, ...patterns) {
  const url = new URL(module, PAGE);
  const text = readFileSync(url, 'utf8');
  const paths = patterns.flatMap((pattern) =>
    [...text.matchAll(pattern)].map(([, one, other]) => one ?? other),
  );
  return paths.map((path) => new URL(String(path), url).href.slice(PAGE.href.length));
}

/** The modules that the browser loads with a module, in its thread. @param {string} module */
export const runtimeImports = (module) => references(module, RUNTIME_IMPORT);

/** Every module that a module refers to: as code, as a worklet, or for a type. @param {string} module */
export const allImports = (module) => references(module, RUNTIME_IMPORT, WORKLET, TYPE_IMPORT);
