// @ts-check
/**
 * Classes drawn at random: the very draws of `luce.sample_categorical(z, size=n, rng=seed)`.
 *
 * The variates are those of NumPy's `default_rng(seed).random(n)`: the generator PCG64, seeded by
 * hashing the seed. Drawing is by inversion: one variate a draw, looked up in the cumulated
 * probabilities, so with the same seed a small change of the logits changes few draws.
 *
 * Sources: O'Neill (2014), PCG: a family of simple fast space-efficient statistically good
 * algorithms for random number generation; O'Neill (2015), C++ seeding surprises, for the hash.
 */

const MASK_64 = (1n << 64n) - 1n;
const MASK_128 = (1n << 128n) - 1n;
const MULTIPLIER = 0x2360ed051fc65da44385df649fccf645n;
const POOL = 4; // words of 32 bits that a seed is hashed into

/** Return the first `n` variates in [0, 1) of a seed, a whole number of 0 or more.
 * @param {number} seed @param {number} n @returns {Float64Array} */
export function uniforms(seed, n) {
  const [high, low, streamHigh, streamLow] = seedWords(seed);
  const increment = ((((streamHigh << 64n) | streamLow) << 1n) | 1n) & MASK_128;
  let state = (increment + ((high << 64n) | low)) & MASK_128;
  const advance = () => (state = (state * MULTIPLIER + increment) & MASK_128);
  advance();
  return new Float64Array(n).map(() => Number(scrambled(advance()) >> 11n) / 2 ** 53);
}

/** Return the class that each variate falls on; one of probability 0 is never drawn.
 * @param {ArrayLike<number>} p @param {ArrayLike<number>} variates @returns {Int32Array} */
export function draw(p, variates) {
  const cumulated = new Float64Array(p.length);
  let sum = 0;
  for (let i = 0; i < p.length; i++) cumulated[i] = sum += p[i];
  const last = cumulated.findIndex((each) => each === sum); // later classes have probability 0
  return Int32Array.from(variates, (u) => {
    let low = 0;
    let high = last;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (cumulated[middle] > u * sum) high = middle;
      else low = middle + 1;
    }
    return low;
  });
}

/** Return how often each of `k` classes was drawn.
 * @param {Int32Array} drawn @param {number} k @returns {Int32Array} */
export function counts(drawn, k) {
  const result = new Int32Array(k);
  for (const each of drawn) result[each]++;
  return result;
}

/** Fold 128 bits into 64 and rotate them by the topmost six.
 * @param {bigint} state @returns {bigint} */
function scrambled(state) {
  const folded = (state >> 64n) ^ (state & MASK_64);
  const turn = state >> 122n;
  return ((folded >> turn) | (folded << (64n - turn))) & MASK_64;
}

/** Hash a seed into four words of 64 bits.
 * @param {number} seed @returns {bigint[]} */
function seedWords(seed) {
  const given = [seed >>> 0, Math.floor(seed / 2 ** 32) >>> 0];
  const pool = new Uint32Array(POOL);
  let factor = 0x43b0d7e5;
  const hashed = (/** @type {number} */ value) => {
    value ^= factor;
    factor = Math.imul(factor, 0x931e8875);
    value = Math.imul(value, factor);
    return value ^ (value >>> 16);
  };
  for (let i = 0; i < POOL; i++) pool[i] = hashed(given[i] ?? 0);
  for (let from = 0; from < POOL; from++) {
    for (let to = 0; to < POOL; to++) {
      if (from === to) continue;
      const mixed = Math.imul(pool[to], 0xca01f9dd) - Math.imul(hashed(pool[from]), 0x4973f715);
      pool[to] = mixed ^ (mixed >>> 16);
    }
  }
  factor = 0x8b51f9dd;
  const words = Array.from({ length: 8 }, (_, i) => {
    let value = pool[i % POOL] ^ factor;
    factor = Math.imul(factor, 0x58f38ded);
    value = Math.imul(value, factor);
    return BigInt((value ^ (value >>> 16)) >>> 0);
  });
  return [0, 2, 4, 6].map((i) => words[i] | (words[i + 1] << 32n));
}
