// @ts-check
// A linear model, or one with a hidden layer, and the gradient of its loss.

import { logSigmoid, relu, sigmoid, tanh } from './activations.js';
import { logSoftmax, softmax } from './softmax.js';

/**
 * @typedef {object} Network
 * @property {number[]} sizes inputs, (hidden units,) classes
 * @property {'relu' | 'tanh'} activation of the hidden units
 * @property {'softmax' | 'sigmoid'} outputs one softmax over the classes, or one sigmoid for each:
 *   logistic regressions, one class against the rest
 * @property {Float64Array} theta all parameters
 * @property {Layer[]} layers views of them
 */

/** @typedef {{inputs: number, outputs: number, weight: Float64Array, bias: Float64Array}} Layer */

/**
 * A network: weights 0 where it is linear (its loss is convex, so all starts are alike), else drawn
 * as torch.nn.Linear does, evenly within ±1/sqrt(inputs); biases 0.
 * @param {number[]} sizes
 * @param {'relu' | 'tanh'} activation
 * @param {'softmax' | 'sigmoid'} outputs
 * @param {import('./random.js').Random} source
 * @returns {Network}
 */
export function makeNetwork(sizes, activation, outputs, source) {
  const theta = new Float64Array(sizes.slice(1).reduce((sum, size, i) => sum + size * (sizes[i] + 1), 0));
  const layers = layersOf(theta, sizes);
  if (layers.length > 1) {
    for (const { inputs, weight } of layers) {
      for (let i = 0; i < weight.length; i++) weight[i] = (2 * source.uniform() - 1) / Math.sqrt(inputs);
    }
  }
  return { sizes, activation, outputs, theta, layers };
}

/**
 * The layers of a vector of parameters: weight (outputs, inputs) and bias of each, one after another.
 * @param {Float64Array} theta @param {number[]} sizes
 * @returns {Layer[]}
 */
export function layersOf(theta, sizes) {
  let at = 0;
  return sizes.slice(1).map((outputs, i) => {
    const inputs = sizes[i];
    const weight = theta.subarray(at, (at += outputs * inputs));
    return { inputs, outputs, weight, bias: theta.subarray(at, (at += outputs)) };
  });
}

/**
 * @param {Layer} layer @param {Float64Array} rows (n, inputs)
 * @returns {Float64Array} (n, outputs)
 */
function linear({ inputs, outputs, weight, bias }, rows) {
  const n = rows.length / inputs;
  const result = new Float64Array(n * outputs);
  for (let row = 0; row < n; row++) {
    for (let o = 0; o < outputs; o++) {
      let sum = bias[o];
      for (let i = 0; i < inputs; i++) sum += weight[o * inputs + i] * rows[row * inputs + i];
      result[row * outputs + o] = sum;
    }
  }
  return result;
}

/**
 * @param {Network} network @param {Float64Array} rows (n, inputs)
 * @returns {{hidden: Float64Array | null, logits: Float64Array}} (n, units) and (n, classes)
 */
export function forward({ layers, activation }, rows) {
  if (layers.length === 1) return { hidden: null, logits: linear(layers[0], rows) };
  const hidden = linear(layers[0], rows).map(activation === 'relu' ? relu : tanh);
  return { hidden, logits: linear(layers[1], hidden) };
}

/**
 * What the model states: the softmax, or the sigmoids divided by their sum, as scikit-learn and
 * luce.OneVsRest do.
 * @param {Network} network @param {Float64Array} logits of one row
 * @returns {Float64Array}
 */
export function stated({ outputs }, logits) {
  if (outputs === 'softmax') return softmax(logits);
  const each = logits.map((z) => sigmoid(z));
  const sum = each.reduce((a, b) => a + b, 0);
  // where all sigmoids underflow they are exponentials, whose share is the softmax
  return sum > 1e-300 ? each.map((p) => p / sum) : softmax(logits);
}

