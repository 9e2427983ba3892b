/**
 * @typedef {object} ShortcutActions
 * @property {() => void} press push-to-talk begins
 * @property {() => void} release
 * @property {() => void} toggleRecording
 * @property {() => void} interrupt
 * @property {() => void} write
 * @property {() => void} explain
 */

/**
 * True where a key belongs to what has the focus, or to what is open.
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
 * Bind the page's keys. None works while typing, with a modifier, or while a dialog is open.
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
  // A button that was clicked keeps the focus, and Space would press it. One that Tab has reached keeps its Space.
  document.addEventListener('click', ({ detail, target }) => {
    const isByPointer = detail > 0;
    if (isByPointer && isPushToTalk() && target instanceof Element) target.closest('button')?.blur();
  });
  window.addEventListener('blur', actions.release); // the key's release would be told to another window
}

/**
 * Let a button be held to voiceChat.
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
  button.addEventListener('contextmenu', (event) => event.preventDefault()); // a long touch is a held button here
}
