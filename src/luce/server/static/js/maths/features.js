// @ts-check
// What a linear model sees of a point: its coordinates, or all their products up to a degree.

const RAISED = ['', '', '²', '³', '⁴', '⁵'];
export const MOST_DEGREE = 5;

/**
 * The exponents of x and y in each feature, by degree: x, y, x², xy, y², ...
 * @param {number} degree 1..5
 * @returns {[number, number][]}
 */
export function monomials(degree) {
  /** @type {[number, number][]} */
  const found = [];
  for (let total = 1; total <= degree; total++) {
    for (let ofY = 0; ofY <= total; ofY++) found.push([total - ofY, ofY]);
  }
  return found;
}

/**
 * The names of the features: x, y, x², xy, ...
 * @param {number} degree
 */
export function featureNames(degree) {
  const power = (/** @type {string} */ name, /** @type {number} */ e) => (e ? name + RAISED[e] : '');
  return monomials(degree).map(([a, b]) => power('x', a) + power('y', b));
}

/**
 * The features of points, one row after the other.
 * @param {readonly {x: number, y: number}[]} points
 * @param {number} degree
 * @returns {Float64Array} (n, features)
 */
export function polynomial(points, degree) {
  const exponents = monomials(degree);
  const rows = new Float64Array(points.length * exponents.length);
  let at = 0;
  for (const { x, y } of points) {
    for (const [a, b] of exponents) rows[at++] = x ** a * y ** b;
  }
  return rows;
}
