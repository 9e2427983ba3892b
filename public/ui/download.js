/**
 * Download a file.
 * @param {string} name
 * @param {Blob} blob
 */
function download(name, blob) {
  const link = document.createElement('a');
  link.href = URL.createObjectURL(blob);
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href)); // by then the browser has started the download
}

/**
 * Bind the menu of downloads, in which each button names a format.
 * @param {HTMLDetailsElement} menu
 * @param {Record<string, () => Blob | Promise<Blob>>} formats by file extension
 */
export function bindDownloads(menu, formats) {
  menu.addEventListener('click', async ({ target }) => {
    const format = target instanceof HTMLElement ? target.dataset.download : undefined;
    if (!format) return;
    menu.open = false;
    const blob = await formats[format]?.();
    if (blob) download(`conversation-${new Date().toISOString().slice(0, 10)}.${format}`, blob);
  });
  menu.addEventListener('focusout', ({ relatedTarget }) => {
    if (relatedTarget && !menu.contains(/** @type {Node} */ (relatedTarget))) menu.open = false;
  });
  menu.addEventListener('keydown', (event) => {
    if (event.key !== 'Escape' || !menu.open) return;
    event.stopPropagation();
    menu.open = false;
    menu.querySelector('summary')?.focus();
  });
}
