// @ts-check
/** Colours of the theme as numbers, for canvases; everything else uses the CSS variables. */

/** How many colours there are for classes and series. */
export const SERIES = 10;

/** Dashes that go with the colours, so that nothing is told by colour alone. */
export const DASHES = ['', '7 4', '2 3', '9 3 2 3', '12 5', '5 2 1 2 1 2', '1 4', '14 3 4 3', '4 6', '9 2'];

/**
 * The CSS colour of a class or series.
 * @param {number} index
 */
export function seriesColour(index) {
  return `var(--c${index % SERIES})`;
}

/** @typedef {readonly [number, number, number]} Rgb from 0 to 255 */

/**
 * What a CSS colour, such as `var(--c0)`, is in the theme of now.
 * @param {string} colour
 * @returns {Rgb}
 */
export function resolve(colour) {
  const probe = document.createElement('span');
  probe.style.color = colour;
  document.body.append(probe);
  const parts = getComputedStyle(probe).color.match(/[\d.]+/g) ?? [];
  probe.remove();
  const [r = 0, g = 0, b = 0] = parts.map(Number);
  return [r, g, b];
}

/**
 * @param {Rgb} from
 * @param {Rgb} to
 * @param {number} share of `to`, from 0 to 1
 * @returns {Rgb}
 */
export function mix(from, to, share) {
  const part = (/** @type {0 | 1 | 2} */ i) => Math.round(from[i] + (to[i] - from[i]) * share);
  return [part(0), part(1), part(2)];
}

/** @param {Rgb} colour */
export function css(colour) {
  return `rgb(${colour[0]} ${colour[1]} ${colour[2]})`;
}
