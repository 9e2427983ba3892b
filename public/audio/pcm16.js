/** Convert PCM16 to the base64 of the Realtime API and back. Pure. Its bytes are little-endian, as in every browser. */

/** How many arguments one call of String.fromCharCode takes in every engine. */
const CALL_ARGUMENTS = 0x8000;

/**
 * @param {Int16Array} pcm
 * @returns {string} base64
 */
export function encode(pcm) {
  const bytes = new Uint8Array(pcm.buffer, pcm.byteOffset, pcm.byteLength);
  if (bytes.toBase64) return bytes.toBase64();
  let text = '';
  for (let start = 0; start < bytes.length; start += CALL_ARGUMENTS) {
    text += String.fromCharCode.apply(
      null,
      /** @type {any} */ (bytes.subarray(start, start + CALL_ARGUMENTS)), // takes any array-like
    );
  }
  return btoa(text);
}

/**
 * @param {string} base64
 * @returns {Int16Array<ArrayBuffer>} samples in a buffer of their own; half a sample at the end is dropped
 * @throws {SyntaxError|DOMException} when it is not base64
 */
export function decode(base64) {
  const bytes = Uint8Array.fromBase64 ? Uint8Array.fromBase64(base64) : bytesOf(atob(base64));
  return new Int16Array(bytes.buffer, 0, bytes.length >> 1);
}

/** @param {string} text one character a byte */
function bytesOf(text) {
  const bytes = new Uint8Array(text.length);
  for (let i = 0; i < text.length; i++) bytes[i] = text.charCodeAt(i);
  return bytes;
}
