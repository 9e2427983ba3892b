/** The user's settings, stored in this browser. */

/** @import { SessionSettings } from '../realtime/dialect.js' */

/**
 * @typedef {object} PageSettings
 * @property {string} microphone device id, '' for the system's default
 * @property {string} speaker device id, '' for the system's default
 * @property {'small' | 'medium' | 'large'} captions
 * @property {'system' | 'light' | 'dark'} theme
 * @property {boolean} muted whether the assistant's voice is muted
 */

/** @typedef {SessionSettings & PageSettings} SettingValues */

/** @type {Readonly<SettingValues>} */
export const DEFAULTS = Object.freeze({
  microphone: '',
  speaker: '',
  voice: 'alloy',
  instructions:
    'You are a warm and attentive voice assistant. Answer in the language you are spoken to, briefly and naturally, as in a conversation.',
  turnTaking: 'quick',
  noiseReduction: 'off',
  captions: 'medium',
  theme: 'system',
  muted: false,
});

/** The values that a setting can have. A stored value that is not among them is ignored. */
export const CHOICES = Object.freeze({
  voice: ['alloy', 'ash', 'ballad', 'cedar', 'coral', 'echo', 'marin', 'sage', 'shimmer', 'verse'],
  turnTaking: ['quick', 'normal', 'patient', 'push-to-talk'],
  noiseReduction: ['off', 'near_field', 'far_field'],
  captions: ['small', 'medium', 'large'],
  theme: ['system', 'light', 'dark'],
});

const STORAGE_KEY = 'settings';

/**
 * The browser's storage; where that is switched off, a substitute that stores nothing.
 * @returns {Pick<Storage, 'getItem' | 'setItem' | 'removeItem'>}
 */
export function browserStorage() {
  try {
    return localStorage;
  } catch {
    return { getItem: () => null, setItem() {}, removeItem() {} }; // reading the property throws when it is blocked
  }
}

/** Hold the settings, store each change and report it. */
export class Settings {
  /** @type {SettingValues} */ #values;
  #storage;
  #onChange;

  /**
   * @param {Pick<Storage, 'getItem' | 'setItem' | 'removeItem'>} storage
   * @param {(values: SettingValues, name: keyof SettingValues | null) => void} onChange name null: all of them may have changed
   */
  constructor(storage, onChange) {
    this.#storage = storage;
    this.#onChange = onChange;
    this.#values = { ...DEFAULTS, ...this.#load() };
  }

  /** @returns {Readonly<SettingValues>} */
  get values() {
    return this.#values;
  }

  /**
   * @template {keyof SettingValues} Name
   * @param {Name} name
   * @param {SettingValues[Name]} value
   */
  set(name, value) {
    if (this.#values[name] === value) return;
    this.#values = { ...this.#values, [name]: value };
    this.#storage.setItem(STORAGE_KEY, JSON.stringify(this.#values));
    this.#onChange(this.#values, name);
  }

  reset() {
    this.#values = { ...DEFAULTS };
    this.#storage.removeItem(STORAGE_KEY);
    this.#onChange(this.#values, null);
  }

  /** @returns {Partial<SettingValues>} the stored values that can be used */
  #load() {
    let stored;
    try {
      stored = JSON.parse(this.#storage.getItem(STORAGE_KEY) ?? '{}');
    } catch {
      return {}; // damaged, or written by something else
    }
    const usable = Object.entries(stored ?? {}).filter(
      ([name, value]) =>
        name in DEFAULTS &&
        typeof value === typeof DEFAULTS[/** @type {keyof SettingValues} */ (name)] &&
        (CHOICES[/** @type {keyof typeof CHOICES} */ (name)]?.includes(String(value)) ?? true),
    );
    return Object.fromEntries(usable);
  }
}
