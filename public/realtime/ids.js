/** The API takes ids of at most 32 characters. */
const RANDOM_CHARACTERS = 24;

/** @returns {string} an id that no other item or event has */
export function newId() {
  return `rv_${crypto.randomUUID().replaceAll('-', '').slice(0, RANDOM_CHARACTERS)}`;
}
