// @ts-check
// Training of one network on points, step by step.

import { forward, lossAndGradient, makeNetwork, stated } from './network.js';
import { adam, sgd } from './optimizers.js';
import { random, shuffled } from './random.js';
import { largest } from './softmax.js';

/**
 * @typedef {object} Options
 * @property {number} classes
 * @property {number} hidden units of the hidden layer, 0 for a linear model
 * @property {'relu' | 'tanh'} activation
 * @property {'softmax' | 'sigmoid'} outputs
 * @property {'sgd' | 'adam'} optimizer
 * @property {number} batch rows of a step; 0 takes all
 * @property {number} seed of the first weights and of the order of the rows
 */

/**
 * @typedef {object} Training
 * @property {import('./network.js').Network} network
 * @property {(rate: number, C: number) => void} step one step; C = Infinity for no penalty
 * @property {() => {loss: number, accuracy: number}} score log loss and accuracy of what is stated
 */

/**
 * @param {Float64Array} rows (n, inputs) @param {ArrayLike<number>} labels (n,) @param {Options} options
 * @returns {Training}
 */
export function startTraining(rows, labels, options) {
  const n = labels.length;
  const inputs = rows.length / n;
  const source = random(options.seed);
  const sizes = options.hidden ? [inputs, options.hidden, options.classes] : [inputs, options.classes];
  const network = makeNetwork(sizes, options.activation, options.outputs, source);
  const move = options.optimizer === 'adam' ? adam(network.theta.length) : sgd();
  const batch = options.batch ? Math.min(options.batch, n) : n;
  let order = shuffled(n, source);
  let at = 0;

  /** The rows of the next step; an epoch takes each once, the last batch may be smaller. */
  function next() {
    if (batch === n) return { rows, labels };
    if (at >= n) [order, at] = [shuffled(n, source), 0];
    const chosen = order.subarray(at, (at += batch));
    const some = new Float64Array(chosen.length * inputs);
    chosen.forEach((row, i) => some.set(rows.subarray(row * inputs, (row + 1) * inputs), i * inputs));
    return { rows: some, labels: Array.from(chosen, (row) => labels[row]) };
  }

  return {
    network,
    step(rate, C) {
      const some = next();
      const { gradient } = lossAndGradient(network, some.rows, some.labels, 1 / (C * n));
      move(network.theta, gradient, rate);
    },
    score: () => score(network, rows, labels),
  };
}

/**
 * Mean of -log p of the label, p being what the model states, and the part of rows that is right.
 * @param {import('./network.js').Network} network
 * @param {Float64Array} rows @param {ArrayLike<number>} labels
 */
export function score(network, rows, labels) {
  const { logits } = forward(network, rows);
  const n = labels.length;
  const k = logits.length / n;
  let [loss, right] = [0, 0];
  for (let row = 0; row < n; row++) {
    const z = logits.subarray(row * k, (row + 1) * k);
    loss -= Math.log(Math.max(stated(network, z)[labels[row]], Number.MIN_VALUE));
    right += Number(largest(z) === labels[row]);
  }
  return { loss: loss / n, accuracy: right / n };
}
