// @ts-check
/**
 * Sparsemax and entmax of one row of logits: distributions that give unlikely classes exactly 0.
 *
 *   p_i = [ (alpha - 1) z_i / T - tau ]_+ ** (1 / (alpha - 1)),  sum_i p_i = 1
 *
 * alpha 1 is the softmax, 2 sparsemax. With the gaps g to the largest logit and the width
 * w = T / (alpha - 1) this is p = (max(g - s, 0) / w) ** power. For alpha 1.5 and 2 the threshold s is
 * found by Newton's method, then once more in pairs of float64: also a class next to it gets
 * all its digits. The same as luce/functions/threshold.py; any other alpha is in any_alpha.js.
 *
 * Sources: Martins & Astudillo (2016), ICML; Peters, Niculae & Martins (2019), ACL.
 */

import { aboveTwo, belowTwo } from './any_alpha.js';
import { frexp, ldexp, plus, productOf, sumOf, total } from './pairs.js';
import { hardmax, largest, softmax } from './softmax.js';

/** @typedef {import('./pairs.js').Pair} Pair */
/**
 * A class less than the width below the largest logit.
 * @typedef {object} Candidate
 * @property {number} at its place in the row
 * @property {Pair} gap its exact difference to the largest logit, in units of the width's power of two
 */

const ROOM = 1020; // above this exponent of the width, differences of logits may overflow
const SLACK = 2 ** -40; // far above the error of the first search, far below what makes it slow
const OUTSIDE = 2 ** -90; // above the error of the second
const REPEATS = 200; // never reached: Newton's method needs about 5 to 20

/** @param {ArrayLike<number>} z @param {number} [temperature] @returns {Float64Array} */
export function sparsemax(z, temperature = 1) {
  return entmax(z, 2, temperature);
}

/** Return the probabilities; T = 0 is the limit, equal shares of the largest logits.
 * @param {ArrayLike<number>} z @param {number} [alpha] 1 or more
 * @param {number} [temperature] @returns {Float64Array} */
export function entmax(z, alpha = 1.5, temperature = 1) {
  if (alpha === 1) return softmax(z, temperature);
  const p = new Float64Array(z.length);
  const top = z[largest(z)];
  if (!Number.isFinite(top)) return p.fill(NaN);
  if (temperature === 0) return hardmax(z, 'share');
  const width = widthOf(temperature, alpha - 1);
  const found = candidates(z, top, width);
  for (const { at, p: each } of supported(found, width, alpha)) p[at] = each;
  return p;
}

/** @typedef {{mantissa: number, rest: number, exponent: number}} Width the number (mantissa + rest) 2 ** exponent */

/** @param {Candidate[]} found @param {Width} width @param {number} alpha @returns {{at: number, p: number}[]} */
function supported(found, width, alpha) {
  const w = width.mantissa;
  if (alpha === 2) return distances(found, w, 1).map(({ at, u }) => ({ at, p: u / w }));
  if (alpha === 1.5) return distances(found, w, 2).map(({ at, u }) => ({ at, p: (u / w) ** 2 }));
  return alpha < 2 ? belowTwo(found, w, width.rest, alpha) : aboveTwo(found, w, alpha);
}

/** Return `numerator / divisor`, which may be beyond the range of float64.
 * @param {number} numerator @param {number} divisor @returns {Width} */
function widthOf(numerator, divisor) {
  const above = frexp(numerator);
  const below = frexp(divisor);
  let { mantissa: top, exponent } = above;
  if (top >= below.mantissa) {
    top /= 2;
    exponent += 1;
  }
  const mantissa = top / below.mantissa;
  const [product, error] = productOf(mantissa, below.mantissa);
  const rest = (top - product - error) / below.mantissa;
  return { mantissa, rest, exponent: exponent - below.exponent };
}

/** @param {ArrayLike<number>} z @param {number} top @param {Width} width @returns {Candidate[]} */
function candidates(z, top, width) {
  const shift = width.exponent > ROOM ? -8 : 0;
  const found = [];
  for (let at = 0; at < z.length; at++) {
    const [high, low] = sumOf(ldexp(z[at], shift), -ldexp(top, shift));
    const scale = -width.exponent - shift;
    /** @type {Pair} */
    const gap = [ldexp(high, scale), ldexp(low, scale)];
    if (gap[0] > -width.mantissa || (gap[0] === -width.mantissa && gap[1] > 0)) {
      found.push({ at, gap });
    }
  }
  return found;
}

/** Return the support and u = g - s, to about one unit of float64.
 * @param {Candidate[]} found @param {number} w @param {1 | 2} power @returns {{at: number, u: number}[]} */
function distances(found, w, power) {
  const first = approached(found, w, power);
  let inside = first.inside;
  let s = sumOf(first.shift, -w);
  const goal = power === 2 ? productOf(w, w) : /** @type {Pair} */ ([w, 0]);
  for (let repeat = 0; repeat < REPEATS; repeat++) {
    if (repeat > 0) inside = inside.filter(({ gap }) => above(gap, s)[0] >= -OUTSIDE);
    const u = inside.map(({ gap }) => above(gap, s));
    const excess = plus(total(power === 2 ? u.map(squared) : u), [-goal[0], -goal[1]]);
    const slope = power === 1 ? u.length : 2 * total(u)[0];
    const step = (excess[0] + excess[1]) / slope;
    s = sumOf(s[0], s[1] + step);
    if (repeat > 0 && Math.abs(step) <= OUTSIDE) break;
  }
  return inside
    .map(({ at, gap }) => ({ at, u: above(gap, s)[0] }))
    .filter(({ u }) => u > OUTSIDE);
}

/**
 * Return the support, perhaps with classes just below the threshold, and s + w. From the left, on
 * the norm of u, which is convex in s: no class of the support is ever left out.
 * @param {Candidate[]} found @param {number} w @param {1 | 2} power
 * @returns {{inside: Candidate[], shift: number}}
 */
function approached(found, w, power) {
  let inside = found;
  let shift = 0;
  for (let repeat = 0; repeat < REPEATS; repeat++) {
    const u = inside.map(({ gap }) => gap[0] - shift + w);
    const sum = u.reduce((before, each) => before + each, 0);
    const norm = Math.sqrt(u.reduce((before, each) => before + each * each, 0));
    const step = power === 1 ? (sum - w) / u.length : ((norm - w) * norm) / sum;
    shift += Math.max(step, 0);
    const kept = inside.filter(({ gap }) => gap[0] - shift + w > -SLACK);
    if (kept.length === inside.length && (power === 1 || step <= SLACK)) break;
    inside = kept;
  }
  return { inside, shift };
}

/** Return g - s. @param {Pair} gap @param {Pair} s @returns {Pair} */
function above(gap, s) {
  const [high, low] = sumOf(gap[0], -s[0]);
  return sumOf(high, low + (gap[1] - s[1]));
}

/** @param {Pair} u @returns {Pair} */
function squared(u) {
  const [high, low] = productOf(u[0], u[0]);
  return sumOf(high, low + 2 * u[0] * u[1]);
}
