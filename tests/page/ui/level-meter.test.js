import assert from 'node:assert/strict';
import { test } from 'node:test';
import { levelOf } from '../../../public/ui/level-meter.js';

/** @param {number} amplitude of the sine it hears */
const analyser = (amplitude) =>
  /** @type {AnalyserNode} */ (
    /** @type {unknown} */ ({
      /** @param {Float32Array} samples */
      getFloatTimeDomainData(samples) {
        for (let index = 0; index < samples.length; index++) samples[index] = amplitude * Math.sin(index);
      },
    })
  );

test('the level goes from 0 to 1 over the range of speech', () => {
  assert.equal(levelOf(null), 0);
  assert.equal(levelOf(analyser(0)), 0);
  assert.equal(levelOf(analyser(0.0005)), 0);
  assert.equal(levelOf(analyser(1)), 1);
  const [quiet, usual] = [levelOf(analyser(0.01)), levelOf(analyser(0.1))];
  assert.ok(0 < quiet && quiet < usual && usual < 1, `${quiet} ${usual}`);
});
