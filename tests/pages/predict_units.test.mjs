import assert from 'node:assert/strict';
import { beforeEach, test } from 'node:test';
import { signedText } from '../../src/luce/server/static/js/pages/predict/signed.js';
import { usualPort } from '../../src/luce/server/static/js/pages/serve/snippets.js';
import { useWords } from '../../src/luce/server/static/js/words.js';

beforeEach(() => useWords('en', {}));

test('an effect has its sign, and a small one is not shown as nothing', () => {
  assert.equal(signedText(1.234), '+1.23');
  assert.equal(signedText(-1.234), '−1.23');
  assert.equal(signedText(0.00299), '+0.003');
  assert.equal(signedText(-0.0012), '−0.001');
  assert.equal(signedText(0), '0.00');
});

test('a server in the terminal is not offered the port of these pages', () => {
  assert.equal(usualPort('8000'), 8001);
  assert.equal(usualPort('8001'), 8000);
  assert.equal(usualPort(''), 8000);
});
