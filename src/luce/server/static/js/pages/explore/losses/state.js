// @ts-check
/** What the page Losses shows: from the address, back into it, and what follows from it. */

import { distillation } from '../../../maths/distillation.js';
import { crossEntropy, oneHot, squaredError, targets } from '../../../maths/losses.js';
import { softmax } from '../../../maths/softmax.js';
import { word } from '../../../words.js';
import { formatNumbers, parseNumbers, within } from '../parts/store.js';

/**
 * @typedef {object} State
 * @property {number[]} z
 * @property {number[]} teacher logits of the teacher, as many as there are classes
 * @property {number} y the right class
 * @property {number} i the class that is looked at
 * @property {number | null} lit
 * @property {'ce' | 'squared' | 'distill'} kind
 * @property {number} smoothing
 * @property {number} gamma
 * @property {number[]} weight of each class
 * @property {number} T
 * @property {number} alpha share of the teacher
 * @property {number} rate of a step against the gradient
 * @property {string} answer
 * @property {Float64Array} p
 * @property {Float64Array} q what the loss pulls the probabilities to
 * @property {Float64Array} grad
 * @property {Float64Array} terms
 * @property {number} loss
 */
/** @typedef {import('../parts/store.js').Store<State>} LossStore */

const MOST_CLASSES = 100;

/** @param {ReadonlyMap<string, string>} params @returns {State} */
export function read(params) {
  const z = (parseNumbers(params.get('z') ?? '') ?? [1, 2.5, -0.5, 0]).slice(0, MOST_CLASSES);
  const k = z.length;
  const kind = params.get('loss');
  const state = {
    z,
    teacher: fitted(parseNumbers(params.get('teacher') ?? '') ?? [3, 1, 0.5, -1], k, 0),
    y: Math.min(Math.round(within(params.get('y'), 1, 1, k)), k) - 1,
    i: Math.min(Math.round(within(params.get('i'), 1, 1, k)), k) - 1,
    lit: null,
    kind: /** @type {State['kind']} */ (kind === 'squared' || kind === 'distill' ? kind : 'ce'),
    smoothing: within(params.get('s'), 0, 0, 0.99),
    gamma: within(params.get('gamma'), 0, 0, 10),
    weight: fitted((parseNumbers(params.get('w') ?? '') ?? []).filter((each) => each >= 0 && each <= 1e6), k, 1),
    T: within(params.get('T'), 1, 0.05, 20),
    alpha: within(params.get('alpha'), 0.7, 0, 1),
    rate: within(params.get('rate'), 4, 0.01, 20),
    answer: params.get('answer') ?? '',
  };
  return /** @type {State} */ (state); // the rest is derived
}

/** @param {State} state */
export function address(state) {
  const unless = (/** @type {number | string} */ value, /** @type {number | string} */ usual) => (value === usual ? null : value);
  return {
    z: unless(formatNumbers(state.z), '1,2.5,-0.5,0'),
    teacher: unless(formatNumbers(state.teacher), '3,1,0.5,-1'),
    y: unless(state.y + 1, 1),
    i: unless(state.i + 1, 1),
    loss: unless(state.kind, 'ce'),
    s: unless(state.smoothing, 0),
    gamma: unless(state.gamma, 0),
    w: state.weight.every((each) => each === 1) ? null : formatNumbers(state.weight),
    T: unless(state.T, 1),
    alpha: unless(state.alpha, 0.7),
    rate: unless(state.rate, 4),
    answer: unless(state.answer, ''),
  };
}

/** @param {State} state */
export function derive(state) {
  const { z, y, T } = state;
  const label = oneHot(y, z.length);
  state.p = softmax(z, T);
  if (state.kind === 'distill') {
    const found = distillation(z, state.teacher, { temperature: T, alpha: state.alpha, label: y });
    state.q = softmax(state.teacher, T);
    state.terms = Float64Array.of(found.soft, found.hard);
    Object.assign(state, { loss: found.loss, grad: found.grad });
    return;
  }
  const given = { smoothing: state.smoothing, temperature: T };
  const found = state.kind === 'ce' ? crossEntropy(z, label, { ...given, gamma: state.gamma, weight: state.weight }) : squaredError(z, label, given);
  state.q = targets(label, { smoothing: state.smoothing });
  Object.assign(state, found);
}

/** As many numbers as there are classes. @param {number[]} numbers @param {number} k @param {number} otherwise */
export function fitted(numbers, k, otherwise) {
  return Array.from({ length: k }, (_, i) => numbers[i] ?? otherwise);
}

/** The name of a loss. @param {State['kind']} kind */
export function nameOf(kind) {
  return word(`explore.losses.kind.${kind}`);
}
