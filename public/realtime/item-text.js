/** The text of the API's items and events, safe to show and to store. Pure. */

/** Control characters except tab and newline. They are invisible, and a terminal would obey them. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: removing them is the purpose
const CONTROLS = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f]/g;

/**
 * @param {unknown} text
 * @returns {string} without control characters; '' when it is not a string
 */
export const cleanText = (text) => (typeof text === 'string' ? text.replace(CONTROLS, '') : '');

/**
 * The text of an item, from all kinds of content.
 * @param {{ content?: unknown }} item
 */
export function textOfItem({ content }) {
  if (!Array.isArray(content)) return '';
  return content.map((part) => cleanText(part?.transcript ?? part?.text)).join('');
}
