/** The range of speech: quieter shows as 0, louder as 1. */
const QUIET_DB = -55;
const LOUD_DB = -14;

const samples = new Float32Array(1024);

/**
 * The level at this moment, 0 to 1 over the range of speech.
 * @param {AnalyserNode | null} analyser null: 0
 */
export function levelOf(analyser) {
  if (!analyser) return 0;
  analyser.getFloatTimeDomainData(samples);
  let square = 0;
  for (const sample of samples) square += sample * sample;
  const db = 10 * Math.log10(square / samples.length + 1e-12);
  return Math.min(1, Math.max(0, (db - QUIET_DB) / (LOUD_DB - QUIET_DB)));
}
