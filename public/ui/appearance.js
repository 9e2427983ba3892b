import { browserStorage, Settings } from '../store/settings.js';

/** @import { SettingValues } from '../store/settings.js' */

/**
 * Apply the theme and the size of the captions.
 * @param {SettingValues} values
 */
export function applyAppearance({ theme, captions }) {
  document.documentElement.dataset.theme = theme;
  document.documentElement.dataset.captions = captions;
}

// index.html loads this module before the first paint, so that a dark page never flashes white.
applyAppearance(new Settings(browserStorage(), () => {}).values);
