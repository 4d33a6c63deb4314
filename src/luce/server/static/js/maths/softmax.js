// @ts-check
/**
 * The softmax of one row of logits, its logarithm, normaliser, entropy and derivatives, in float64.
 *
 * p_i = exp(z_i / T) / sum_j exp(z_j / T), measured from the largest logit, whose own term, 1, is
 * left out of the sum: `1 + rest` and `log1p(rest)` then keep what a sum next to 1 would round off.
 * T = 0 is the limit: the largest logits share the probability. Where the largest logit is not
 * finite there is no distribution, and everything is NaN.
 *
 * Source: Blanchard, Higham & Higham (2021), IMA J. Numer. Anal. 41(4), as luce/functions/softmax.py.
 */

/** @typedef {ArrayLike<number>} Row */
/**
 * What is known of a row.
 * @typedef {object} Measured
 * @property {Float64Array} gap (z - max) / T
 * @property {Float64Array} power exp(gap)
 * @property {number} top the largest logit; NaN where it is not finite
 * @property {number} winner where it stands first
 * @property {number} rest the sum of `power` without the winner's 1
 */

const HOTTEST = 1e290; // above it differences of logits might overflow although their quotients do not
const TINY = 1e-290; // a sum below it may have subnormal parts, which lack digits
const DEEP = 600; // is added to exponents, so that these parts are not subnormal
const EXP_DEEP = Math.exp(-DEEP);

/** @param {Row} z @param {number} [temperature] @returns {Measured} */
export function measure(z, temperature = 1) {
  const k = z.length;
  const winner = largest(z);
  const top = k > 0 && Number.isFinite(z[winner]) ? z[winner] : NaN;
  const scale = temperature > HOTTEST ? 0.25 : 1;
  const gap = new Float64Array(k);
  const power = new Float64Array(k);
  let rest = 0;
  for (let i = 0; i < k; i++) {
    const below = scale * z[i] - scale * top;
    gap[i] = below === 0 ? 0 : below / (scale * temperature);
    power[i] = Math.exp(gap[i]);
    if (i !== winner) rest += power[i];
  }
  if (rest < TINY) {
    rest = 0;
    for (let i = 0; i < k; i++) if (i !== winner) rest += Math.exp(gap[i] + DEEP);
    rest *= EXP_DEEP;
  }
  return { gap, power, top, winner, rest };
}

/** Return the probabilities. @param {Row} z @param {number} [temperature] @returns {Float64Array} */
export function softmax(z, temperature = 1) {
  return probabilities(measure(z, temperature));
}

/** @param {Measured} row @returns {Float64Array} */
export function probabilities(row) {
  return row.power.map((e) => e / (1 + row.rest));
}

/** Return the logarithms of the probabilities, accurate also where one class wins clearly.
 * @param {Row} z @param {number} [temperature] @returns {Float64Array} */
export function logSoftmax(z, temperature = 1) {
  return logProbabilities(measure(z, temperature));
}

/** @param {Measured} row @returns {Float64Array} */
export function logProbabilities(row) {
  const normaliser = Math.log1p(row.rest);
  return row.gap.map((gap) => gap - normaliser);
}

/** Return `T log sum_j exp(z_j / T)`; that of nothing, or of -Infinity alone, is -Infinity.
 * @param {Row} z @param {number} [temperature] @returns {number} */
export function logsumexp(z, temperature = 1) {
  const row = measure(z, temperature);
  if (Number.isNaN(row.top)) return z.length ? z[row.winner] : -Infinity;
  return row.top + temperature * Math.log1p(row.rest);
}

/** Return `1 - p_i`; that of the winner is the sum of the others, which keeps its digits.
 * @param {Measured} row @returns {Float64Array} */
export function complements(row) {
  const rest = probabilities(row).map((p) => 1 - p);
  if (rest.length) rest[row.winner] = row.rest / (1 + row.rest);
  return rest;
}

/** Return `-sum_i p_i log p_i` in nats, where 0 log 0 is 0.
 * @param {Row} z @param {number} [temperature] @returns {number} */
export function entropy(z, temperature = 1) {
  const row = measure(z, temperature);
  const p = probabilities(row);
  const logP = logProbabilities(row);
  let sum = 0;
  for (let i = 0; i < p.length; i++) if (p[i] !== 0) sum -= p[i] * logP[i];
  return sum;
}

/** Return `J_ij = p_i ([i = j] - p_j) / T` row after row; at T = 0 nothing moves, unless there is a tie.
 * @param {Row} z @param {number} [temperature] @returns {Float64Array} */
export function softmaxJacobian(z, temperature = 1) {
  const row = measure(z, temperature);
  const p = probabilities(row);
  const others = complements(row);
  const k = p.length;
  const jacobian = new Float64Array(k * k);
  if (temperature === 0) return jacobian.fill(row.rest === 0 ? 0 : NaN);
  // A small T lifts the first factor, so that no product underflows before the division.
  const lift = 2 ** Math.min(Math.max(-Math.floor(Math.log2(temperature)) - 1, 0), 500);
  for (let i = 0; i < k; i++) {
    const lifted = p[i] * lift;
    for (let j = 0; j < k; j++) {
      const product = i === j ? lifted * others[i] : -lifted * p[j];
      jacobian[i * k + j] = product / (temperature * lift) + 0; // no -0
    }
  }
  return jacobian;
}

/**
 * Return `p_i (v_i - sum_j p_j v_j) / T`, the product of a vector and the Jacobian.
 *
 * v is measured from the winner's: a common part of v, or a winner with 1 - p = 1e-18, costs no digit.
 * @param {Measured} row @param {Row} v @param {number} [temperature] @returns {Float64Array}
 */
export function softmaxProduct(row, v, temperature = 1) {
  const p = probabilities(row);
  const centre = v[row.winner];
  const rest = mean(p, v, centre);
  return p.map((each, i) => (each === 0 ? 0 : (each * (v[i] - centre - rest)) / temperature));
}

/** Return the softmax at temperature 0: all for the first of the largest, or equal shares for all of them.
 * @param {Row} z @param {'first' | 'share'} [ties] @returns {Float64Array} */
export function hardmax(z, ties = 'first') {
  const best = largest(z);
  const top = z[best];
  const result = new Float64Array(z.length);
  if (!(top > -Infinity)) return result.fill(NaN);
  if (ties === 'first') {
    result[best] = 1;
    return result;
  }
  const shared = Array.from(z).filter((each) => each === top).length;
  return result.map((_, i) => (z[i] === top ? 1 / shared : 0));
}

/** Return where the largest number stands first: the first NaN, if there is one.
 * @param {Row} z @returns {number} */
export function largest(z) {
  let best = 0;
  for (let i = 0; i < z.length; i++) {
    if (Number.isNaN(z[i])) return i;
    if (z[i] > z[best]) best = i;
  }
  return best;
}

/** Return `sum_j p_j (v_j - centre)`; what stands at impossible classes does not count.
 * @param {Row} p @param {Row} v @param {number} centre @returns {number} */
function mean(p, v, centre) {
  let sum = 0;
  for (let j = 0; j < p.length; j++) if (p[j] !== 0) sum += p[j] * (v[j] - centre);
  return sum;
}
