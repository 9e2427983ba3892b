/** @typedef {{ deviceId: string, label: string }} Device */
/** @typedef {Readonly<{ microphone: string, speaker: string } & Record<string, string | boolean>>} Values */

/**
 * Fill a select with devices, after the system's default.
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

/** Let the user change the settings; each change takes effect at once. */
export class SettingsDialog {
  #dialog;
  #form;
  #values;
  #microphones;
  #speakers;
  #level;

  /**
   * @param {HTMLDialogElement} dialog
   * @param {object} options
   * @param {() => Values} options.values the settings as they are now
   * @param {readonly string[]} options.voices to choose from
   * @param {() => Promise<Device[]>} options.microphones
   * @param {() => Promise<Device[]>} options.speakers
   * @param {() => number} options.level of the microphone, 0..1
   * @param {(name: string, value: string) => void} options.onChange
   * @param {() => void} options.onReset
   */
  constructor(dialog, { values, voices, microphones, speakers, level, onChange, onReset }) {
    this.#dialog = dialog;
    this.#form = /** @type {HTMLFormElement} */ (dialog.querySelector('form'));
    this.#values = values;
    this.#microphones = microphones;
    this.#speakers = speakers;
    this.#level = level;
    this.#select('voice').replaceChildren(...voices.map((voice) => new Option(voice)));
    this.#form.addEventListener('change', ({ target }) => {
      const field = /** @type {HTMLInputElement} */ (target);
      onChange(field.name, field.value);
    });
    this.#form.addEventListener('reset', (event) => {
      event.preventDefault();
      onReset();
      this.#show();
    });
  }

  async open() {
    this.#show();
    this.#dialog.showModal();
    this.#meter();
    await this.refreshDevices();
  }

  /** The list of devices may have changed, or the permission may have given them names. */
  async refreshDevices() {
    if (!this.#dialog.open) return;
    const { microphone, speaker } = this.#values();
    fill(this.#select('microphone'), await this.#microphones(), microphone);
    const speakers = await this.#speakers();
    fill(this.#select('speaker'), speakers, speaker);
    this.#part('#speaker-field').hidden = speakers.length === 0;
  }

  /** @param {boolean} recording */
  showRecording(recording) {
    this.#part('#level-hint').textContent = recording ? '' : 'Start recording to see its level.';
  }

  /** Show the settings in the form. */
  #show() {
    for (const [name, value] of Object.entries(this.#values())) {
      const field = this.#form.elements.namedItem(name);
      if (
        field instanceof RadioNodeList ||
        field instanceof HTMLSelectElement ||
        field instanceof HTMLTextAreaElement
      )
        field.value = String(value);
    }
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
