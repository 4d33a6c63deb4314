import assert from 'node:assert/strict';
import { beforeEach, test } from 'node:test';
import { fixed, number, percent, useWords, word } from '../../src/luce/server/static/js/words.js';

beforeEach(() => useWords('en', { rows: '{n} {n|row|rows} in {where}' }));

test('values take their places, and words follow the number', () => {
  assert.equal(word('rows', { n: 1, where: 'x' }), '1 row in x');
  assert.equal(word('rows', { n: 1234, where: 'x' }), '1,234 rows in x');
});

test('a key without words says so, and shows itself', (context) => {
  const error = context.mock.method(console, 'error', () => {});
  assert.equal(word('nothing'), 'nothing');
  assert.equal(error.mock.callCount(), 1);
});

test('whole numbers are shown in full', () => {
  assert.equal(number(60000), '60,000');
  assert.equal(number(123456789), '123,456,789');
  assert.equal(number(-5), '−5');
  assert.equal(number(-0), '0');
});

test('other numbers have so many significant digits, but never lose whole ones', () => {
  assert.equal(number(0.123456), '0.1235');
  assert.equal(number(12345.678), '12,346');
  assert.equal(number(2.5, 2), '2.5');
});

test('very large and very small ones have a power of ten', () => {
  assert.equal(number(1.5e-7), '1.5\u202f×\u202f10⁻⁷');
  assert.equal(number(-1e308), '−1\u202f×\u202f10³⁰⁸');
});

test('what is no number is told', () => {
  assert.equal(number(null), '–');
  assert.equal(number(NaN), 'NaN');
  assert.equal(number(-Infinity), '−∞');
});

test('digits after the point can be fixed', () => {
  assert.equal(fixed(2, 3), '2.000');
  assert.equal(fixed(-0.5, 1), '−0.5');
});

test('a share is not rounded to never or always', () => {
  assert.equal(percent(0.12345), '12.3\u202f%');
  assert.equal(percent(1), '100.0\u202f%');
  assert.equal(percent(0), '0.0\u202f%');
  assert.equal(percent(0.99999), '>\u202f99.9\u202f%');
  assert.equal(percent(0.00001), '<\u202f0.1\u202f%');
});
