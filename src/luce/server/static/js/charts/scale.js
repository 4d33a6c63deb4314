// @ts-check
/** From values to pixels, and the round numbers between. Pure functions. */

/**
 * @typedef {object} Scale
 * @property {(value: number) => number} at the pixel of a value
 * @property {(pixel: number) => number} of the value at a pixel
 * @property {number[]} ticks
 * @property {'linear' | 'log'} kind
 * @property {readonly [number, number]} domain
 */

/**
 * @param {readonly [number, number]} domain
 * @param {readonly [number, number]} range in pixels
 * @param {{kind?: 'linear' | 'log', ticks?: number}} [options] ticks: about how many
 * @returns {Scale}
 */
export function makeScale(domain, range, { kind = 'linear', ticks = 5 } = {}) {
  const log = kind === 'log';
  let [low, high] = log ? [Math.log10(domain[0]), Math.log10(domain[1])] : domain;
  if (!(high > low)) [low, high] = [low - 0.5, low + 0.5];
  const slope = (range[1] - range[0]) / (high - low);
  return {
    at: (value) => range[0] + ((log ? Math.log10(value) : value) - low) * slope,
    of: (pixel) => {
      const value = low + (pixel - range[0]) / slope;
      return log ? 10 ** value : value;
    },
    ticks: log ? logTicks(low, high, ticks) : linearTicks(low, high, ticks),
    kind,
    domain,
  };
}

/**
 * Multiples of 1, 2 or 5 times a power of ten.
 * @param {number} low
 * @param {number} high
 * @param {number} count about how many
 */
export function linearTicks(low, high, count) {
  const step = niceStep((high - low) / Math.max(1, count));
  const first = Math.ceil(low / step - 1e-9);
  const last = Math.floor(high / step + 1e-9);
  // Multiples by whole numbers, so that 0.3 is not 0.30000000000000004.
  return Array.from({ length: last - first + 1 }, (_, i) => tidy((first + i) * step));
}

/** @param {number} raw */
export function niceStep(raw) {
  if (!(raw > 0) || !Number.isFinite(raw)) return 1;
  const power = 10 ** Math.floor(Math.log10(raw));
  const size = raw / power;
  return power * (size <= 1 ? 1 : size <= 2 ? 2 : size <= 5 ? 5 : 10);
}

/**
 * Powers of ten, and 2 and 5 times them where there is room.
 * @param {number} low as a logarithm
 * @param {number} high as a logarithm
 * @param {number} count about how many
 */
function logTicks(low, high, count) {
  const every = Math.max(1, Math.ceil((high - low) / count));
  const parts = high - low < count / 3 ? [1, 2, 5] : [1];
  const found = [];
  for (let power = Math.floor(low); power <= Math.ceil(high); power += 1) {
    if (power % every !== 0 && parts.length === 1) continue;
    for (const part of parts) {
      const at = power + Math.log10(part);
      if (at >= low - 1e-9 && at <= high + 1e-9) found.push(tidy(part * 10 ** power));
    }
  }
  return found;
}

/** @param {number} x */
function tidy(x) {
  return Number(x.toPrecision(12));
}

/**
 * Smallest and largest finite value; [0, 1] if there is none.
 * @param {Iterable<ArrayLike<number>>} lists
 * @param {(value: number) => boolean} [counts]
 * @returns {[number, number]}
 */
export function extent(lists, counts = Number.isFinite) {
  let low = Infinity;
  let high = -Infinity;
  for (const list of lists) {
    for (let i = 0; i < list.length; i += 1) {
      const value = /** @type {number} */ (list[i]);
      if (!counts(value)) continue;
      if (value < low) low = value;
      if (value > high) high = value;
    }
  }
  return low <= high ? [low, high] : [0, 1];
}

/**
 * A domain that ends on round numbers.
 * @param {readonly [number, number]} domain
 * @param {number} [count]
 * @returns {[number, number]}
 */
export function rounded([low, high], count = 5) {
  if (!(high > low)) return low === 0 ? [0, 1] : [low - Math.abs(low) / 2, low + Math.abs(low) / 2];
  const step = niceStep((high - low) / count);
  return [tidy(Math.floor(low / step + 1e-9) * step), tidy(Math.ceil(high / step - 1e-9) * step)];
}

/**
 * An SVG path of points in order of x: where more than two points share a column of pixels, only
 * the first, the lowest, the highest and the last of them are drawn. It looks the same, and ten
 * thousand points cost as much as a thousand. What is not finite leaves a gap.
 * @param {ArrayLike<number>} x
 * @param {ArrayLike<number>} y
 * @param {Scale} xScale
 * @param {Scale} yScale
 * @returns {string}
 */
export function pathOf(x, y, xScale, yScale) {
  /** @type {string[]} */
  const parts = [];
  let pen = 'M';
  let column = NaN;
  let first = 0, low = 0, high = 0, last = 0, inside = 0;
  let firstX = 0;
  let drawn = 0; // points since the last gap
  const flush = () => {
    if (!inside) return;
    const at = column.toFixed(0);
    parts.push(`${pen}${inside === 1 ? firstX.toFixed(2) : at} ${first.toFixed(2)}`);
    pen = 'L';
    if (inside > 2) parts.push(`L${at} ${low.toFixed(2)}L${at} ${high.toFixed(2)}`);
    if (inside > 1) parts.push(`L${at} ${last.toFixed(2)}`);
    drawn += inside;
    inside = 0;
  };
  const end = () => {
    flush();
    if (drawn === 1) parts.push('m-3 0h6m-3-3v6'); // a cross: a point alone is seen, too
    drawn = 0;
    pen = 'M';
  };
  const count = Math.min(x.length, y.length);
  for (let i = 0; i < count; i += 1) {
    const px = xScale.at(/** @type {number} */ (x[i]));
    const py = yScale.at(/** @type {number} */ (y[i]));
    if (!Number.isFinite(px) || !Number.isFinite(py)) {
      end();
      continue;
    }
    const place = Math.round(px);
    if (place !== column) {
      flush();
      column = place;
    }
    if (!inside) {
      first = low = high = py;
      firstX = px;
    }
    if (py < low) low = py;
    if (py > high) high = py;
    last = py;
    inside += 1;
  }
  end();
  return parts.join('');
}