/**
 * The mean loss over some rows, with its penalty, and its gradient.
 *
 * Softmax: -log p_y. Sigmoids: the sum of the k binary cross-entropies. The penalty is
 * |W|² / (2 C n) over all weights but no bias, so that C means what it means in scikit-learn.
 * Source of the gradient: backpropagation (Rumelhart, Hinton & Williams 1986, Nature 323).
 * @param {Network} network
 * @param {Float64Array} rows (n, inputs)
 * @param {ArrayLike<number>} labels (n,)
 * @param {number} penalty 1 / (C n), n being the rows of the whole training set
 * @returns {{loss: number, gradient: Float64Array}} the gradient has the layout of theta
 */
export function lossAndGradient(network, rows, labels, penalty) {
  const { sizes, layers, activation, theta } = network;
  const n = labels.length;
  const { hidden, logits } = forward(network, rows);
  let loss = 0;
  const ofLogits = new Float64Array(logits.length);
  const k = sizes[sizes.length - 1];
  for (let row = 0; row < n; row++) {
    const z = logits.subarray(row * k, (row + 1) * k);
    const into = ofLogits.subarray(row * k, (row + 1) * k);
    loss += network.outputs === 'softmax' ? softmaxLoss(z, labels[row], into) : sigmoidLoss(z, labels[row], into);
  }
  for (let i = 0; i < ofLogits.length; i++) ofLogits[i] /= n;
  loss /= n;

  const gradient = new Float64Array(theta.length);
  const grads = layersOf(gradient, sizes);
  if (hidden === null) {
    accumulate(grads[0], rows, ofLogits);
  } else {
    accumulate(grads[1], hidden, ofLogits);
    const ofHidden = backwards(layers[1], ofLogits);
    for (let i = 0; i < ofHidden.length; i++) {
      ofHidden[i] *= activation === 'relu' ? Number(hidden[i] > 0) : 1 - hidden[i] ** 2;
    }
    accumulate(grads[0], rows, ofHidden);
  }
  layers.forEach(({ weight }, l) => {
    for (let i = 0; i < weight.length; i++) {
      loss += 0.5 * penalty * weight[i] ** 2;
      grads[l].weight[i] += penalty * weight[i];
    }
  });
  return { loss, gradient };
}

/**
 * The cross-entropy of a softmax; its gradient, p - y, is written into `into`.
 * @param {Float64Array} z @param {number} label @param {Float64Array} into
 */
function softmaxLoss(z, label, into) {
  const logP = logSoftmax(z);
  for (let j = 0; j < z.length; j++) into[j] = Math.exp(logP[j]);
  into[label] = Math.expm1(logP[label]); // p - 1 without cancellation
  return -logP[label];
}

/**
 * The sum of the binary cross-entropies, log(1 + e^(∓z)); its gradient is σ(z) - y.
 * @param {Float64Array} z @param {number} label @param {Float64Array} into
 */
function sigmoidLoss(z, label, into) {
  let loss = 0;
  for (let j = 0; j < z.length; j++) {
    const against = j === label ? -z[j] : z[j];
    loss -= logSigmoid(-against);
    into[j] = j === label ? -sigmoid(-z[j]) : sigmoid(z[j]);
  }
  return loss;
}

/**
 * Add what each row gives to the gradient of a layer.
 * @param {Layer} grad @param {Float64Array} rows (n, inputs) @param {Float64Array} ofOutputs (n, outputs)
 */
function accumulate({ inputs, outputs, weight, bias }, rows, ofOutputs) {
  const n = ofOutputs.length / outputs;
  for (let row = 0; row < n; row++) {
    for (let o = 0; o < outputs; o++) {
      const g = ofOutputs[row * outputs + o];
      bias[o] += g;
      for (let i = 0; i < inputs; i++) weight[o * inputs + i] += g * rows[row * inputs + i];
    }
  }
}

/**
 * The gradient in a layer's inputs.
 * @param {Layer} layer @param {Float64Array} ofOutputs (n, outputs)
 */
function backwards({ inputs, outputs, weight }, ofOutputs) {
  const n = ofOutputs.length / outputs;
  const result = new Float64Array(n * inputs);
  for (let row = 0; row < n; row++) {
    for (let o = 0; o < outputs; o++) {
      const g = ofOutputs[row * outputs + o];
      for (let i = 0; i < inputs; i++) result[row * inputs + i] += g * weight[o * inputs + i];
    }
  }
  return result;
}
