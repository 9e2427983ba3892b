/**
 * Bind the box for written messages: Enter sends, Shift+Enter starts a new line.
 * @param {HTMLFormElement} form
 * @param {(text: string) => void} onMessage
 */
export function bindComposer(form, onMessage) {
  const box = /** @type {HTMLTextAreaElement} */ (form.elements.namedItem('message'));
  box.addEventListener('keydown', (event) => {
    if (event.key !== 'Enter' || event.shiftKey || event.isComposing) return;
    event.preventDefault();
    form.requestSubmit();
  });
  form.addEventListener('submit', (event) => {
    event.preventDefault();
    const text = box.value.trim();
    if (!text) return;
    box.value = '';
    onMessage(text);
  });
}
