// @ts-check
// Points of the plane with a class each: ready-made sets, and their short form for the address.

import { random } from './random.js';

/**
 * @typedef {object} Point
 * @property {number} x in [-1, 1], a multiple of 1/512
 * @property {number} y likewise
 * @property {number} label 0..9
 */

/** @typedef {'blobs' | 'row' | 'moons' | 'spirals' | 'rings' | 'xor'} SetName */

/** @type {readonly SetName[]} */
export const SETS = ['blobs', 'row', 'moons', 'spirals', 'rings', 'xor'];
export const MOST_CLASSES = 10;
export const MOST_POINTS = 400;
const STEPS = 512; // of the grid on each side of 0: what an address can say, a point can be

/**
 * The nearest place of the grid.
 * @param {number} value
 */
export function snapped(value) {
  return Math.max(-STEPS, Math.min(STEPS, Math.round(value * STEPS))) / STEPS;
}

/**
 * A ready-made set: every class has as many points, give or take one.
 * @param {SetName} name
 * @param {{classes: number, points: number, noise: number, seed: number}} options noise 0..1
 * @returns {Point[]}
 */
export function pointSet(name, { classes, points, noise, seed }) {
  const source = random(seed);
  return Array.from({ length: points }, (_, i) => {
    const label = i % classes;
    const [x, y] = SHAPES[name](label, classes, source);
    return {
      x: snapped(x + 0.15 * noise * source.normal()),
      y: snapped(y + 0.15 * noise * source.normal()),
      label,
    };
  });
}

/** @type {Record<SetName, (label: number, k: number, source: import('./random.js').Random) => [number, number]>} */
const SHAPES = {
  // heaps on a circle; from five on the last one stands in the middle, where no line parts it off
  blobs(label, k, source) {
    const around = k < 5 ? k : k - 1;
    const angle = (2 * Math.PI * label) / around + Math.PI / 2;
    const radius = label < around ? 0.65 : 0;
    return [radius * Math.cos(angle) + 0.1 * source.normal(), radius * Math.sin(angle) + 0.1 * source.normal()];
  },
  // heaps in a row: no line parts one in the middle from all others
  row(label, k, source) {
    const place = (1.6 * (label + 0.5)) / k - 0.8;
    return [place + (0.1 / k) * source.normal(), 0.6 * place + 0.12 * source.normal()];
  },
  // half circles that reach into one another, open upwards and downwards in turn
  moons(label, k, source) {
    const angle = Math.PI * source.uniform();
    const radius = 1.7 / (k + 1); // neighbours lie one radius apart
    const centre = (label - (k - 1) / 2) * radius;
    const up = label % 2 ? -1 : 1;
    return [centre + radius * Math.cos(angle), up * (radius * Math.sin(angle) - radius / 4) * 1.3];
  },
  // k arms, wound less the more they are
  spirals(label, k, source) {
    const way = source.uniform();
    const turns = 3.4 / k;
    const angle = 2 * Math.PI * (label / k + turns * Math.sqrt(way) * 0.75);
    const radius = 0.08 + 0.82 * Math.sqrt(way);
    return [radius * Math.cos(angle), radius * Math.sin(angle)];
  },
  // a disc and rings around it
  rings(label, k, source) {
    const width = 0.92 / k;
    const radius = width * (label + 0.15 + 0.5 * source.uniform());
    const angle = 2 * Math.PI * source.uniform();
    return [radius * Math.cos(angle), radius * Math.sin(angle)];
  },
  // a chessboard whose fields take the classes in turn; with two classes the four fields of xor
  xor(label, k, source) {
    const fields = Math.max(2, Math.ceil(Math.sqrt(2 * k)));
    const own = [];
    for (let f = 0; f < fields * fields; f++) {
      const [row, column] = [Math.floor(f / fields), f % fields];
      const shift = k % fields === 0 ? row : 0; // else columns would hold one class alone
      if ((f + shift) % k === label) own.push([row, column]);
    }
    const [row, column] = own[source.below(own.length)];
    const side = 1.8 / fields;
    const inside = () => 0.08 + 0.84 * source.uniform();
    return [-0.9 + side * (column + inside()), -0.9 + side * (row + inside())];
  },
};

const ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';
const SIDE = 2 * STEPS + 1;

/**
 * Points as text for an address: four letters a point, `(label · 1025 + y) · 1025 + x` to base 64.
 * @param {readonly Point[]} points
 */
export function encodePoints(points) {
  return points
    .map(({ x, y, label }) => {
      let number = (label * SIDE + Math.round(y * STEPS) + STEPS) * SIDE + Math.round(x * STEPS) + STEPS;
      let text = '';
      for (let digit = 0; digit < 4; digit++, number = Math.floor(number / 64)) {
        text = ALPHABET[number % 64] + text;
      }
      return text;
    })
    .join('');
}

/**
 * The points of a text; what is no point is left out, so that a cut address still opens.
 * @param {string} text
 * @returns {Point[]}
 */
export function decodePoints(text) {
  const points = [];
  for (let at = 0; at + 4 <= text.length && points.length < MOST_POINTS; at += 4) {
    const digits = [...text.slice(at, at + 4)].map((letter) => ALPHABET.indexOf(letter));
    if (digits.includes(-1)) continue;
    const number = digits.reduce((sum, digit) => 64 * sum + digit, 0);
    const label = Math.floor(number / SIDE / SIDE);
    if (label >= MOST_CLASSES) continue;
    points.push({
      x: ((number % SIDE) - STEPS) / STEPS,
      y: ((Math.floor(number / SIDE) % SIDE) - STEPS) / STEPS,
      label,
    });
  }
  return points;
}
