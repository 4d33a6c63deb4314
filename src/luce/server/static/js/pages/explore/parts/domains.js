// @ts-check
/** Where the axes of logits and of probabilities end. */

/** A domain on both sides of 0 that holds all finite logits. @param {number[]} z @returns {[number, number]} */
export function logitDomain(z) {
  let most = 0;
  for (const each of z) if (Number.isFinite(each)) most = Math.max(most, Math.abs(each));
  const end = roundUp(most, 5);
  return [-end, end];
}

/** From 0 to 1; less where there are so many classes that none comes near. @param {ArrayLike<number>} p @returns {[number, number]} */
export function chanceDomain(p) {
  let most = 0;
  for (let i = 0; i < p.length; i += 1) if (Number(p[i]) > most) most = Number(p[i]);
  return [0, p.length > 12 ? Math.min(1, roundUp(most, 1e-3)) : 1];
}

/** The smallest 1, 2 or 5 times a power of ten that is not below x.
 * @param {number} x @param {number} least @returns {number} */
function roundUp(x, least) {
  if (!(x > least)) return least;
  const power = 10 ** Math.floor(Math.log10(x));
  const found = [1, 2, 5, 10].find((each) => each * power >= x * (1 - 1e-12)) ?? 10;
  return Math.min(found * power, Number.MAX_VALUE / 4);
}
