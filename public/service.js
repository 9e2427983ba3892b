/** What the page knows of its server. */

/**
 * @typedef {object} Service as /config tells
 * @property {'azure' | 'simulator'} mode
 * @property {string} deployment
 * @property {'ready' | 'busy' | 'restarting'} state
 * @property {number} session_minutes
 * @property {number} idle_minutes
 */

/**
 * Ask the server what it is.
 * @returns {Promise<{ service: Service | null, status: number }>} status 0: it cannot be reached
 */
export async function askService() {
  try {
    const response = await fetch('config', { cache: 'no-store', redirect: 'manual' });
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
  const { service, status } = await askService();
  if (service) return service.state === 'ready' ? 'lost' : service.state;
  return status === 401 || status === 403 ? 'signed_out' : 'offline';
}
