const TICK_MS = 1000;
/** After a jump of the clock by more than this, the computer has slept or the tab was frozen. */
const MAX_JUMP_MS = 5000;

/**
 * Report each moment at which a connection may have died unnoticed, or may work again: the network comes or goes, the tab is
 * shown, or the computer wakes.
 * @param {() => void} onWake
 */
export function watchForWakeEvents(onWake) {
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
