/**
 * @typedef {object} ShortcutActions
 * @property {() => void} press push-to-talk: the user begins to speak
 * @property {() => void} release push-to-talk: the user has spoken
 * @property {() => void} toggleRecording
 * @property {() => void} interrupt
 * @property {() => void} write move the focus to the message box
 * @property {() => void} explain show the list of shortcuts
 */

/**
 * Whether a key belongs to the focused field, or to an open dialog.
 * @param {EventTarget | null} target
 */
function isTaken(target) {
  return (
    (target instanceof Element && target.closest('input, select, textarea, [contenteditable]') !== null) ||
    document.querySelector('dialog[open], :popover-open') !== null
  );
}

/** @param {EventTarget | null} target */
const isPressable = (target) => target instanceof Element && target.matches('button, summary, a');

/**
 * Bind the page's keyboard shortcuts. None works while typing, with a modifier key, or while a dialog is open.
 * @param {ShortcutActions} actions
 * @param {() => boolean} isPushToTalk
 */
export function bindShortcuts(actions, isPushToTalk) {
  /** @type {Map<string, () => void>} */
  const byKey = new Map([
    ['m', actions.toggleRecording],
    ['Escape', actions.interrupt],
    ['/', actions.write],
    ['?', actions.explain],
  ]);
  document.addEventListener('keydown', (event) => {
    const { key, target, repeat, ctrlKey, metaKey, altKey } = event;
    if (ctrlKey || metaKey || altKey || isTaken(target)) return;
    if (key === ' ' && isPushToTalk() && !isPressable(target)) {
      event.preventDefault();
      if (!repeat) actions.press();
      return;
    }
    const action = byKey.get(key.length === 1 ? key.toLowerCase() : key);
    if (!action || repeat) return;
    event.preventDefault();
    action();
  });
  document.addEventListener('keyup', ({ key }) => {
    if (key === ' ') actions.release();
  });
  // A clicked button keeps the focus, and Space would press it: take the focus away. A button reached by Tab keeps it.
  document.addEventListener('click', ({ detail, target }) => {
    const isByPointer = detail > 0;
    if (isByPointer && isPushToTalk() && target instanceof Element) target.closest('button')?.blur();
  });
  window.addEventListener('blur', actions.release); // another window would get the keyup
}

/**
 * Let the user hold a button to talk.
 * @param {HTMLButtonElement} button
 * @param {Pick<ShortcutActions, 'press' | 'release'>} actions
 */
export function bindPushButton(button, { press, release }) {
  button.addEventListener('pointerdown', (event) => {
    button.setPointerCapture(event.pointerId);
    press();
  });
  for (const end of ['pointerup', 'pointercancel']) button.addEventListener(end, release);
  button.addEventListener('keydown', ({ key, repeat }) => {
    if ((key === ' ' || key === 'Enter') && !repeat) press();
  });
  button.addEventListener('keyup', release);
  button.addEventListener('contextmenu', (event) => event.preventDefault()); // a long touch would open it
}
