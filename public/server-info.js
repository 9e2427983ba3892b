/** What the page knows of its server. */

/**
 * @typedef {object} Service as /config tells
 * @property {'azure' | 'simulator'} mode
 * @property {string} deployment
 * @property {'ready' | 'busy' | 'restarting'} state
 * @property {number} session_minutes
 * @property {number} idle_minutes
 */

const ANSWER_MS = 5000;

/**
 * Ask the server what it is.
 * @returns {Promise<{ service: Service | null, status: number }>} status 0: it cannot be reached
 */
export async function fetchServerInfo() {
  try {
    const response = await ask('config');
    return { service: response.ok ? await response.json() : null, status: response.status };
  } catch {
    return { service: null, status: 0 }; // fetch tells no more than that it failed
  }
}

/**
 * Why the server refused a websocket, of which browsers tell nothing.
 * @returns {Promise<string>} a cause, as problems have them
 */
export async function whyRefused() {
  const { service, status } = await fetchServerInfo();
  if (service) return service.state === 'ready' ? 'lost' : service.state;
  return status === 401 || status === 403 ? 'signed_out' : 'offline';
}

/** @returns {Promise<boolean>} whether the server, or what stands before it, answers within 5 s */
export async function isAlive() {
  try {
    return (await ask('healthz')).status < 500; // a proxy whose server is gone says 502, 503 or 504
  } catch {
    return false; // no way there
  }
}

/** @param {string} path what it answers must be asked for each time, it says so itself; `config` is on its way before any script */
function ask(path) {
  return fetch(path, { redirect: 'manual', signal: AbortSignal.timeout(ANSWER_MS) });
}
