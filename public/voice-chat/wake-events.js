const TICK_MS = 1000;
/** A clock that jumps by more has slept, or its tab was frozen. */
const MAX_JUMP_MS = 5000;

/**
 * Watch for moments at which connections may have died unnoticed, or may work again: the network or the tab comes or goes, or
 * the computer wakes.
 * @param {() => void} onWake
 */
export function watchForWaking(onWake) {
  for (const type of ['online', 'offline', 'pageshow']) addEventListener(type, onWake);
  document.addEventListener('visibilitychange', () => {
    if (document.visibilityState === 'visible') onWake();
  });
  let lastMs = Date.now();
  setInterval(() => {
    const nowMs = Date.now();
    if (nowMs - lastMs > TICK_MS + MAX_JUMP_MS) onWake();
    lastMs = nowMs;
  }, TICK_MS);
}
