// @ts-check
/**
 * The softmax as the textbook has it, `exp(z) / sum(exp(z))`, in 16, 32 or 64 bits: to see where it
 * breaks. Every operation is rounded to the precision asked for, as a chip of that width would do.
 */

/** @typedef {16 | 32 | 64} Bits */

/** Return a number as so many bits hold it.
 * @param {number} x @param {Bits} bits @returns {number} */
export function rounded(x, bits) {
  if (bits === 64) return x;
  return bits === 32 ? Math.fround(x) : half(x);
}

/** The largest z whose exponential is finite in so many bits.
 * @param {Bits} bits @returns {number} */
export function highest(bits) {
  return { 16: Math.log(65519), 32: Math.log(3.4028235677973366e38), 64: 709.782712893384 }[bits];
}

/**
 * Return the exponentials, their sum, and the quotients, which are NaN where an exponential is
 * infinite or all of them are 0.
 * @param {ArrayLike<number>} z @param {number} [temperature] @param {Bits} [bits]
 * @returns {{powers: Float64Array, sum: number, p: Float64Array}}
 */
export function naiveSoftmax(z, temperature = 1, bits = 64) {
  const fit = (/** @type {number} */ x) => rounded(x, bits);
  const powers = Float64Array.from(z, (each) => fit(Math.exp(fit(fit(each) / fit(temperature)))));
  const sum = powers.reduce((before, each) => fit(before + each), 0);
  return { powers, sum, p: powers.map((each) => fit(each / sum)) };
}

/** Round to 11 bits, ties to even, with 5 bits of exponent.
 * @param {number} x @returns {number} */
function half(x) {
  if (!Number.isFinite(x) || x === 0) return x;
  const exponent = Math.max(Math.floor(Math.log2(Math.abs(x))), -14);
  const unit = 2 ** (exponent - 10);
  const cut = 1.5 * 2 ** 52 * unit; // adding it leaves whole units
  const result = x + cut - cut;
  return Math.abs(result) > 65504 ? Math.sign(x) * Infinity : result;
}
