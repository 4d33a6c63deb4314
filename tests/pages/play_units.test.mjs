// Points, borders, training and settings of Playground, Large outputs and Calibration.
import assert from 'node:assert/strict';
import { test } from 'node:test';

import { boundaries } from '../../src/luce/server/static/js/maths/boundaries.js';
import { bestTemperature, innerEdges } from '../../src/luce/server/static/js/maths/calibration.js';
import { zipfTree } from '../../src/luce/server/static/js/maths/costs.js';
import { madeLogits } from '../../src/luce/server/static/js/maths/made_logits.js';

import { makeNetwork } from '../../src/luce/server/static/js/maths/network.js';
import * as points from '../../src/luce/server/static/js/maths/point_sets.js';
import { random, shuffled } from '../../src/luce/server/static/js/maths/random.js';
import { startTraining } from '../../src/luce/server/static/js/maths/training.js';
import * as large from '../../src/luce/server/static/js/pages/explore/large_outputs/settings.js';
import * as playground from '../../src/luce/server/static/js/pages/explore/playground/settings.js';

test('a seed repeats its numbers, another does not', () => {
  const first = Array.from({ length: 5 }, random(3).uniform);
  assert.deepEqual(Array.from({ length: 5 }, random(3).uniform), first);
  assert.notDeepEqual(Array.from({ length: 5 }, random(4).uniform), first);
});

test('random numbers have the moments of their distributions', () => {
  const source = random(1);
  const n = 100_000;
  const moments = (draw) => {
    const drawn = Array.from({ length: n }, draw);
    const mean = drawn.reduce((a, b) => a + b, 0) / n;
    return [mean, drawn.reduce((a, b) => a + (b - mean) ** 2, 0) / n];
  };
  const [mean, variance] = moments(source.uniform);
  assert.ok(Math.abs(mean - 0.5) < 0.005 && Math.abs(variance - 1 / 12) < 0.002, `${mean} ${variance}`);
  const [middle, spread] = moments(source.normal);
  assert.ok(Math.abs(middle) < 0.015 && Math.abs(spread - 1) < 0.03, `${middle} ${spread}`);
});

test('a random order holds everything once', () => {
  assert.deepEqual([...shuffled(50, random(0))].sort((a, b) => a - b), Array.from({ length: 50 }, (_, i) => i));
});

for (const name of points.SETS) {
  test(`the set ${name} has all classes alike, inside the plane`, () => {
    for (let classes = 2; classes <= points.MOST_CLASSES; classes++) {
      const made = points.pointSet(name, { classes, points: 20 * classes, noise: 0.3, seed: 2 });
      const counts = Array(classes).fill(0);
      for (const { x, y, label } of made) {
        counts[label] += 1;
        assert.ok(Math.abs(x) <= 1 && Math.abs(y) <= 1);
        assert.equal(x * 512, Math.round(x * 512));
      }
      assert.deepEqual(counts, Array(classes).fill(20));
    }
  });
}

test('points return from an address as they were', () => {
  const made = points.pointSet('spirals', { classes: 10, points: 400, noise: 1, seed: 5 });
  const corners = [-1, 1].flatMap((x) => [-1, 1].map((y) => ({ x, y, label: 9 })));
  for (const some of [made, corners, []]) {
    const text = points.encodePoints(some);
    assert.equal(text.length, 4 * some.length);
    assert.deepEqual(points.decodePoints(text), some.map((p) => ({ x: p.x + 0, y: p.y + 0, label: p.label })));
  }
});

test('what is no point in an address is left out', () => {
  const text = points.encodePoints([{ x: 0.5, y: -0.5, label: 3 }]);
  assert.deepEqual(points.decodePoints(`????${text}__`), points.decodePoints(text));
  assert.deepEqual(points.decodePoints('____'), []); // of a class that there is not
  assert.equal(points.decodePoints(text.repeat(1000)).length, points.MOST_POINTS);
});

test('borders run where two probabilities are equal', () => {
  const side = 5;
  const p = new Float64Array(side * side * 2);
  for (let node = 0; node < side * side; node++) {
    const share = (node % side) / 4 - 0.2; // 0.5 at x = 2.8
    p.set([1 - share, share], 2 * node);
  }
  const found = boundaries(p, side, 2);
  assert.equal(found.length, side - 1);
  for (const [x1, , x2] of found) {
    assert.ok(Math.abs(x1 - 2.8) < 1e-12 && Math.abs(x2 - 2.8) < 1e-12);
  }
});

test('borders of three classes meet', () => {
  const p = Float64Array.from([1, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 1]); // A B / C C
  const found = boundaries(p, 2, 3);
  assert.equal(found.length, 3);
  assert.equal(new Set(found.map(([, , x, y]) => `${x} ${y}`)).size, 1);
});

