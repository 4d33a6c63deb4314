// @ts-check
/**
 * The probabilities of entmax for any alpha, on the candidates of a row; see sparse.js.
 *
 * With power = 1 / (alpha - 1), the p = v ** power of v = max(g - s, 0) / w add up to 1 for one s.
 * alpha < 2: Newton's method from the left on the norm of v, then one more step in pairs of float64,
 * for v near 1 is raised to a huge power. alpha > 2: v ** power rises vertically at the threshold;
 * the support is found by counting, then Newton's method runs from the right on the smallest
 * probability q: p = (c + q ** (alpha - 1)) ** power with the gap c to the smallest class.
 * The same as luce/functions/any_alpha.py.
 */

import { productOf, sumOf, total } from './pairs.js';

/** @typedef {import('./pairs.js').Pair} Pair */
/** @typedef {import('./sparse.js').Candidate} Candidate */
/** @typedef {{at: number, p: number}[]} Probabilities */

const REPEATS = 200; // never reached: Newton's method needs about 5 to 20
const SLACK = 2 ** -40;
const NEAR = 2 ** -26; // relative: squared by the next step

/** Return the probabilities for 1 < alpha < 2; the width is `w + rest`.
 * @param {Candidate[]} found @param {number} w @param {number} rest @param {number} alpha @returns {Probabilities} */
export function belowTwo(found, w, rest, alpha) {
  const power = 1 / (alpha - 1);
  let inside = found;
  let shift = 0;
  for (let repeat = 0; repeat < REPEATS; repeat++) {
    const x = inside.map(({ gap }) => (gap[0] - shift) / w);
    const logs = x.map((each) => Math.log1p(Math.max(each, -1)));
    const sum = added(logs.map((log) => Math.exp(power * log)));
    const slope = added(logs.map((log) => Math.exp((power - 1) * log)));
    const over = Math.log(sum) / power;
    const step = w * Math.max((Math.expm1(over) * sum) / (Math.exp(over) * slope), 0);
    shift += step;
    const kept = inside.filter((_, i) => x[i] - step / w > -1 - SLACK);
    if (kept.length === inside.length && step * power <= NEAR * w) break;
    inside = kept;
  }
  let s = /** @type {Pair} */ ([shift, 0]);
  let raised = inside.map(({ gap }) => raisedTo(gap, s, w, rest, power));
  const before = excessOf(raised) / added(raised.map(({ slope }) => slope));
  s = sumOf(s[0], s[1] + (w / power) * before);
  raised = inside.map(({ gap }) => raisedTo(gap, s, w, rest, power));
  return inside.map(({ at }, i) => ({ at, p: raised[i].p }));
}

/** Return the probabilities for alpha > 2.
 * @param {Candidate[]} found @param {number} w @param {number} alpha @returns {Probabilities} */
export function aboveTwo(found, w, alpha) {
  const a = alpha - 1;
  const power = 1 / a;
  const { inside, gaps } = support(found, w, power);
  let smallest = 1 / inside.length; // at least: the sum of all is 1
  for (let repeat = 0; ; repeat++) {
    const p = gaps.map((gap) => (gap > 0 ? (gap + smallest ** a) ** power : smallest));
    const ratio = p.map((each) => (smallest / each) ** (a - 1));
    const step = excessOf(p.map((each) => ({ p: each }))) / added(ratio);
    if (step <= 2 ** -50 || repeat === REPEATS) {
      return inside.map(({ at }, i) => ({ at, p: p[i] }));
    }
    smallest = Math.max(smallest - Math.max(step, 0), 0);
  }
}

/** Return v ** power and v ** (power - 1), from pairs of float64.
 * @param {Pair} gap @param {Pair} shift @param {number} w @param {number} rest @param {number} power
 * @returns {{p: number, slope: number}} */
function raisedTo(gap, shift, w, rest, power) {
  const [high, lost] = sumOf(gap[0], -shift[0]);
  const low = lost + (gap[1] - shift[1]);
  const x = high / w;
  const [product, error] = productOf(x, w);
  const [v, rounding] = sumOf(1, x);
  const left = rounding + (high - product - error + (low - x * rest)) / w;
  if (!(v > 0)) return { p: 0, slope: 0 };
  const p = v ** power * Math.exp(power * (left / v));
  return { p, slope: p / v };
}

/** Return the support, largest first, and the gaps to its smallest class in units of w.
 * @param {Candidate[]} found @param {number} w @param {number} power @returns {{inside: Candidate[], gaps: number[]}} */
function support(found, w, power) {
  const sorted = [...found].sort((a, b) => b.gap[0] - a.gap[0] || b.gap[1] - a.gap[1]);
  const gapsTo = (/** @type {number} */ last) =>
    sorted.map(({ gap }) => {
      const [high, low] = sumOf(gap[0], -sorted[last].gap[0]);
      return Math.max(high + (low + (gap[1] - sorted[last].gap[1])), 0) / w;
    });
  let low = 1;
  let high = sorted.length;
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if (added(gapsTo(middle - 1).map((gap) => gap ** power)) < 1) low = middle;
    else high = middle - 1;
  }
  return { inside: sorted.slice(0, low), gaps: gapsTo(low - 1).slice(0, low) };
}

/** Return by how much the sum is above 1. @param {{p: number}[]} raised @returns {number} */
function excessOf(raised) {
  const [high, low] = total(raised.map(({ p }) => [p, 0]));
  return high - 1 + low;
}

/** @param {number[]} x @returns {number} */
function added(x) {
  return x.reduce((before, each) => before + each, 0);
}
