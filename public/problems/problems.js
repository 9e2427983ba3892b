/** Why something went wrong: finds the cause, whose words are in the table. Pure. */

import { PROBLEMS } from './problem-words.js';

/** @import { Remedy } from './problem-words.js' */
/** @import { SessionEnding } from '../realtime/session.js' */

/**
 * @typedef {object} Problem
 * @property {string} cause
 * @property {string} title
 * @property {string} text
 * @property {string} label of the button
 * @property {Remedy} remedy
 */

/** @type {Record<number, string>} */
const CAUSE_OF_CLOSE_CODE = {
  1003: 'text_only',
  1008: 'refused',
  1009: 'too_big',
  1011: 'internal',
  1012: 'restarting',
  1013: 'busy',
  1014: 'upstream_lost',
  3000: 'upstream_unauthorized',
  4000: 'refused',
  4400: 'upstream_bad_request',
  4401: 'upstream_unauthorized',
  4403: 'upstream_forbidden',
  4404: 'deployment_not_found',
  4408: 'time_limit',
  4409: 'idle',
};

/** Errors that a race between page and server brings about and that change nothing. */
const HARMLESS = new Set([
  'response_cancel_not_active',
  'input_audio_buffer_commit_empty',
  'item_delete_invalid_item_id',
]);

/** Endings nobody did wrong: the conversation is over, not broken. */
const CALM = new Set(['time_limit', 'idle', 'session_expired']);

/**
 * @param {string} cause one that is not known reads as "lost"
 * @returns {Problem}
 */
export function problem(cause) {
  const known = Object.hasOwn(PROBLEMS, cause) ? cause : 'lost';
  const [title, text, label, remedy] = /** @type {[string, string, string, Remedy]} */ (PROBLEMS[known]);
  return { cause: known, title, text, label, remedy };
}

/**
 * Why a session ended: by the error that came before the close, else by the close code.
 * @param {SessionEnding} ending
 * @returns {Problem}
 */
export function problemOfEnding({ code, error }) {
  const told = String(error?.code ?? '');
  if (code === 1000 && error) return problem(Object.hasOwn(PROBLEMS, told) ? told : 'settings_refused');
  return problem(Object.hasOwn(PROBLEMS, told) ? told : (CAUSE_OF_CLOSE_CODE[code] ?? 'lost'));
}

/**
 * True for an error that needs no word to the user.
 * @param {{ code?: unknown, message?: unknown } | undefined} error
 */
export function isHarmless(error) {
  return HARMLESS.has(String(error?.code)) || String(error?.message).includes('already shorter than');
}

/**
 * The problem behind an error event that does not end the session.
 * @param {{ code?: unknown } | undefined} error
 */
export function problemOfError(error) {
  const code = String(error?.code);
  return problem(Object.hasOwn(PROBLEMS, code) ? code : 'request_refused');
}

/**
 * The problem of an answer that failed; null for one that did not.
 * @param {Record<string, any> | undefined} response as in response.done
 */
export function problemOfResponse(response) {
  if (response?.status !== 'failed') return null;
  const code = String(response.status_details?.error?.code ?? response.status_details?.error?.type ?? '');
  return problem(Object.hasOwn(PROBLEMS, code) ? code : 'answer_failed');
}

/**
 * The problem of a session that is lost, and tried again by itself.
 * @param {Problem} problem
 * @returns {Problem}
 */
export function whileRetrying(problem) {
  return { ...problem, label: 'Retry now', remedy: 'retry' };
}

/** @param {Problem} problem */
export function isCalm({ cause }) {
  return CALM.has(cause);
}
