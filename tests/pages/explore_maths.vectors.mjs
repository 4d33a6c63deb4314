// The mathematics of the Explore pages against golden vectors that luce has written.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import test from 'node:test';

import * as activations from '../../src/luce/server/static/js/maths/activations.js';
import { distillation } from '../../src/luce/server/static/js/maths/distillation.js';
import { crossEntropy, squaredError } from '../../src/luce/server/static/js/maths/losses.js';
import { naiveSoftmax } from '../../src/luce/server/static/js/maths/naive.js';
import { draw, uniforms } from '../../src/luce/server/static/js/maths/sampling.js';
import * as softmax from '../../src/luce/server/static/js/maths/softmax.js';
import { entmax, sparsemax } from '../../src/luce/server/static/js/maths/sparse.js';

const BOUND = 1e-12; // relative
const SUBNORMAL = 1.5e-323; // three units of the smallest numbers, which have no relative precision

const each = (f) => (x, ...others) => x.map((one) => f(one, ...others));
const withGradient = (f) => (...args) => {
  const { loss, grad } = f(...args);
  return [loss, ...grad];
};
const FUNCTIONS = {
  softmax: softmax.softmax,
  logSoftmax: softmax.logSoftmax,
  logsumexp: softmax.logsumexp,
  entropy: softmax.entropy,
  softmaxJacobian: softmax.softmaxJacobian,
  softmaxProduct: (z, v, t) => softmax.softmaxProduct(softmax.measure(z, t), v, t),
  hardmax: softmax.hardmax,
  naiveSoftmax: (z, t, bits) => naiveSoftmax(z, t, bits).p,
  sparsemax,
  entmax,
  ...Object.fromEntries(Object.entries(activations).map(([name, f]) => [name, each(f)])),
  uniforms,
  draw: (z, seed, n) => draw(softmax.softmax(z), uniforms(seed, n)),
  crossEntropy: withGradient(crossEntropy),
  squaredError: withGradient(squaredError),
  distillation: withGradient(distillation),
};

const number = (x) => ({ inf: Infinity, '-inf': -Infinity, nan: NaN })[x] ?? x;
const numbers = (x) => {
  if (Array.isArray(x)) return x.map(numbers);
  if (x !== null && typeof x === 'object') {
    return Object.fromEntries(Object.entries(x).map(([name, value]) => [name, numbers(value)]));
  }
  return number(x);
};

const path = process.env.LUCE_EXPLORE_VECTORS;
assert.ok(path, 'LUCE_EXPLORE_VECTORS must name the file of golden vectors: run this through pytest');
const vectors = JSON.parse(readFileSync(path, 'utf8'));

test('there are vectors for every function, and functions for all vectors', () => {
  assert.deepEqual(Object.keys(FUNCTIONS).sort(), Object.keys(vectors).sort());
});

for (const [name, cases] of Object.entries(vectors)) {
  test(`${name} agrees with luce`, () => {
    for (const { args, expected, unit = 0, bound = BOUND } of cases) {
      const result = FUNCTIONS[name](...numbers(args));
      const got = typeof result === 'number' ? [result] : Array.from(result);
      const right = [numbers(expected)].flat();
      const units = [numbers(unit)].flat();
      const where = `${name}(${JSON.stringify(args)})`;
      assert.equal(got.length, right.length, where);
      right.forEach((value, i) => assertClose(got[i], value, units[i] ?? units[0], bound, `${where}[${i}]`));
    }
  });
}

function assertClose(got, right, unit, bound, where) {
  if (Object.is(got, right) || got === right) return;
  const size = Number.isFinite(unit) ? Math.max(Math.abs(right), unit) : Math.abs(right);
  const error = Math.abs(got - right);
  assert.ok(error <= bound * size + SUBNORMAL, `${where} is ${got}, but luce says ${right}`);
}
