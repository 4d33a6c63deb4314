// @ts-check
/** What the page Softmax shows: from the address, back into it, and what follows from it. */

import { entropy, logProbabilities, measure, probabilities } from '../../../maths/softmax.js';
import { formatNumbers, parseNumbers, within } from '../parts/store.js';

/**
 * @typedef {object} State
 * @property {number[]} z
 * @property {number} T temperature; 0 is the limit
 * @property {number} i the class that is looked at
 * @property {number | null} lit the class that the pointer is on
 * @property {number} shift added to all logits
 * @property {16 | 32 | 64} bits of the naive formula
 * @property {number} seed
 * @property {number} n samples
 * @property {number} alpha of entmax
 * @property {string} tab
 * @property {string} answer to the question of the tab
 * @property {import('../../../maths/softmax.js').Measured} row
 * @property {Float64Array} p
 * @property {Float64Array} logP
 * @property {number} rival the likeliest class apart from i
 * @property {number} entropy
 */
/** @typedef {import('../parts/store.js').Store<State>} SoftmaxStore */

/** So many classes can be shown. */
export const MOST_CLASSES = 500;

/** @param {ReadonlyMap<string, string>} params @returns {State} */
export function read(params) {
  const z = (parseNumbers(params.get('z') ?? '') ?? [2, 1, 0.1]).slice(0, MOST_CLASSES);
  const bits = within(params.get('bits'), 64, 16, 64);
  const state = {
    z,
    T: within(params.get('T'), 1, 0, Number.MAX_VALUE),
    i: Math.min(Math.round(within(params.get('i'), 1, 1, z.length)), z.length) - 1,
    lit: null,
    shift: within(params.get('c'), 0, -Number.MAX_VALUE, Number.MAX_VALUE),
    bits: /** @type {16 | 32 | 64} */ (bits === 16 || bits === 32 ? bits : 64),
    seed: Math.round(within(params.get('seed'), 1, 0, Number.MAX_SAFE_INTEGER)),
    n: Math.round(within(params.get('n'), 100, 1, 100000)),
    alpha: within(params.get('alpha'), 2, 1, 10),
    tab: params.get('tab') ?? 'formula',
    answer: params.get('answer') ?? '',
  };
  return /** @type {State} */ (state); // the rest is derived
}

/** What differs from where one starts. @param {State} state */
export function address(state) {
  const unless = (/** @type {number | string} */ value, /** @type {number | string} */ usual) => (value === usual ? null : value);
  return {
    z: unless(formatNumbers(state.z), '2,1,0.1'),
    T: unless(state.T, 1),
    i: unless(state.i + 1, 1),
    c: unless(state.shift, 0),
    bits: unless(state.bits, 64),
    seed: unless(state.seed, 1),
    n: unless(state.n, 100),
    alpha: unless(state.alpha, 2),
    tab: unless(state.tab, 'formula'),
    answer: unless(state.answer, ''),
  };
}

/** @param {State} state */
export function derive(state) {
  state.i = Math.min(state.i, state.z.length - 1);
  state.row = measure(state.z, state.T);
  state.p = probabilities(state.row);
  state.logP = logProbabilities(state.row);
  state.entropy = entropy(state.z, state.T);
  state.rival = -1;
  for (let j = 0; j < state.z.length; j += 1) {
    if (j !== state.i && (state.rival < 0 || Number(state.z[j]) > Number(state.z[state.rival]))) state.rival = j;
  }
}
