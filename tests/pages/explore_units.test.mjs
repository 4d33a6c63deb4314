import assert from 'node:assert/strict';
import { test } from 'node:test';
import { chanceDomain, logitDomain } from '../../src/luce/server/static/js/pages/explore/parts/domains.js';
import { formatNumbers, parseNumbers, within } from '../../src/luce/server/static/js/pages/explore/parts/store.js';

test('numbers come back from the address as they were', () => {
  const numbers = [0, -0.1, 1e308, -1e308, 5e-324, 1 / 3, Infinity, -Infinity, NaN];
  assert.deepEqual(parseNumbers(formatNumbers(numbers)), numbers);
  assert.doesNotMatch(formatNumbers(numbers), /\+/); // a plus in an address is a blank
});

test('numbers may be apart by blanks, commas and their Chinese relatives', () => {
  assert.deepEqual(parseNumbers(' 1 2,3;4，5、 −6 '), [1, 2, 3, 4, 5, -6]);
});

test('what is no list of numbers is refused', () => {
  for (const text of ['', ' , ', '1, two', '1..2', '0x10', '1e', '--1']) assert.equal(parseNumbers(text), null, text);
});

test('a number out of its limits is replaced', () => {
  assert.equal(within('3', 1, 0, 5), 3);
  for (const text of ['6', '-1', 'nan', 'x', undefined]) assert.equal(within(text, 1, 0, 5), 1);
});

test('the axis of logits holds all that are finite, evenly about 0', () => {
  assert.deepEqual(logitDomain([1, -2]), [-5, 5]);
  assert.deepEqual(logitDomain([1, -5.1, -Infinity, NaN]), [-10, 10]);
  const [low, high] = logitDomain([1e308]);
  assert.ok(Number.isFinite(high - low));
});

test('the axis of probabilities shrinks only for many classes', () => {
  assert.deepEqual(chanceDomain([0.1, 0.1]), [0, 1]);
  assert.deepEqual(chanceDomain(new Float64Array(100).fill(0.015)), [0, 0.02]);
  assert.deepEqual(chanceDomain(new Float64Array(100).fill(NaN)), [0, 0.001]);
});
