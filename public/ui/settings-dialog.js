/** @import { Settings, SettingValues } from '../store/settings.js' */

/** @typedef {{ deviceId: string, label: string }} Device */

/**
 * Fill a select with devices; the system's choice comes first.
 * @param {HTMLSelectElement} select
 * @param {Device[]} devices
 * @param {string} chosen
 */
function fill(select, devices, chosen) {
  const options = devices
    .filter(({ deviceId }) => deviceId !== 'default')
    .map(({ deviceId, label }) => new Option(label || 'Unnamed device', deviceId));
  select.replaceChildren(new Option('System default', ''), ...options);
  select.value = options.some(({ value }) => value === chosen) ? chosen : '';
}

/** The dialog in which the settings are changed; each change counts at once. */
export class SettingsDialog {
  #dialog;
  #form;
  #settings;
  #devices;
  #level;

  /**
   * @param {HTMLDialogElement} dialog
   * @param {Settings} settings
   * @param {object} sources
   * @param {{ microphones: () => Promise<Device[]>, speakers: () => Promise<Device[]> }} sources.devices
   * @param {() => number} sources.level 0..1, of the microphone
   */
  constructor(dialog, settings, { devices, level }) {
    this.#dialog = dialog;
    this.#form = /** @type {HTMLFormElement} */ (dialog.querySelector('form'));
    this.#settings = settings;
    this.#devices = devices;
    this.#level = level;
    this.#form.addEventListener('change', (event) => this.#onChange(event));
    this.#form.addEventListener('reset', (event) => {
      event.preventDefault();
      settings.reset();
      this.#show();
    });
  }

  async open() {
    this.#show();
    this.#dialog.showModal();
    this.#meter();
    await this.refreshDevices();
  }

  /** The list of devices may have changed, or got names with the permission. */
  async refreshDevices() {
    if (!this.#dialog.open) return;
    const { microphone, speaker } = this.#settings.values;
    fill(this.#select('microphone'), await this.#devices.microphones(), microphone);
    const speakers = await this.#devices.speakers();
    fill(this.#select('speaker'), speakers, speaker);
    this.#part('#speaker-field').hidden = speakers.length === 0;
  }

  /** @param {boolean} recording */
  showRecording(recording) {
    this.#part('#level-hint').textContent = recording ? '' : 'Start recording to see its level.';
  }

  /** Put the settings into the form. */
  #show() {
    for (const [name, value] of Object.entries(this.#settings.values)) {
      const field = this.#form.elements.namedItem(name);
      if (
        field instanceof RadioNodeList ||
        field instanceof HTMLSelectElement ||
        field instanceof HTMLTextAreaElement
      )
        field.value = String(value);
    }
  }

  /** @param {Event} event */
  #onChange({ target }) {
    const { name, value } = /** @type {HTMLInputElement} */ (target);
    this.#settings.set(/** @type {keyof SettingValues} */ (name), value);
  }

  /** Show the microphone's level for as long as the dialog is open. */
  #meter() {
    if (!this.#dialog.open) return;
    /** @type {HTMLMeterElement} */ (this.#part('#level')).value = this.#level();
    requestAnimationFrame(() => this.#meter());
  }

  /** @param {string} name */
  #select(name) {
    return /** @type {HTMLSelectElement} */ (this.#form.elements.namedItem(name));
  }

  /** @param {string} selector */
  #part(selector) {
    return /** @type {HTMLElement} */ (this.#dialog.querySelector(selector));
  }
}
