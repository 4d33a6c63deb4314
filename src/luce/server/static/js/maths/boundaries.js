// @ts-check
// The lines along which the most probable class changes, from probabilities on a grid.

/**
 * The segments of the lines: marching squares with one crossing on every side between two winners,
 * where their probabilities are equal; three or four crossings of a cell meet in its middle.
 * @param {Float64Array} p (side · side, k) of the nodes, row after row
 * @param {number} side nodes of a row
 * @param {number} k classes
 * @returns {[number, number, number, number][]} x1, y1, x2, y2, counted in nodes
 */
export function boundaries(p, side, k) {
  const winners = new Int32Array(side * side);
  for (let node = 0; node < winners.length; node++) {
    for (let j = 1; j < k; j++) {
      if (p[node * k + j] > p[node * k + winners[node]]) winners[node] = j;
    }
  }
  /** Where between two nodes the winner changes, 0..1. */
  const crossing = (/** @type {number} */ from, /** @type {number} */ to) => {
    const [a, b] = [winners[from], winners[to]];
    const before = p[from * k + a] - p[from * k + b];
    const after = p[to * k + b] - p[to * k + a];
    return before + after > 0 ? before / (before + after) : 0.5;
  };
  /** @type {[number, number, number, number][]} */
  const segments = [];
  for (let y = 0; y + 1 < side; y++) {
    for (let x = 0; x + 1 < side; x++) {
      const at = y * side + x;
      const corners = [at, at + 1, at + side + 1, at + side];
      /** @type {[number, number][]} */
      const found = [];
      if (winners[at] !== winners[at + 1]) found.push([x + crossing(at, at + 1), y]);
      if (winners[at + 1] !== winners[corners[2]]) found.push([x + 1, y + crossing(at + 1, corners[2])]);
      if (winners[corners[3]] !== winners[corners[2]]) found.push([x + crossing(corners[3], corners[2]), y + 1]);
      if (winners[at] !== winners[corners[3]]) found.push([x, y + crossing(at, corners[3])]);
      if (found.length === 2) segments.push([...found[0], ...found[1]]);
      if (found.length > 2) {
        const middle = [0, 1].map((i) => found.reduce((sum, one) => sum + one[i], 0) / found.length);
        for (const one of found) segments.push([...one, middle[0], middle[1]]);
      }
    }
  }
  return segments;
}
