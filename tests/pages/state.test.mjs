import assert from 'node:assert/strict';
import { test } from 'node:test';
import { changed, format, link, parse } from '../../src/luce/server/static/js/state.js';

test('a hash is a path and parameters', () => {
  const { path, params } = parse('#/explore/softmax?z=2,1,0.1&T=1');
  assert.equal(path, '/explore/softmax');
  assert.deepEqual([...params], [['z', '2,1,0.1'], ['T', '1']]);
});

test('an empty hash is the start', () => {
  for (const hash of ['', '#', '#/', '/']) assert.equal(parse(hash).path, '/');
});

test('a slash too many at either end does not matter', () => {
  assert.equal(parse('#explore/softmax/').path, '/explore/softmax');
});

test('what is written is read back, whatever characters it has', () => {
  const params = new Map([['z', '2,-1e308,∞'], ['q', 'a&b=c#d ?+%'], ['lang', 'zh']]);
  assert.deepEqual(parse(format('/x', params)).params, params);
});

test('lists stay readable', () => {
  assert.equal(format('/explore/softmax', [['z', '2,1,0.1']]), '#/explore/softmax?z=2,1,0.1');
});

test('changes set, replace and delete, and leave the old parameters alone', () => {
  const before = new Map([['a', '1'], ['b', '2']]);
  assert.deepEqual([...changed(before, { a: 3, b: null, c: '4' })], [['a', '3'], ['c', '4']]);
  assert.deepEqual([...before], [['a', '1'], ['b', '2']]);
});

test('a link keeps language, theme and what one works on, and nothing else', () => {
  const params = new Map([['lang', 'zh'], ['theme', 'dark'], ['model', 'm1'], ['z', '1,2']]);
  assert.equal(link(params, '/model'), '#/model?lang=zh&theme=dark&model=m1');
  assert.equal(link(params, '/predict', { model: 'm2' }), '#/predict?lang=zh&theme=dark&model=m2');
  assert.equal(link(params, '/', { model: null }), '#/?lang=zh&theme=dark');
});
