import assert from 'node:assert/strict';
import { test } from 'node:test';

import { complaint, quoted, setting } from '../../src/luce/server/static/js/pages/train/command.js';
import { History } from '../../src/luce/server/static/js/pages/train/history.js';
import { differences } from '../../src/luce/server/static/js/pages/train/runs.js';

const none = { above: null, at_least: null, below: null, default: null };
const C = { ...none, name: 'C', kind: 'number', above: 0 };
const epochs = { ...none, name: 'epochs', kind: 'integer', at_least: 1 };
const share = { ...none, name: 'dropout', kind: 'number', at_least: 0, below: 1, default: 0.5 };

test('what is typed is judged as the command line judges it', () => {
  assert.equal(complaint(C, '1e-4'), null);
  assert.equal(complaint(C, ''), null);
  assert.equal(complaint(C, 'much')?.key, 'train.wrong.number');
  assert.equal(complaint(C, 'Infinity')?.key, 'train.wrong.number');
  assert.deepEqual(complaint(C, '0'), { key: 'train.wrong.above', values: { limit: 0 } });
  assert.equal(complaint(epochs, '2.5')?.key, 'train.wrong.whole');
  assert.equal(complaint(epochs, '0')?.key, 'train.wrong.atLeast');
  assert.equal(complaint(share, '1')?.key, 'train.wrong.below');
  assert.equal(complaint({ ...none, kind: 'text' }, 'anything'), null);
});

test('what is left at its default is not set', () => {
  assert.equal(setting(share, '0.5'), undefined);
  assert.equal(setting(share, ''), undefined);
  assert.equal(setting(share, '0'), 0);
  assert.equal(setting({ ...none, kind: 'text' }, '  60s '), '60s');
});

test('words of a command are quoted where they must be', () => {
  assert.equal(quoted('data-1.csv'), 'data-1.csv');
  assert.equal(quoted("it's $HOME"), `'it'"'"'s $HOME'`);
});

test('a history grows by what is new; a name that comes late has no past', () => {
  const history = new History();
  history.add({ names: ['epoch', 'loss'], rows: [[1, 0.5], [2, 0.25]] });
  history.add({ names: ['epoch', 'accuracy'], rows: [[3, 0.9]] });
  assert.equal(history.length, 3);
  assert.deepEqual(history.steps, [1, 2, 3]);
  assert.deepEqual(history.columns.get('loss'), [0.5, 0.25, NaN]);
  assert.deepEqual(history.column('nothing', 'accuracy'), [NaN, NaN, 0.9]);
  assert.equal(history.unit, 'epoch');
  history.clear();
  assert.equal(history.length, 0);
  assert.deepEqual(history.steps, []);
});

test('runs differ in the options that are not the same in all', () => {
  const runs = [{ options: { data: 'iris', C: 1, seed: 0 } }, { options: { data: 'iris', C: 2 } }];
  assert.deepEqual(differences(runs), [
    { name: 'C', values: ['1', '2'] },
    { name: 'seed', values: ['0', null] },
  ]);
});
