// @ts-check
/** Tab 2: which classes are taken for which; a click on a cell shows its rows. */

import { get } from '../../api.js';
import { clear, h, hidden } from '../../dom.js';
import { percent, word } from '../../words.js';
import { fill } from './loading.js';
import { rowList } from './rows.js';

const FEW_PAIRS = 12;
const FEW_CLASSES = 12; // of a matrix that leaves room beside it
const MANY_CLASSES = 20; // of a matrix that needs narrow cells to be seen as a whole

/**
 * @param {import('./rows.js').Shown} shown
 * @returns {HTMLElement}
 */
export function confusion(shown) {
  const { view } = shown;
  const matrix = h('div', { class: 'stack' });
  const rows = h('section', { 'aria-live': 'polite' });
  const open = (/** @type {number} */ page) => {
    void fill(matrix, async () => {
      const tree = await get(`/api/models/${shown.id}/confusions?page=${page}`, { signal: view.signal });
      const [i, j] = (view.params.get('cell') ?? '').split(',').map(Number);
      const [worst] = tree.pairs;
      if (i !== undefined && j !== undefined && i < shown.classes.length && j < shown.classes.length) choose(i, j, false);
      else if (worst) choose(worst.true, worst.answer, false);
      return [
        heading(tree),
        h('div', { class: tree.codes.length > FEW_CLASSES ? 'stack' : 'confusion-grid' }, h('div', {}, table(shown, tree, choose), paging(tree, turn)), rows),
        h('div', { class: tree.codes.length > FEW_CLASSES ? 'stack' : 'columns' }, pairs(shown, tree, choose), scores(shown, tree)),
      ];
    });
  };
  const turn = (/** @type {number} */ page) => {
    view.set({ page: page || null });
    open(page);
  };
  /**
   * @param {number} i
   * @param {number} j
   * @param {boolean} [move]
   */
  function choose(i, j, move = true) {
    view.set({ cell: `${i},${j}` });
    for (const cell of matrix.querySelectorAll('button[data-cell]')) {
      cell.setAttribute('aria-pressed', String(cell.getAttribute('data-cell') === `${i},${j}`));
    }
    const names = { true: shown.classes[i] ?? '', answer: shown.classes[j] ?? '' };
    const title = h('h2', { tabindex: '-1' }, word(i === j ? 'model.cell.right' : 'model.cell.wrong', names));
    clear(rows, title, rowList(shown, { true: i, answer: j }));
    if (move) rows.scrollIntoView({ block: 'nearest' });
  }
  open(Number(view.params.get('page') ?? 0));
  return matrix;
}

/** @param {any} tree */
function heading(tree) {
  return h('p', {}, word(tree.pages > 1 ? 'model.confusion.large' : 'model.confusion.small'));
}

/**
 * @param {import('./rows.js').Shown} shown
 * @param {any} tree
 * @param {(i: number, j: number) => void} choose
 */
function table(shown, tree, choose) {
  const { codes, matrix, elsewhere, support } = tree;
  const names = codes.map((/** @type {number} */ code) => shown.classes[code]);
  const outside = tree.pages > 1;
  const across = names.some((/** @type {string} */ name) => name.length > 3) ? 'across' : '';
  const body = h(
    'tbody',
    { onkeydown: arrows },
    matrix.map((/** @type {number[]} */ line, /** @type {number} */ i) =>
      h(
        'tr',
        {},
        h('th', { scope: 'row', title: names[i] }, names[i]),
        line.map((count, j) => cell(count, i, j)),
        outside ? h('td', { class: 'none' }, elsewhere[i] || '·') : null,
        h('td', { class: 'numeric' }, percent(support[i] ? (line[i] ?? 0) / support[i] : null, 0)),
      ),
    ),
  );
  /**
   * @param {number} count
   * @param {number} i
   * @param {number} j
   */
  function cell(count, i, j) {
    if (count === 0) return h('td', { class: 'none' }, '·');
    const [row, column] = [codes[i], codes[j]];
    const share = Math.sqrt(count / (support[i] || 1));
    return h(
      'td',
      { class: i === j ? 'hit' : 'miss', style: { '--share': `${Math.round(100 * share)}%` } },
      h(
        'button',
        {
          type: 'button',
          'data-cell': `${row},${column}`,
          'aria-pressed': String(shown.view.params.get('cell') === `${row},${column}`),
          'aria-label': word('model.cell.label', { true: names[i], answer: names[j], n: count }),
          onclick: () => choose(row, column),
        },
        count,
      ),
    );
  }
  const box = h(
    'div',
    { class: 'scroll' },
    h(
      'table',
      { class: names.length > MANY_CLASSES ? 'confusion dense' : 'confusion' },
      h('caption', {}, word('model.confusion.caption')),
      h(
        'thead',
        {},
        h(
          'tr',
          {},
          h('th', { scope: 'col' }, word('model.confusion.corner')),
          names.map((/** @type {string} */ name) => h('th', { scope: 'col', class: across, title: name }, h('span', {}, name))),
          outside ? h('th', { scope: 'col', class: across }, h('span', {}, word('model.confusion.elsewhere'))) : null,
          h('th', { scope: 'col', class: across }, h('span', {}, word('model.recall'))),
        ),
      ),
      body,
    ),
  );
  oneStop(body);
  return box;
}

