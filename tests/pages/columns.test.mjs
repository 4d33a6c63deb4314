import assert from 'node:assert/strict';
import { test } from 'node:test';

import { readColumns, writeColumns } from '../../src/luce/server/static/js/pages/data/column_lists.js';
import { withRole } from '../../src/luce/server/static/js/pages/data/roles.js';

test('names of columns survive the address', () => {
  for (const names of [[], ['a'], ['a', 'b c'], ['size, cm', 'say "hi"', '年龄'], ['"', ',', ',"']]) {
    assert.deepEqual(readColumns(writeColumns(names)), names);
  }
  assert.equal(writeColumns(['size, cm', 'x']), '"size, cm",x');
  assert.deepEqual(readColumns(undefined), []);
});

test('a column has one role at a time', () => {
  const roles = { target: 'y', text: ['note'], ignore: ['id'] };
  assert.deepEqual(withRole(roles, 'note', 'ignore'), { target: 'y', text: [], ignore: ['id', 'note'] });
  assert.deepEqual(withRole(roles, 'id', 'target'), { target: 'id', text: ['note'], ignore: [] });
  assert.deepEqual(withRole(roles, 'y', 'text'), { target: null, text: ['note', 'y'], ignore: ['id'] });
  assert.deepEqual(withRole(roles, 'id', 'learn'), { target: 'y', text: ['note'], ignore: [] });
});
