/** Find the cause of what went wrong; its words are in problem-words.js. Pure. */

import { PROBLEMS } from './problem-words.js';

/** @import { Remedy } from './problem-words.js' */

/**
 * @typedef {object} Problem
 * @property {string} cause
 * @property {string} title
 * @property {string} text
 * @property {string} label of the button
 * @property {Remedy} remedy
 */

/**
 * @typedef {object} ProblemDisplay shows one problem at a time
 * @property {(problem: Problem) => void} show takes the place of the problem that is shown
 * @property {(cause: string) => void} hide does nothing unless a problem with this cause is shown
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

/** Errors that come of a race between page and server, and have no effect. */
const HARMLESS = new Set([
  'response_cancel_not_active',
  'input_audio_buffer_commit_empty',
  'item_delete_invalid_item_id',
]);

/** Causes that end a conversation although nothing has failed. */
const CALM = new Set(['time_limit', 'idle', 'session_expired']);

/**
 * @param {string} cause an unknown one becomes 'lost'
 * @returns {Problem}
 */
export function problem(cause) {
  const known = Object.hasOwn(PROBLEMS, cause) ? cause : 'lost';
  const [title, text, label, remedy] = /** @type {[string, string, string, Remedy]} */ (PROBLEMS[known]);
  return { cause: known, title, text, label, remedy };
}

/**
 * Why a session closed: by the error right before the close, or else by the close code.
 * @param {{ code: number, error: { code?: unknown } | null }} close
 * @returns {Problem}
 */
export function problemOfClose({ code, error }) {
  const errorCode = String(error?.code ?? '');
  if (code === 1000 && error)
    return problem(Object.hasOwn(PROBLEMS, errorCode) ? errorCode : 'settings_refused');
  return problem(Object.hasOwn(PROBLEMS, errorCode) ? errorCode : (CAUSE_OF_CLOSE_CODE[code] ?? 'lost'));
}

/**
 * Whether the user need not know of an error.
 * @param {{ code?: unknown, message?: unknown } | undefined} error
 */
export function isHarmless(error) {
  return HARMLESS.has(String(error?.code)) || String(error?.message).includes('already shorter than');
}

/**
 * The problem of an `error` event that does not end the session.
 * @param {{ code?: unknown } | undefined} error
 */
export function problemOfError(error) {
  const code = String(error?.code);
  return problem(Object.hasOwn(PROBLEMS, code) ? code : 'request_refused');
}

/**
 * The problem of a response; null unless it failed.
 * @param {Record<string, any> | undefined} response as in response.done
 */
export function problemOfResponse(response) {
  if (response?.status !== 'failed') return null;
  const code = String(response.status_details?.error?.code ?? response.status_details?.error?.type ?? '');
  return problem(Object.hasOwn(PROBLEMS, code) ? code : 'answer_failed');
}

/**
 * The same problem, offering to retry at once: for a session that is being retried anyway.
 * @param {Problem} problem
 * @returns {Problem}
 */
export function whileRetrying(problem) {
  return { ...problem, label: 'Retry now', remedy: 'retry' };
}

/**
 * Whether the conversation ended although nothing has failed.
 * @param {Problem} problem
 */
export function isCalm({ cause }) {
  return CALM.has(cause);
}
