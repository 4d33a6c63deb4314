// The mathematics of Playground, Large outputs and Calibration against vectors that luce has written.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';

import * as calibration from '../../src/luce/server/static/js/maths/calibration.js';
import * as costs from '../../src/luce/server/static/js/maths/costs.js';
import { polynomial } from '../../src/luce/server/static/js/maths/features.js';
import { huffman } from '../../src/luce/server/static/js/maths/huffman.js';
import { layersOf, lossAndGradient } from '../../src/luce/server/static/js/maths/network.js';
import { adam, sgd } from '../../src/luce/server/static/js/maths/optimizers.js';

const BOUND = 1e-12; // relative; of gradients to their largest number, since terms cancel
const path = process.env.LUCE_PLAY_VECTORS;
assert.ok(path, 'LUCE_PLAY_VECTORS must name the file of golden vectors: run this through pytest');
const vectors = JSON.parse(readFileSync(path, 'utf8'));

function near(got, wanted, what, unit = Math.abs(wanted)) {
  assert.ok(Math.abs(got - wanted) <= BOUND * unit + 1e-300, `${what}: ${got} instead of ${wanted}`);
}

function allNear(got, wanted, what) {
  assert.equal(got.length, wanted.length, what);
  const unit = Math.max(...wanted.map(Math.abs));
  wanted.forEach((one, i) => near(got[i], one, `${what} ${i}`, unit));
}

/** A test of each case of a name. */
function each(name, check) {
  test(name, () => {
    assert.ok(vectors[name].length > 0);
    vectors[name].forEach((one, i) => check(one, `case ${i}`));
  });
}

each('huffman', (one, what) => {
  const tree = huffman(one.counts);
  assert.deepEqual([...tree.children], one.children, what);
  allNear(tree.visits, one.visits, what);
  assert.deepEqual(tree.paths.map((way) => way.nodes), one.nodes, what);
  assert.deepEqual(tree.paths.map((way) => way.slots), one.slots, what);
});

each('huffmanCost', (one, what) => {
  const cost = costs.zipfTree(one.words, one.zipf);
  for (const name of ['length', 'depth', 'often', 'oftenVisits']) near(cost[name], one[name], `${what} ${name}`);
});

each('zipfSum', (one, what) => near(costs.zipfSum(one.n, one.s), one.sum, what));

each('heads', (one, what) => {
  const share = (bound) => one.labels.filter((label) => label < bound).length / one.labels.length;
  const got = {
    full: () => costs.fullCost(one),
    adaptive: () => costs.adaptiveCost(one, share),
    huffman: () => costs.huffmanHeadCost(one),
    two_levels: () => costs.twoLevelCost(one, share),
    sampled: () => costs.sampledCost(one),
  }[one.head]();
  for (const name of ['parameters', 'products', 'answer']) near(got[name], one[name], `${what} ${one.head} ${name}`);
});

each('fusedBytes', (one, what) => near(costs.fusedBytes(one.logits, one.bytes), one.kept, what));

each('calibration', (one, what) => {
  const { confidence, correct } = calibration.topLabel(one, one.T);
  const bins = calibration.reliabilityBins(confidence, correct, calibration.innerEdges(confidence, one));
  near(calibration.calibrationError(bins), one.ece, `${what} error`, 1);
  near(calibration.logLoss(one, one.T), one.loss, `${what} loss`);
  assert.equal(bins.length, one.diagram.length);
  bins.forEach((bin, i) => allNear(Object.values(bin), one.diagram[i], `${what} bin ${i}`));
  // a flat minimum: half of the digits
  const best = calibration.bestTemperature(one);
  assert.ok(Math.abs(best - one.best) <= 1e-9 * one.best, `${best} instead of ${one.best}`);
});

function network(one, outputs, activation) {
  const theta = Float64Array.from(one.theta);
  return { sizes: one.sizes, activation, outputs, theta, layers: layersOf(theta, one.sizes) };
}

for (const [name, outputs] of [['linear', 'softmax'], ['sigmoid', 'sigmoid'], ['hidden', null]]) {
  each(name, (one, what) => {
    const made = network(one, outputs ?? one.outputs, one.activation ?? 'tanh');
    const { loss, gradient } = lossAndGradient(made, Float64Array.from(one.rows), one.labels, one.penalty);
    near(loss, one.loss, `${what} loss`);
    allNear(gradient, one.gradient, `${what} gradient`);
  });
}

each('optimizers', (one, what) => {
  const theta = Float64Array.from(one.start);
  const step = one.name === 'adam' ? adam(theta.length) : sgd();
  for (const gradient of one.gradients) step(theta, Float64Array.from(gradient), one.rate);
  theta.forEach((value, i) => near(value, one.end[i], `${what} ${i}`, Math.max(Math.abs(one.start[i]), Math.abs(one.end[i]))));
});

each('polynomial', (one, what) => {
  allNear(polynomial(one.points.map(([x, y]) => ({ x, y })), one.degree), one.rows, what);
});
