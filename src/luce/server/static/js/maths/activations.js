// @ts-check
/**
 * Activations of neural networks and their derivatives: step, sigmoid, tanh and relu.
 *
 * The sigmoid takes a temperature; at 0 it is the step. Derivatives are accurate in both tails, where
 * `p * (1 - p)` would be 0 too early. The same as luce/functions/activations.py and sigmoid_grad.py.
 */

const DEEP = -600; // below it an exponential nears the end of the normal range

/** Heaviside's step. @param {number} x @param {number} [atZero] @returns {number} */
export function step(x, atZero = 0.5) {
  if (Number.isNaN(x)) return x;
  return x === 0 ? atZero : x > 0 ? 1 : 0;
}

/** Its derivative: 0, which is why no gradient can train a step. @param {number} x @returns {number} */
export function stepGrad(x) {
  return Number.isNaN(x) ? x : 0;
}

/** `1 / (1 + exp(-x / T))`. @param {number} x @param {number} [temperature] @returns {number} */
export function sigmoid(x, temperature = 1) {
  if (temperature === 0) return step(x);
  const small = Math.exp(-Math.abs(x) / temperature);
  return (x < 0 ? small : 1) / (1 + small);
}

/** `-log(1 + exp(-x / T))`. @param {number} x @param {number} [temperature] @returns {number} */
export function logSigmoid(x, temperature = 1) {
  return (x < 0 ? x / temperature : 0) - Math.log1p(Math.exp(-Math.abs(x) / temperature));
}

/** `exp(-u) / (T (1 + exp(-u))^2)` with `u = |x| / T`. @param {number} x @param {number} [temperature] @returns {number} */
export function sigmoidGrad(x, temperature = 1) {
  if (temperature === 0) return x === 0 ? Infinity : stepGrad(x);
  const exponent = -Math.abs(x) / temperature;
  const sum = 1 + Math.exp(exponent);
  return timesExp(1 / (temperature * sum * sum), exponent);
}

/** @param {number} x @returns {number} */
export function tanh(x) {
  return Math.tanh(x);
}

/** `1 / cosh(x)^2`. @param {number} x @returns {number} */
export function tanhGrad(x) {
  return 4 * sigmoidGrad(2 * x);
}

/** @param {number} x @returns {number} */
export function relu(x) {
  return Number.isNaN(x) ? x : x > 0 ? x : 0;
}

/** 1 above 0, and 0 elsewhere, also at 0, where there is no derivative. @param {number} x @returns {number} */
export function reluGrad(x) {
  return step(x, 0);
}

/** Return `factor * exp(exponent)`, accurate also where the exponential alone would underflow.
 * @param {number} factor @param {number} exponent @returns {number} */
function timesExp(factor, exponent) {
  if (factor === 0) return 0;
  if (!(exponent < DEEP)) return factor * Math.exp(exponent);
  const half = Math.exp(0.5 * exponent);
  return factor * half * half;
}
