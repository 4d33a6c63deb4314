import assert from 'node:assert/strict';
import { afterEach, test } from 'node:test';
import { ApiError } from '../../src/luce/server/static/js/api.js';
import { errorText, TRANSLATED } from '../../src/luce/server/static/js/error_words.js';
import { useWords } from '../../src/luce/server/static/js/words.js';

const NAMED = "mine.csv has no column 'size'.";
afterEach(() => useWords('en', {}));

test('in English the words of the server stand as they are', () => {
  for (const type of [...TRANSLATED, 'SomethingElse', null]) assert.equal(errorText(type, NAMED), NAMED);
});

test('in Chinese a sentence for the type goes before what names something', () => {
  useWords('zh', {});
  assert.equal(errorText('ColumnError', NAMED), `没有这一列。请核对列名。 ${NAMED}`);
  for (const type of TRANSLATED) assert.match(errorText(type, NAMED), /^[\u3000-\u9fff]/);
});

test('where nothing is named, Chinese stands alone', () => {
  useWords('zh', {});
  assert.doesNotMatch(errorText('UnknownId', 'the request must name data'), /request/);
});

test('what has no sentence has a lead-in', () => {
  useWords('zh', {});
  for (const type of ['SomethingElse', 'constructor', null]) assert.equal(errorText(type, NAMED), `服务器的说明（英文）： ${NAMED}`);
});

test('errors of questions speak the language of the page', () => {
  useWords('zh', { 'shell.noAnswer': '没有回应' });
  assert.match(new ApiError(413, 'BodyTooLarge', 'the body goes on').message, /^内容太大。.* the body goes on$/);
  assert.equal(new ApiError(0, 'NoAnswer', 'Failed to fetch').message, '没有回应');
});
