// @ts-check
// Do stated probabilities come true? Bins, calibration error and log loss of logits at a temperature,
// as luce.metrics computes them (calibration_error, reliability_of_top_label, log_loss).

import { largest, logSoftmax, softmax } from './softmax.js';

/**
 * @typedef {object} Rows logits of rows whose labels are known
 * @property {ArrayLike<number>} logits (n, k)
 * @property {ArrayLike<number>} labels (n,) 0..k-1
 * @property {number} classes k
 */

/**
 * @typedef {object} Bin the rows whose confidence lies from `low` up to `high`
 * @property {number} low
 * @property {number} high
 * @property {number} count
 * @property {number} confidence its mean
 * @property {number} accuracy the part of the rows that is right
 * @property {number} accuracyLow the 95 % interval
 * @property {number} accuracyHigh
 */

/** @typedef {{bins: number, binning: 'mass' | 'width'}} Binning */

/**
 * Call with the logits of each row.
 * @param {Rows} rows
 * @param {(z: ArrayLike<number>, label: number, row: number) => void} each
 */
function eachRow({ logits, labels, classes }, each) {
  const all = Float64Array.from(logits);
  for (let row = 0; row < labels.length; row++) {
    each(all.subarray(row * classes, (row + 1) * classes), labels[row], row);
  }
}

/**
 * The largest probability of each row, and 1 where its class is right, else 0.
 * @param {Rows} rows @param {number} temperature
 */
export function topLabel(rows, temperature) {
  const confidence = new Float64Array(rows.labels.length);
  const correct = new Uint8Array(rows.labels.length);
  eachRow(rows, (z, label, row) => {
    const p = softmax(z, temperature);
    const top = largest(p);
    confidence[row] = p[top];
    correct[row] = Number(top === label);
  });
  return { confidence, correct };
}

/**
 * The mean of -log p of the label.
 * @param {Rows} rows @param {number} temperature
 */
export function logLoss(rows, temperature) {
  let total = 0;
  eachRow(rows, (z, label) => (total -= logSoftmax(z, temperature)[label]));
  return total / rows.labels.length;
}

/**
 * Inner edges of bins of equal mass (as many rows in each; equal confidences stay together) or width.
 * @param {Float64Array} confidence @param {Binning} binning
 * @returns {number[]}
 */
export function innerEdges(confidence, { bins, binning }) {
  const inner = Array.from({ length: bins - 1 }, (_, i) => i + 1);
  if (binning === 'width') return inner.map((i) => i / bins);
  const ordered = Float64Array.from(confidence).sort();
  const edges = inner.map((i) => ordered[Math.floor((i * ordered.length) / bins)]);
  return edges.filter((edge, i) => edge > ordered[0] && edge !== edges[i - 1]);
}

/**
 * Bins that hold rows; a bin holds its lower edge.
 * @param {Float64Array} confidence @param {ArrayLike<number>} correct @param {readonly number[]} edges
 * @returns {Bin[]}
 */
export function reliabilityBins(confidence, correct, edges) {
  const count = new Float64Array(edges.length + 1);
  const [hits, total] = [count.slice(), count.slice()];
  confidence.forEach((value, row) => {
    const bin = binOf(value, edges);
    count[bin] += 1;
    hits[bin] += correct[row];
    total[bin] += value;
  });
  const borders = [0, ...edges, 1];
  return Array.from(count, (n, bin) => {
    const [accuracyLow, accuracyHigh] = wilson(hits[bin], n);
    return {
      low: borders[bin],
      high: borders[bin + 1],
      count: n,
      confidence: total[bin] / n,
      accuracy: hits[bin] / n,
      accuracyLow,
      accuracyHigh,
    };
  }).filter((bin) => bin.count > 0);
}

/** @param {number} value @param {readonly number[]} edges */
function binOf(value, edges) {
  let [low, high] = [0, edges.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (edges[middle] <= value) low = middle + 1;
    else high = middle;
  }
  return low;
}

const Z95 = 1.959963984540054; // 97.5 % quantile of the standard normal distribution

/**
 * Wilson's 95 % interval of a share (1927, JASA 22), as luce.metrics.wilson_interval.
 * @param {number} successes @param {number} trials
 * @returns {[number, number]}
 */
export function wilson(successes, trials) {
  const [share, z2] = [successes / trials, Z95 ** 2 / trials];
  const middle = (share + z2 / 2) / (1 + z2);
  const half = (Z95 * Math.sqrt((share * (1 - share)) / trials + z2 / (4 * trials))) / (1 + z2);
  // min and max only remove rounding: at 0 and 1 the formula's end is exactly 0 and 1
  return [Math.max(0, Math.min(share, middle - half)), Math.min(1, Math.max(share, middle + half))];
}

/**
 * The mean distance between confidence and accuracy (Naeini, Cooper & Hauskrecht 2015, AAAI).
 * @param {readonly Bin[]} bins
 */
export function calibrationError(bins) {
  const rows = bins.reduce((sum, bin) => sum + bin.count, 0);
  return bins.reduce((sum, bin) => sum + (bin.count / rows) * Math.abs(bin.accuracy - bin.confidence), 0);
}

/**
 * The temperature of the least log loss: as luce.TemperatureScaling, Newton's method for the inverse
 * temperature inside a bracket (Guo et al. 2017, ICML). The loss is convex in it.
 * @param {Rows} rows
 * @returns {number} Infinity where the logits are worse than none; 0 where every label has the
 *   largest logit of its row, so that the loss falls for ever
 */
export function bestTemperature(rows) {
  if (slopeAt(rows, 0).slope >= 0) return Infinity;
  if (isSeparated(rows)) return 0;
  let [low, high, inverse] = [0, Infinity, 1];
  for (let pass = 0; pass < 200; pass++) {
    const { slope, curvature } = slopeAt(rows, inverse);
    if (slope === 0) break;
    if (slope < 0) low = inverse;
    else high = inverse;
    let next = inverse - slope / curvature;
    if (!(next > low && next < high)) next = high === Infinity ? 2 * low : (low + high) / 2;
    if (Math.abs(next - inverse) <= 1e-15 * inverse) break;
    inverse = next;
  }
  return 1 / inverse;
}

/**
 * First and second derivative of the mean loss in the inverse temperature: the mean of p·z - z_y, and
 * of the variance of z under p.
 * @param {Rows} rows @param {number} inverse
 */
function slopeAt(rows, inverse) {
  let [slope, curvature] = [0, 0];
  eachRow(rows, (z, label) => {
    const p = softmax(z, 1 / inverse);
    let [mean, square] = [0, 0];
    for (let j = 0; j < z.length; j++) {
      const gap = z[j] - z[label];
      mean += p[j] * gap;
      square += p[j] * gap ** 2;
    }
    slope += mean;
    curvature += Math.max(0, square - mean ** 2);
  });
  const n = rows.labels.length;
  return { slope: slope / n, curvature: curvature / n };
}

/** @param {Rows} rows */
function isSeparated(rows) {
  let separated = true;
  eachRow(rows, (z, label) => (separated &&= z[label] === z[largest(z)]));
  return separated;
}