/**
 * One cell alone is a stop of the Tab key; arrow keys go on from there.
 * @param {HTMLElement} body
 */
function oneStop(body) {
  [...body.querySelectorAll('button')].forEach((cell, i) => cell.setAttribute('tabindex', i === 0 ? '0' : '-1'));
}

/** @type {Record<string, [number, number]>} */
const STEPS = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] };

/** @param {KeyboardEvent} event */
function arrows(event) {
  const step = STEPS[event.key];
  const body = event.currentTarget;
  if (!step || !(event.target instanceof HTMLButtonElement) || !(body instanceof HTMLTableSectionElement)) return;
  event.preventDefault();
  const start = event.target.closest('td');
  let row = [...body.rows].findIndex((line) => line.contains(event.target instanceof Node ? event.target : null));
  let column = start?.cellIndex ?? 0;
  for (;;) {
    row += step[0];
    column += step[1];
    const place = body.rows[row]?.cells[column];
    if (!place) return;
    const next = place.querySelector('button');
    if (next) {
      event.target.setAttribute('tabindex', '-1');
      next.setAttribute('tabindex', '0');
      next.focus();
      return;
    }
  }
}

/**
 * @param {any} tree
 * @param {(page: number) => void} turn
 */
export function paging(tree, turn) {
  if (tree.pages <= 1) return null;
  const step = (/** @type {number} */ by, /** @type {string} */ key) =>
    h(
      'button',
      { type: 'button', disabled: tree.page + by < 0 || tree.page + by >= tree.pages, onclick: () => turn(tree.page + by) },
      word(key),
    );
  return h(
    'nav',
    { class: 'row', 'aria-label': word('model.pages') },
    step(-1, 'model.previous'),
    h('span', { class: 'muted' }, word('model.page', { page: tree.page + 1, pages: tree.pages })),
    step(1, 'model.next'),
  );
}

/**
 * @param {import('./rows.js').Shown} shown
 * @param {any} tree
 * @param {(i: number, j: number) => void} choose
 */
function pairs(shown, tree, choose) {
  if (tree.pairs.length === 0) return h('p', {}, word('model.pairs.none'));
  const list = h('tbody', {});
  const line = (/** @type {any} */ pair) =>
    h(
      'tr',
      {},
      h('th', { scope: 'row' }, shown.classes[pair.true]),
      h('td', {}, shown.classes[pair.answer]),
      h('td', { class: 'numeric' }, pair.count),
      h('td', { class: 'numeric' }, percent(pair.share)),
      h(
        'td',
        {},
        h(
          'button',
          {
            type: 'button',
            class: 'small',
            'aria-label': word('model.pairs.show', { true: shown.classes[pair.true] ?? '', answer: shown.classes[pair.answer] ?? '' }),
            onclick: () => choose(pair.true, pair.answer),
          },
          word('model.pairs.rows'),
        ),
      ),
    );
  const show = (/** @type {number} */ many) => clear(list, tree.pairs.slice(0, many).map(line));
  show(FEW_PAIRS);
  const all = h(
    'button',
    {
      type: 'button',
      onclick: () => {
        show(tree.pairs.length);
        all.remove();
      },
    },
    word('model.pairs.all', { n: tree.pairs.length }),
  );
  return h(
    'section',
    { class: 'panel' },
    h('h2', {}, word('model.pairs')),
    h(
      'div',
      { class: 'scroll', tabindex: '0', role: 'region', 'aria-label': word('model.pairs') },
      h(
        'table',
        { class: 'rows' },
        h('thead', {}, h('tr', {}, ['model.true', 'model.takenfor', 'model.count', 'model.ofclass'].map((key) => h('th', { scope: 'col' }, word(key))), h('th', { scope: 'col' }, hidden(word('model.pairs.rows'))))),
        list,
      ),
    ),
    tree.pairs.length > FEW_PAIRS ? h('p', { class: 'row' }, all) : null,
  );
}

/**
 * @param {import('./rows.js').Shown} shown
 * @param {any} tree
 */
function scores(shown, tree) {
  const lines = [...tree.per_class].sort((a, b) => (a.f1 ?? 0) - (b.f1 ?? 0));
  return h(
    'details',
    { class: 'panel' },
    h('summary', {}, word('model.scores')),
    h(
      'div',
      { class: 'scroll', tabindex: '0', role: 'region', 'aria-label': word('model.scores') },
      h(
        'table',
        {},
        h('thead', {}, h('tr', {}, ['model.class', 'model.count', 'model.precision', 'model.recall', 'model.f1'].map((key) => h('th', { scope: 'col' }, word(key))))),
        h(
          'tbody',
          {},
          lines.map((line) =>
            h(
              'tr',
              {},
              h('th', { scope: 'row' }, line.class),
              h('td', { class: 'numeric' }, line.support),
              [line.precision, line.recall, line.f1].map((share) => h('td', { class: 'numeric' }, percent(share))),
            ),
          ),
        ),
      ),
    ),
  );
}
