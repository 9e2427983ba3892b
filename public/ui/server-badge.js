import { element } from './elements.js';

/** @import { ServerInfo } from '../server-info.js' */

/**
 * Show what answers, and where the audio goes.
 * @param {ServerInfo} server
 */
export function showServerInfo({ mode, deployment }) {
  const isSimulator = mode === 'simulator';
  const badge = element('badge');
  badge.dataset.mode = mode;
  badge.textContent = isSimulator ? 'Simulator: no model connected' : `Azure · ${deployment}`;
  element('privacy').textContent = isSimulator
    ? 'Your voice goes to this server and no further: a simulator answers. The conversation is kept in this browser until you clear it.'
    : `Your voice goes through this server to Azure OpenAI (${deployment}) and is answered there. The conversation is kept in this browser until you clear it.`;
}
