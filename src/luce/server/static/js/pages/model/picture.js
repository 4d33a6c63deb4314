// @ts-check
/** Small images that the server sends as bytes, drawn on a canvas. */

import { resolve } from '../../colours.js';
import { h } from '../../dom.js';

/**
 * @typedef {object} Pixels
 * @property {number} height
 * @property {number} width
 * @property {number} colours 1 or 3
 * @property {string} data bytes in base 64
 * @property {number} [top] of values with a sign: what 127 stands for
 */

/** Blue speaks for, orange against; the report's colours. */
const FOR = [0x1f, 0x6f, 0xb8];
const AGAINST = [0xd9, 0x6a, 0x0b];

/**
 * @param {string} data base 64
 * @returns {Uint8Array}
 */
export function bytes(data) {
  return Uint8Array.from(atob(data), (c) => c.charCodeAt(0));
}

/** @param {Uint8Array} values */
export function base64(values) {
  let text = '';
  for (const value of values) text += String.fromCharCode(value);
  return btoa(text);
}

/**
 * An image; one in light on a dark ground is shown as ink on the page.
 * @param {Pixels} image
 * @param {string} label
 * @param {string} [kind] class for its size
 */
export function picture(image, label, kind = '') {
  const values = bytes(image.data);
  const dark = image.colours === 1 && darkBorder(values, image.width, image.height);
  // The page is shown anew when its theme changes, so the ink of now is the right one.
  const ink = dark ? resolve('var(--ink)') : null;
  const canvas = blank(image, label, `picture ${kind}`);
  paint(canvas, (at) => colourOf(values, at, image.colours, ink));
  return canvas;
}

/**
 * Values with a sign: blue above 0, orange below, nothing at 0.
 * @param {Pixels} image
 * @param {string} label
 * @param {string} [kind]
 */
export function signedPicture(image, label, kind = '') {
  const values = new Int8Array(bytes(image.data).buffer);
  const canvas = blank(image, label, `picture signed ${kind}`);
  paint(canvas, (at) => {
    const value = values[at] ?? 0;
    const [r = 0, g = 0, b = 0] = value > 0 ? FOR : AGAINST;
    return [r, g, b, Math.min(255, Math.abs(value) * 2)];
  });
  return canvas;
}

/**
 * @param {Uint8Array} values
 * @param {number} at number of the pixel
 * @param {number} colours
 * @param {import('../../colours.js').Rgb | null} ink colour to draw with on the page; null: grey as it is
 */
export function colourOf(values, at, colours, ink) {
  if (colours === 3) {
    const [r = 0, g = 0, b = 0] = values.subarray(3 * at, 3 * at + 3);
    return [r, g, b, 255];
  }
  const value = values[at] ?? 0;
  return ink ? [...ink, value] : [value, value, value, 255];
}

/**
 * Whether the middle one of the pixels on the border is dark.
 * @param {Uint8Array} values
 * @param {number} width
 * @param {number} height
 */
export function darkBorder(values, width, height) {
  const border = [];
  for (let at = 0; at < width * height; at += 1) {
    const column = at % width;
    const row = (at - column) / width;
    if (row === 0 || column === 0 || row === height - 1 || column === width - 1) border.push(values[at] ?? 0);
  }
  border.sort((a, b) => a - b);
  return (border[border.length >> 1] ?? 0) < 64;
}

/**
 * @param {HTMLCanvasElement} canvas
 * @param {(at: number) => number[]} rgba
 */
export function paint(canvas, rgba) {
  const context = canvas.getContext('2d');
  if (!context) return;
  const image = context.createImageData(canvas.width, canvas.height);
  for (let at = 0; at < canvas.width * canvas.height; at += 1) image.data.set(rgba(at), 4 * at);
  context.putImageData(image, 0, 0);
}

/**
 * @param {Pixels} image
 * @param {string} label
 * @param {string} kind
 */
function blank(image, label, kind) {
  const { width, height } = image;
  return h('canvas', { class: kind.trim(), width, height, role: 'img', 'aria-label': label });
}
