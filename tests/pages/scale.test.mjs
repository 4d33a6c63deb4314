import assert from 'node:assert/strict';
import { test } from 'node:test';
import { extent, linearTicks, makeScale, niceStep, pathOf, rounded } from '../../src/luce/server/static/js/charts/scale.js';

test('a linear scale goes from the domain to the range and back', () => {
  const scale = makeScale([0, 10], [100, 200]);
  assert.equal(scale.at(5), 150);
  assert.equal(scale.of(150), 5);
});

test('a logarithmic scale makes equal ratios equal ways', () => {
  const scale = makeScale([1, 100], [0, 200], { kind: 'log' });
  assert.ok(Math.abs(scale.at(10) - 100) < 1e-9);
  assert.ok(Math.abs(scale.of(100) - 10) < 1e-9);
  assert.deepEqual(scale.ticks, [1, 10, 100]);
});

test('a domain without width still has a place for its value', () => {
  assert.equal(makeScale([3, 3], [0, 100]).at(3), 50);
});

test('ticks are round, and free of rounding errors', () => {
  assert.deepEqual(linearTicks(0, 1, 5), [0, 0.2, 0.4, 0.6, 0.8, 1]);
  assert.deepEqual(linearTicks(0.25, 0.41, 4), [0.25, 0.3, 0.35, 0.4]);
});

test('steps are 1, 2 or 5 times a power of ten', () => {
  assert.deepEqual([0.9, 1.1, 3, 7, 0.03].map(niceStep), [1, 2, 5, 10, 0.05]);
});

test('a domain is widened to round ends', () => {
  assert.deepEqual(rounded([0.13, 9.2]), [0, 10]);
});

test('the extent leaves out what is not finite', () => {
  assert.deepEqual(extent([[1, NaN, 5], [Infinity, -2]]), [-2, 5]);
  assert.deepEqual(extent([[NaN]]), [0, 1]);
});

const x = makeScale([0, 9999], [0, 100]);
const y = makeScale([0, 1], [100, 0]);
const points = (path) => path.split(/[ML]/).slice(1).map((pair) => pair.split(' ').map(Number));

test('a path of many points has at most four a column, and keeps the extremes', () => {
  const xs = Float64Array.from({ length: 10000 }, (_, i) => i);
  const ys = xs.map((_, i) => (i === 5000 ? 1 : i === 7000 ? 0 : 0.4 + 0.2 * Math.sin(i)));
  const drawn = points(pathOf(xs, ys, x, y));
  assert.ok(drawn.length <= 4 * 101, `${drawn.length} points`);
  const heights = drawn.map((point) => point[1]);
  assert.equal(Math.min(...heights), 0);
  assert.equal(Math.max(...heights), 100);
});

test('few points are drawn where they are', () => {
  assert.equal(pathOf([0, 5000, 9999], [0, 0.5, 1], x, y), 'M0.00 100.00L50.01 50.00L100.00 0.00');
});

test('a gap is a gap', () => {
  assert.equal(pathOf([0, 3000, 6000, 9999], [0, NaN, 0.5, 1], x, y), 'M0.00 100.00m-3 0h6m-3-3v6M60.01 50.00L100.00 0.00');
});

test('a point alone is a cross', () => {
  assert.equal(pathOf([5000], [0.5], x, y), 'M50.01 50.00m-3 0h6m-3-3v6');
  assert.equal(pathOf([], [], x, y), '');
});
