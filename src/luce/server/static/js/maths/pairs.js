// @ts-check
/**
 * Numbers kept as the unevaluated sum of two float64: what an operation rounds off is not lost.
 * For differences of logits that all but cancel: a class next to the threshold of sparsemax, a
 * student next to its teacher. The same as luce/kernels/pairs.py.
 *
 * Source: Dekker (1971), Numer. Math. 18; Knuth, The Art of Computer Programming, volume 2, 4.2.2.
 */

/** @typedef {readonly [high: number, low: number]} Pair */

const SPLIT = 134217729; // 2^27 + 1: halves a float64 into two numbers of 26 bits
const STEP = 2 ** 1000; // a power of two that a float64 holds, and its reciprocal too

/** Return `a + b` exactly; where it overflows, the low part is 0.
 * @param {number} a @param {number} b @returns {Pair} */
export function sumOf(a, b) {
  const total = a + b;
  if (!Number.isFinite(total)) return [total, 0];
  const seen = total - a;
  return [total, a - (total - seen) + (b - seen)];
}

/** Return `a * b` exactly, for numbers between 1e-140 and 1e140 (or 0).
 * @param {number} a @param {number} b @returns {Pair} */
export function productOf(a, b) {
  const product = a * b;
  const [aHigh, aLow] = halves(a);
  const [bHigh, bLow] = halves(b);
  return [product, aHigh * bHigh - product + aHigh * bLow + aLow * bHigh + aLow * bLow];
}

/** Return the sum of two pairs.
 * @param {Pair} a @param {Pair} b @returns {Pair} */
export function plus(a, b) {
  const [high, low] = sumOf(a[0], b[0]);
  return [high, low + (a[1] + b[1])];
}

/** Return the sum of many pairs, each number of it off by some 2^-100.
 * @param {Iterable<Pair>} pairs @returns {Pair} */
export function total(pairs) {
  let sum = 0;
  let rest = 0;
  for (const [high, low] of pairs) {
    const [next, lost] = sumOf(sum, high);
    sum = next;
    rest += lost + low;
  }
  return sumOf(sum, rest);
}

/** Return the mantissa of `x` in [0.5, 1) and its power of two: `x = m * 2 ** e`.
 * @param {number} x @returns {{mantissa: number, exponent: number}} */
export function frexp(x) {
  if (x === 0 || !Number.isFinite(x)) return { mantissa: x, exponent: 0 };
  let exponent = 0;
  if (Math.abs(x) < 2 ** -1022) {
    x *= 2 ** 100; // a subnormal number has no mantissa of its own
    exponent -= 100;
  }
  const power = Math.floor(Math.log2(Math.abs(x))) + 1;
  let mantissa = ldexp(x, -power);
  exponent += power;
  if (Math.abs(mantissa) >= 1) return { mantissa: mantissa / 2, exponent: exponent + 1 };
  if (Math.abs(mantissa) < 0.5) {
    mantissa *= 2; // log2 is rounded
    exponent -= 1;
  }
  return { mantissa, exponent };
}

/** Return `x * 2 ** exponent`, also where the power alone is beyond the range.
 * @param {number} x @param {number} exponent @returns {number} */
export function ldexp(x, exponent) {
  for (; exponent > 1000; exponent -= 1000) x *= STEP;
  for (; exponent < -1000; exponent += 1000) x /= STEP;
  return x * 2 ** exponent;
}

/** @param {number} x @returns {Pair} */
function halves(x) {
  const scaled = SPLIT * x;
  const high = scaled - (scaled - x);
  return [high, x - high];
}
