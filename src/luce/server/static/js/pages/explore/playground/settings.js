// @ts-check
// What the playground is set to, and how the address says it.

import { MOST_DEGREE } from '../../../maths/features.js';
import { MOST_CLASSES, MOST_POINTS, SETS, decodePoints } from '../../../maths/point_sets.js';

/**
 * @typedef {object} Settings
 * @property {import('../../../maths/point_sets.js').SetName} set
 * @property {number} classes
 * @property {number} points
 * @property {number} noise
 * @property {number} seed
 * @property {string | null} own points placed by hand, encoded; null takes the ready-made set
 * @property {'linear' | 'polynomial' | 'hidden'} model
 * @property {number} degree
 * @property {number} units
 * @property {'relu' | 'tanh'} activation
 * @property {'sgd' | 'adam'} optimizer
 * @property {number} rate
 * @property {number} batch
 * @property {number} C
 * @property {number} speed steps of a frame
 * @property {boolean} compare whether one-vs-rest is trained beside the softmax
 * @property {number} label of the next point
 * @property {'place' | 'remove'} mode
 * @property {number} x of the cursor
 * @property {number} y
 * @property {number} steps to take at once when the page opens
 */

export const RATES = [0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1, 3];
export const BATCHES = [1, 8, 32, 128, 0]; // 0: all points
export const PENALTIES = [0.01, 0.1, 1, 10, 100, 1000, Infinity];
export const SPEEDS = [1, 5, 25];
export const MOST_STEPS = 20_000;

/** @type {Settings} */
export const DEFAULTS = {
  set: 'blobs',
  classes: 5,
  points: 150,
  noise: 0.4,
  seed: 1,
  own: null,
  model: 'linear',
  degree: 3,
  units: 8,
  activation: 'tanh',
  optimizer: 'adam',
  rate: 0.03,
  batch: 32,
  C: 100,
  speed: 5,
  compare: true,
  label: 0,
  mode: 'place',
  x: 0,
  y: 0,
  steps: 0,
};

/** Options that begin the training anew when they change. */
export const STRUCTURE = [
  'set', 'classes', 'points', 'noise', 'seed', 'own', 'model', 'degree', 'units', 'activation', 'optimizer', 'batch', 'compare',
];

/**
 * The settings of an address; what cannot be is what it is by default.
 * @param {ReadonlyMap<string, string>} params
 * @returns {Settings}
 */
export function read(params) {
  const settings = { ...DEFAULTS };
  const choices = {
    set: SETS,
    model: ['linear', 'polynomial', 'hidden'],
    activation: ['relu', 'tanh'],
    optimizer: ['sgd', 'adam'],
    mode: ['place', 'remove'],
  };
  for (const [name, allowed] of Object.entries(choices)) {
    const value = params.get(name);
    if (value !== undefined && /** @type {readonly string[]} */ (allowed).includes(value)) {
      Object.assign(settings, { [name]: value });
    }
  }
  /** @type {Record<string, [number, number]>} */
  const ranges = {
    classes: [2, MOST_CLASSES],
    points: [20, MOST_POINTS],
    noise: [0, 1],
    seed: [0, 999_999],
    degree: [2, MOST_DEGREE],
    units: [1, 32],
    rate: [1e-4, 10],
    batch: [0, MOST_POINTS],
    C: [1e-6, Infinity],
    speed: [1, 100],
    label: [0, MOST_CLASSES - 1],
    x: [-1, 1],
    y: [-1, 1],
    steps: [0, MOST_STEPS],
  };
  const fractions = new Set(['noise', 'rate', 'C', 'x', 'y']);
  for (const [name, [low, high]] of Object.entries(ranges)) {
    const value = params.has(name) ? Number(params.get(name) || NaN) : NaN;
    if (!(value >= low && value <= high)) continue;
    Object.assign(settings, { [name]: fractions.has(name) ? value : Math.round(value) });
  }
  settings.compare = params.get('compare') !== '0';
  const own = params.get('own');
  if (own !== undefined) {
    settings.own = own;
    // a class that has points is one of the model's
    const labels = decodePoints(own).map((point) => point.label + 1);
    settings.classes = Math.max(settings.classes, ...labels);
  }
  settings.label = Math.min(settings.label, settings.classes - 1);
  return settings;
}

/**
 * The settings as parameters; what is so by default is left out.
 * @param {Settings} settings
 * @returns {Record<string, string | number | null>}
 */
export function written(settings) {
  return Object.fromEntries(
    Object.entries(settings).map(([name, value]) => {
      const usual = DEFAULTS[/** @type {keyof Settings} */ (name)];
      return [name, value === usual ? null : typeof value === 'boolean' ? Number(value) : value];
    }),
  );
}
