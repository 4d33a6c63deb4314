// @ts-check
/**
 * Distillation of one row: what a student has yet to learn from a teacher's softened probabilities.
 *
 *   L = alpha T^2 sum_j q_j log(q_j / p_j) + (1 - alpha) (-log softmax(z)_y)
 *
 * with p = softmax(z / T) of the student and q of the teacher. Everything is computed from exact
 * differences of logits: a student who nearly agrees has a loss of 1e-19, not a rounding
 * error of 1e-17. The same as luce/losses/divergence.py.
 *
 * Source: Hinton, Vinyals & Dean (2015), Distilling the knowledge in a neural network, section 2.
 */

import { crossEntropy, oneHot, sum } from './losses.js';
import { plus, sumOf } from './pairs.js';
import { logProbabilities, measure, probabilities } from './softmax.js';

/** @typedef {ArrayLike<number>} Row */
/** @typedef {import('./softmax.js').Measured} Measured */

const SERIES = 20; // terms of (e^x - 1 - x) / x^2 for |x| <= 1
const SHARED = 0.25; // what two distributions must have in common to be compared more closely
const STRAIGHT = 2 ** -60; // below it e^x - 1 is x

/**
 * @param {Row} z @param {Row} teacher
 * @param {{temperature?: number, alpha?: number, label?: number | null}} [options]
 * @returns {{loss: number, soft: number, hard: number, grad: Float64Array}}
 */
export function distillation(z, teacher, { temperature = 1, alpha = 1, label = null } = {}) {
  const taught = alpha === 0 ? nothing(z.length) : divergence(z, teacher, temperature);
  const told = alpha === 1 || label === null ? nothing(z.length) : crossEntropy(z, oneHot(label, z.length));
  const soft = alpha * taught.loss;
  const hard = (1 - alpha) * told.loss;
  const grad = taught.grad.map((each, j) => alpha * each + (1 - alpha) * told.grad[j]);
  return { loss: soft + hard, soft, hard, grad };
}

/** Return `T^2 KL(teacher || student)` and its gradient in the student, `T (p - q)`.
 * @param {Row} z @param {Row} teacher @param {number} T @returns {{loss: number, grad: Float64Array}} */
function divergence(z, teacher, T) {
  const [student, master] = [measure(z, T), measure(teacher, T)];
  const [p, q] = [probabilities(student), probabilities(master)];
  const lead = leadOfTeacher(z, teacher, student, master, T);
  return {
    loss: sum(lead.map((each, j) => excess(p[j], q[j], each, T))),
    grad: lead.map((each, j) => -gain(p[j], q[j], each, T) + 0),
  };
}

/**
 * Return `T log(q / p) = v - z - c` from exact differences of the logits.
 *
 * The constant c is first that of the two winners, then found from `sum(q - p) = 0` by two steps of Newton's method; the derivative is
 * `-sum min(p, q)`, and where that is small the two are so far apart that nothing needs mending.
 * @param {Row} z @param {Row} v @param {Measured} student @param {Measured} teacher @param {number} T
 * @returns {Float64Array}
 */
function leadOfTeacher(z, v, student, teacher, T) {
  const [p, q] = [probabilities(student), probabilities(teacher)];
  const tops = sumOf(v[teacher.winner], -z[student.winner]);
  const fall =
    logProbabilities(teacher)[teacher.winner] - logProbabilities(student)[student.winner];
  const shift = T * fall;
  let lead = Float64Array.from(z, (each, j) => {
    if (each === -Infinity && v[j] === -Infinity) return 0;
    const moved = plus(sumOf(v[j], -each), [-tops[0], -tops[1]]);
    const [high, low] = sumOf(moved[0], shift);
    return high + (low + moved[1]);
  });
  const shared = sum(p.map((each, j) => Math.min(each, q[j])));
  if (!(shared > SHARED)) return lead;
  for (let repeat = 0; repeat < 2; repeat++) {
    const left = sum(lead.map((each, j) => gain(p[j], q[j], each, T))) / shared;
    lead = lead.map((each) => each - left);
  }
  return lead;
}

/** Return `T (q - p)`, given `lead = T log(q / p)`, which is also its limit for large T.
 * @param {number} p @param {number} q @param {number} lead @param {number} T @returns {number} */
function gain(p, q, lead, T) {
  const size = Math.abs(lead);
  const grown = size / T < STRAIGHT ? size : T * -Math.expm1(-size / T);
  return Math.sign(lead) * Math.max(p, q) * grown;
}

/** Return `T^2 (q log(q / p) - q + p)`, which is 0 or more, given `lead = T log(q / p)`.
 *
 * It is `T^2 q (e^x - 1 - x)` for `x = log(p / q)`: by its series where it would cancel.
 * @param {number} p @param {number} q @param {number} lead @param {number} T @returns {number} */
function excess(p, q, lead, T) {
  if (lead === Infinity) return Infinity;
  const ratio = lead / T;
  if (Math.abs(ratio) <= 1) {
    let series = 0;
    for (let n = SERIES; n >= 2; n--) series = (1 - ratio * series) / n; // nested: 1/2 (1 - x/3 (1 - ...))
    return q * lead * (lead * series);
  }
  if (ratio > 0) return T * (T * (q * (Math.expm1(-ratio) + ratio)));
  const below = Math.max(ratio, -800);
  return T * (T * (p * (1 + Math.exp(below) * (below - 1))));
}

/** @param {number} k @returns {{loss: number, grad: Float64Array}} */
function nothing(k) {
  return { loss: 0, grad: new Float64Array(k) };
}
