/** Ask the server what it is and whether it is there. */

/**
 * @typedef {object} ServerInfo as /config has it
 * @property {'azure' | 'simulator'} mode
 * @property {string} deployment
 * @property {'ready' | 'busy' | 'restarting'} state
 * @property {number} session_minutes
 * @property {number} idle_minutes
 */

const TIMEOUT_MS = 5000;

/**
 * @returns {Promise<{ server: ServerInfo | null, status: number }>} status 0: the server cannot be reached
 */
export async function fetchServerInfo() {
  try {
    const response = await ask('config');
    return { server: response.ok ? await response.json() : null, status: response.status };
  } catch {
    return { server: null, status: 0 }; // fetch says only that it failed
  }
}

/**
 * Find out why the server refused a websocket, which browsers do not report.
 * @returns {Promise<string>} the cause of a problem
 */
export async function whyRefused() {
  const { server, status } = await fetchServerInfo();
  if (server) return server.state === 'ready' ? 'lost' : server.state;
  return status === 401 || status === 403 ? 'signed_out' : 'offline';
}

/** @returns {Promise<boolean>} whether the server, or a proxy before it, answers within 5 s */
export async function isAlive() {
  try {
    return (await ask('healthz')).status < 500; // a proxy answers 502, 503 or 504 when its server is gone
  } catch {
    return false; // it cannot be reached
  }
}

/** @param {string} path to fetch. Responses carry `no-cache`; index.html has already preloaded `config`. */
function ask(path) {
  return fetch(path, { redirect: 'manual', signal: AbortSignal.timeout(TIMEOUT_MS) });
}
