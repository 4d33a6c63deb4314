// @ts-check
// Logits of a made-up classifier whose honest probabilities are known.

import { random } from './random.js';

/**
 * Rows whose labels are drawn from the softmax of honest logits (the largest of logit + Gumbel noise);
 * what is returned is these logits times `sureness`, with `tilt` added to the first class.
 * @param {{rows: number, classes: number, sureness: number, tilt: number, seed: number}} options
 * @returns {import('./calibration.js').Rows}
 */
export function madeLogits({ rows, classes, sureness, tilt, seed }) {
  const source = random(seed);
  const logits = new Float64Array(rows * classes);
  const labels = new Int32Array(rows);
  for (let row = 0; row < rows; row++) {
    const easy = 3 * source.uniform(); // some rows are clear, others are not
    let best = -Infinity;
    for (let j = 0; j < classes; j++) {
      const honest = easy * source.normal();
      const drawn = honest - Math.log(-Math.log(1 - source.uniform() + 2 ** -60));
      if (drawn > best) [best, labels[row]] = [drawn, j];
      logits[row * classes + j] = sureness * honest + (j ? 0 : tilt);
    }
  }
  return { logits, labels, classes };
}