function trained(options, steps) {
  const made = points.pointSet('row', { classes: 5, points: 150, noise: 0.2, seed: 1 });
  const rows = Float64Array.from(made.flatMap(({ x, y }) => [x, y]));
  const training = startTraining(rows, made.map((point) => point.label), {
    classes: 5, hidden: 0, activation: 'tanh', outputs: 'softmax', optimizer: 'adam', batch: 32, seed: 7, ...options,
  });
  for (let i = 0; i < steps; i++) training.step(0.05, 100);
  return training;
}

test('a linear softmax parts the classes of a row, one-vs-rest does not', () => {
  assert.ok(trained({}, 1500).score().accuracy > 0.95);
  assert.ok(trained({ outputs: 'sigmoid' }, 1500).score().accuracy < 0.9);
});

test('training repeats itself, whatever the size of a batch', () => {
  for (const batch of [0, 1, 32]) {
    assert.deepEqual(trained({ batch, hidden: 4 }, 40).network.theta, trained({ batch, hidden: 4 }, 40).network.theta);
  }
  assert.notDeepEqual(trained({ seed: 1 }, 40).network.theta, trained({ seed: 2 }, 40).network.theta);
});

test('hidden weights begin within the bounds of torch.nn.Linear, linear ones at 0', () => {
  const { layers } = makeNetwork([4, 500, 3], 'relu', 'softmax', random(1));
  for (const { inputs, weight, bias } of layers) {
    const most = Math.max(...weight.map(Math.abs)) * Math.sqrt(inputs);
    assert.ok(most > 0.99 && most <= 1, `${most}`);
    assert.ok(bias.every((b) => b === 0));
  }
  assert.ok(makeNetwork([4, 3], 'relu', 'softmax', random(1)).theta.every((w) => w === 0));
});

test('a made model is best at the factor that it was multiplied by', () => {
  const rows = madeLogits({ rows: 5000, classes: 4, sureness: 2.5, tilt: 0, seed: 1 });
  assert.ok(Math.abs(bestTemperature(rows) / 2.5 - 1) < 0.1);
});

test('equal confidences stay in one bin', () => {
  const edges = (...confidence) => innerEdges(Float64Array.from(confidence), { bins: 2, binning: 'mass' });
  assert.deepEqual(edges(0.5, 0.5, 0.5, 0.9), []);
  assert.deepEqual(edges(0.5, 0.9, 0.9, 0.9), [0.9]);
});

test('the best temperature has two ends', () => {
  assert.equal(bestTemperature({ logits: [1, 0, 0, 1], labels: [0, 1], classes: 2 }), 0);
  assert.equal(bestTemperature({ logits: [1, 0, 0, 1], labels: [1, 0], classes: 2 }), Infinity);
});

test('settings return from an address as they were', () => {
  for (const changes of [{}, { own: 'AAAA', classes: 4, C: Infinity, compare: false, x: -0.25, steps: 70 }]) {
    const settings = { ...playground.DEFAULTS, ...changes };
    const params = new Map(Object.entries(playground.written(settings)).filter(([, value]) => value !== null).map(([key, value]) => [key, String(value)]));
    assert.deepEqual(playground.read(params), settings);
  }
});

test('a class that has points is one of the model', () => {
  const own = points.encodePoints([{ x: 0, y: 0, label: 7 }]);
  assert.equal(playground.read(new Map([['own', own], ['classes', '3']])).classes, 8);
});

test('what cannot be set is as it is by default', () => {
  const params = new Map(Object.entries({ classes: '99', rate: 'x', C: '-1', set: 'nothing', steps: '', own: '!!' }));
  assert.deepEqual(playground.read(params), { ...playground.DEFAULTS, own: '!!' });
});

test('words taken together make nearly the same tree', () => {
  for (const [words, zipf] of [[100_000, 1], [70_001, 0.5], [50_000, 1.5], [65_536, 0]]) {
    const exact = zipfTree(words, zipf);
    const quick = zipfTree(words, zipf, 2 ** 13);
    assert.ok(Math.abs(quick.length / exact.length - 1) < 1e-6, `${quick.length} instead of ${exact.length}`);
    assert.ok(Math.abs(quick.depth - exact.depth) <= 1, `${quick.depth} instead of ${exact.depth}`);
    assert.equal(quick.often, exact.often);
  }
});

test('cutoffs rise below the number of words', () => {
  assert.deepEqual(large.parsedCutoffs('2000, 8000', 10_000), [2000, 8000]);
  assert.deepEqual(large.parsedCutoffs('', 10), []);
  for (const wrong of ['8000, 2000', '0', '10000', '2.5', 'x']) assert.equal(large.parsedCutoffs(wrong, 10_000), null, wrong);
});

test('words are read with their counts', () => {
  const { words, wrong } = large.parsedCounts('the 5\nNew York: 12~猫，3\nnothing');
  assert.deepEqual(words, [{ word: 'the', count: 5 }, { word: 'New York', count: 12 }, { word: '猫', count: 3 }]);
  assert.deepEqual(wrong, ['nothing']);
});
