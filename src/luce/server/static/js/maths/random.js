// @ts-check
// Random numbers that a seed repeats, the same on every machine.

/**
 * @typedef {object} Random
 * @property {() => number} uniform in [0, 1), 53 bits
 * @property {() => number} normal of mean 0 and variance 1
 * @property {(n: number) => number} below a whole number in 0..n-1
 */

/**
 * Chris Doty-Humphrey's sfc32 (PractRand, public domain): 128 bits of state, integers alone.
 * @param {number} seed a whole number
 * @returns {Random}
 */
export function random(seed) {
  let [a, b, c, counter] = [seed | 0, Math.floor(seed / 2 ** 32) | 0, 0x9e3779b9 | 0, 1];
  const bits = () => {
    const sum = (a + b + counter) | 0;
    counter = (counter + 1) | 0;
    a = b ^ (b >>> 9);
    b = (c + (c << 3)) | 0;
    c = (((c << 21) | (c >>> 11)) + sum) | 0;
    return sum >>> 0;
  };
  for (let round = 0; round < 15; round++) bits(); // until every bit of the seed has spread
  const uniform = () => ((bits() >>> 5) * 2 ** 26 + (bits() >>> 6)) / 2 ** 53;
  const normal = () => {
    // Box & Muller (1958); 1 - u is never 0
    const radius = Math.sqrt(-2 * Math.log(1 - uniform()));
    return radius * Math.cos(2 * Math.PI * uniform());
  };
  return { uniform, normal, below: (n) => Math.floor(uniform() * n) };
}

/**
 * A random order of 0..n-1 (Fisher & Yates).
 * @param {number} n
 * @param {Random} source
 * @returns {Int32Array}
 */
export function shuffled(n, source) {
  const order = Int32Array.from({ length: n }, (_, i) => i);
  for (let i = n - 1; i > 0; i--) {
    const j = source.below(i + 1);
    [order[i], order[j]] = [order[j], order[i]];
  }
  return order;
}
