// @ts-check
// The two models of the playground, trained side by side on the same points.

import { monomials, polynomial } from '../../../maths/features.js';
import { forward, stated } from '../../../maths/network.js';
import { startTraining } from '../../../maths/training.js';

/** @typedef {import('./settings.js').Settings} Settings */
/** @typedef {import('../../../maths/point_sets.js').Point} Point */
/** @typedef {{softmax: number[], sigmoid: number[]}} Pair */

const MOST_SCORES = 300;

/**
 * @param {readonly Point[]} points
 * @param {Settings} settings
 */
export function startSession(points, settings) {
  const degree = settings.model === 'polynomial' ? settings.degree : 1;
  const rows = polynomial(points, degree);
  const labels = points.map((point) => point.label);
  const start = (/** @type {'softmax' | 'sigmoid'} */ outputs) =>
    startTraining(rows, labels, {
      classes: settings.classes,
      hidden: settings.model === 'hidden' ? settings.units : 0,
      activation: settings.activation,
      outputs,
      optimizer: settings.optimizer,
      batch: settings.batch,
      seed: settings.seed,
    });
  const softmax = start('softmax');
  const sigmoid = settings.compare ? start('sigmoid') : null;

  /** Features of the nodes of grids, by the nodes of a row. @type {Map<number, Float64Array>} */
  const grids = new Map();
  let steps = 0;
  let every = 4; // steps between two scores: twice as many whenever there are too many of them
  const history = {
    steps: /** @type {number[]} */ ([]),
    loss: /** @type {Pair} */ ({ softmax: [], sigmoid: [] }),
    accuracy: /** @type {Pair} */ ({ softmax: [], sigmoid: [] }),
  };
  const columns = [history.steps, ...Object.values(history.loss), ...Object.values(history.accuracy)];

  function remember() {
    history.steps.push(steps);
    for (const [name, training] of /** @type {const} */ ([['softmax', softmax], ['sigmoid', sigmoid]])) {
      if (!training) continue;
      const { loss, accuracy } = training.score();
      history.loss[name].push(loss);
      history.accuracy[name].push(accuracy);
    }
    if (history.steps.length <= MOST_SCORES) return;
    every *= 2;
    const kept = history.steps.map((step) => step % every === 0);
    for (const column of columns) column.splice(0, Infinity, ...column.filter((_, i) => kept[i]));
  }
  if (points.length) remember();

  return {
    history,
    steps: () => steps,
    networks: { softmax: softmax.network, sigmoid: sigmoid?.network ?? null },
    /** One step of both models. */
    step() {
      if (!points.length) return;
      softmax.step(settings.rate, settings.C);
      sigmoid?.step(settings.rate, settings.C);
      steps += 1;
      if (steps % every === 0) remember();
    },
    /** What both models do now, whenever it was last written down. */
    scores: () => ({ softmax: softmax.score(), sigmoid: sigmoid?.score() ?? null }),
    /** @param {number} side nodes of a row of the grid over [-1, 1]² */
    fields(side) {
      const grid = grids.get(side) ?? gridRows(side, degree);
      grids.set(side, grid);
      const of = (/** @type {import('../../../maths/network.js').Network} */ network) => {
        const k = settings.classes;
        const p = new Float64Array(side * side * k);
        const { logits } = forward(network, grid);
        for (let node = 0; node < side * side; node++) {
          p.set(stated(network, logits.subarray(node * k, (node + 1) * k)), node * k);
        }
        return { p, side, k };
      };
      return { softmax: of(softmax.network), sigmoid: sigmoid ? of(sigmoid.network) : null };
    },
    /**
     * Logits and probabilities at one place.
     * @param {number} x @param {number} y
     */
    at(x, y) {
      const row = polynomial([{ x, y }], degree);
      const of = (/** @type {import('../../../maths/network.js').Network} */ network) => {
        const { logits } = forward(network, row);
        return { logits, p: stated(network, logits) };
      };
      return { softmax: of(softmax.network), sigmoid: sigmoid ? of(sigmoid.network) : null };
    },
    features: monomials(degree).length,
  };
}

/** @param {number} side @param {number} degree */
function gridRows(side, degree) {
  const axis = Array.from({ length: side }, (_, i) => -1 + (2 * i) / (side - 1));
  return polynomial(axis.flatMap((y) => axis.map((x) => ({ x, y }))), degree);
}

/** @typedef {ReturnType<typeof startSession>} Session */
