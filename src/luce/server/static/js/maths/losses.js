// @ts-check
/**
 * Losses of one row of logits against a label or a distribution, each with its gradient in the logits.
 *
 * Surprise and `1 - p` come from the logits and not from a rounded probability: a confident row
 * has a loss of 4e-18, not 0, and its gradients still add up to 0. The same as
 * luce/losses/cross_entropy.py, softmax_rows.py and row_losses.py.
 */

import {
  complements,
  logProbabilities,
  measure,
  probabilities,
  softmaxProduct,
} from './softmax.js';

/** @typedef {import('./softmax.js').Measured} Measured */
/**
 * @typedef {object} Options
 * @property {ArrayLike<number> | null} [weight] of each class; null weighs all alike
 * @property {number} [smoothing] the part of the target that is spread evenly, in [0, 1)
 * @property {number} [gamma] of the focal loss, 0 or more
 * @property {number} [temperature] above 0
 */
/**
 * @typedef {object} LossGrad
 * @property {number} loss
 * @property {Float64Array} terms the part of each class, which add up to the loss
 * @property {Float64Array} grad in the logits
 */

/** Return a label as a distribution.
 * @param {number} label @param {number} classes @returns {Float64Array} */
export function oneHot(label, classes) {
  const q = new Float64Array(classes);
  q[label] = 1;
  return q;
}

/** Return what the surprise of each class is multiplied by: `w_j ((1 - s) q_j + s / k)`.
 * @param {ArrayLike<number>} q @param {Options} [options] @returns {Float64Array} */
export function targets(q, { weight = null, smoothing = 0 } = {}) {
  const k = q.length;
  return Float64Array.from(q, (each, j) => {
    const smoothed = (1 - smoothing) * each + smoothing / k;
    return weight === null ? smoothed : weight[j] * smoothed;
  });
}

/**
 * Return `sum_j t_j (1 - p_j)^gamma (-log p_j)`, the cross-entropy and its focal relative.
 *
 * Source of the focal loss: Lin et al. (2017), arXiv 1708.02002.
 * @param {ArrayLike<number>} z @param {ArrayLike<number>} q @param {Options} [options] @returns {LossGrad}
 */
export function crossEntropy(z, q, options = {}) {
  const { gamma = 0, temperature = 1 } = options;
  const row = measure(z, temperature);
  const t = targets(q, options);
  const logP = logProbabilities(row);
  const rest = complements(row);
  const terms = t.map((each, j) => (each === 0 ? 0 : each * Math.abs(logP[j]) * rest[j] ** gamma));
  const slopes = gamma === 0 ? t : focalSlopes(row, t, gamma);
  const grad = balanced(row, slopes).map((each) => each / temperature);
  return { loss: sum(terms), terms, grad };
}

/**
 * Return `sum_j (p_j - q_j)^2`, the squared error of the probabilities (Brier, 1950).
 *
 * Its gradient `2 p_i (d_i - sum_j p_j d_j) / T` holds a factor p_i more than that of the cross-entropy:
 * it vanishes where the model is sure, also where it is sure and wrong.
 * @param {ArrayLike<number>} z @param {ArrayLike<number>} q @param {Options} [options] @returns {LossGrad}
 */
export function squaredError(z, q, options = {}) {
  const { temperature = 1 } = options;
  const row = measure(z, temperature);
  const d = balanced(row, targets(q, { smoothing: options.smoothing }));
  const terms = d.map((each) => each * each);
  const grad = softmaxProduct(row, d.map((each) => 2 * each), temperature);
  return { loss: sum(terms), terms, grad };
}

/** Return `t ((1 - p)^gamma - gamma p (1 - p)^(gamma - 1) log p)`, minus the derivative in log p.
 * @param {Measured} row @param {Float64Array} t @param {number} gamma @returns {Float64Array} */
function focalSlopes(row, t, gamma) {
  const p = probabilities(row);
  const logP = logProbabilities(row);
  const rest = complements(row);
  return t.map((each, j) => {
    const ratio = p[j] === 0 || rest[j] === 0 ? 0 : (p[j] * -logP[j]) / rest[j]; // no 0 * inf
    return each * rest[j] ** gamma * (1 + gamma * ratio);
  });
}

/**
 * Return `p_i sum_j s_j - s_i`. For the winner the sum leaves out its own s, which then is multiplied
 * by `1 - p`: with p near 1 the two would cancel.
 * @param {Measured} row @param {Float64Array} s @returns {Float64Array}
 */
export function balanced(row, s) {
  const p = probabilities(row);
  const { winner } = row;
  const own = s[winner];
  const others = sum(s.map((each, j) => (j === winner ? 0 : each)));
  const result = p.map((each, i) => each * (others + own) - s[i]);
  result[winner] = p[winner] * others - (own * row.rest) / (1 + row.rest);
  return result;
}

/** Return the sum, what each addition rounds off added in the end (Neumaier, 1974).
 * @param {Float64Array} x @returns {number} */
export function sum(x) {
  let result = 0;
  let lost = 0;
  for (const each of x) {
    const next = result + each;
    lost += Math.abs(result) >= Math.abs(each) ? result - next + each : each - next + result;
    result = next;
  }
  return Number.isFinite(result) ? result + lost : result;
}
