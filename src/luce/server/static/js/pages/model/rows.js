// @ts-check
/** Evaluated rows to look at: pictures, texts or cells, with true class, answer and probability. */

import { get } from '../../api.js';
import { clear, h, hidden } from '../../dom.js';
import { number, percent, word } from '../../words.js';
import { fill } from './loading.js';
import { picture } from './picture.js';

const PAGE = 24;
const LONG = 60; // characters, from which a cell is shown as a text
const MOST_COLUMNS = 8;

/**
 * @typedef {object} Shown
 * @property {string} id of the model
 * @property {string} path of the model, for the command line
 * @property {string} input what a row is: image, text, table or array
 * @property {string[]} classes
 * @property {import('../../page.js').View} view
 */

/**
 * A list of rows that answers a query, with a button for the next ones.
 * @param {Shown} shown
 * @param {Record<string, string | number>} query
 * @param {string} [empty] words where there is no row
 * @returns {HTMLElement}
 */
export function rowList(shown, query, empty = word('model.rows.empty')) {
  const panel = h('div', { class: 'row-list' });
  void fill(panel, async () => {
    const tree = await ask(shown, query, 0);
    if (tree.total === 0) return h('p', { class: 'muted' }, empty);
    const list = h('div', {});
    const more = h('div', { class: 'row' });
    /** @type {any[]} */
    let rows = [];
    const show = (/** @type {any} */ page) => {
      rows = [...rows, ...page.rows];
      clear(list, laidOut(shown, rows));
      clear(more, rows.length < page.total ? moreButton(rows.length, page.total) : null);
    };
    const moreButton = (/** @type {number} */ seen, /** @type {number} */ total) =>
      h(
        'button',
        { type: 'button', onclick: async () => show(await ask(shown, query, seen)) },
        word('model.rows.more', { seen, total }),
      );
    show(tree);
    const note = tree.rows[0].shown ? null : h('p', { class: 'note' }, tree.absence);
    return [note, list, more];
  });
  return panel;
}

/**
 * @param {Shown} shown
 * @param {Record<string, string | number>} query
 * @param {number} offset
 */
function ask(shown, query, offset) {
  const text = new URLSearchParams(Object.entries({ ...query, offset, limit: PAGE }).map(([k, v]) => [k, String(v)]));
  return get(`/api/models/${shown.id}/rows?${text}`, { signal: shown.view.signal });
}

/**
 * @param {Shown} shown
 * @param {any[]} rows
 */
function laidOut(shown, rows) {
  const content = rows[0].shown;
  if (content?.image) return h('div', { class: 'pictures' }, rows.map((row) => imageCard(shown, row)));
  if (content?.cells.some((/** @type {any} */ [, cell]) => typeof cell === 'string' && cell.length > LONG)) {
    return h('div', { class: 'texts' }, rows.map((row) => textCard(shown, row)));
  }
  return table(shown, rows);
}

/**
 * @param {Shown} shown
 * @param {any} row
 */
function imageCard(shown, row) {
  const label = row.shown.name ?? word('model.rows.row', { n: row.row });
  return h(
    'figure',
    { class: mark(row) },
    h('a', { href: tryLink(shown, row), title: word('model.rows.try') }, picture(row.shown.image, label)),
    h('figcaption', {}, titles(shown, row)),
  );
}

/**
 * @param {Shown} shown
 * @param {any} row
 */
function textCard(shown, row) {
  return h(
    'article',
    { class: `panel ${mark(row)}` },
    h('p', { class: 'titles' }, titles(shown, row)),
    row.shown.cells.map((/** @type {[string, any]} */ [name, cell]) =>
      cell === null || cell === ''
        ? null
        : h('p', { class: 'excerpt', tabindex: '0' }, h('b', {}, `${name}: `), String(cell)),
    ),
    h('p', { class: 'small' }, h('a', { href: tryLink(shown, row) }, word('model.rows.try'))),
  );
}

/**
 * @param {Shown} shown
 * @param {any[]} rows
 */
function table(shown, rows) {
  const names = (rows[0].shown?.cells ?? []).slice(0, MOST_COLUMNS).map((/** @type {any} */ [name]) => name);
  const head = [word('model.rows.number'), word('model.true'), word('model.answer'), word('model.probability'), word('model.oftrue'), ...names];
  return h(
    'div',
    { class: 'scroll', tabindex: '0', role: 'region', 'aria-label': word('model.rows.table') },
    h(
      'table',
      { class: 'rows' },
      h('thead', {}, h('tr', {}, head.map((name) => h('th', { scope: 'col' }, name)), h('th', { scope: 'col' }, hidden(word('model.rows.try'))))),
      h(
        'tbody',
        {},
        rows.map((row) =>
          h(
            'tr',
            { class: mark(row) },
            h('th', { scope: 'row' }, number(row.row)),
            h('td', {}, shown.classes[row.true]),
            h('td', { class: 'verdict' }, `${shown.classes[row.answer]} ${sign(row)}`),
            h('td', { class: 'numeric' }, percent(row.p_answer)),
            h('td', { class: 'numeric' }, percent(row.p_true)),
            (row.shown?.cells ?? []).slice(0, MOST_COLUMNS).map((/** @type {[string, any]} */ [, cell]) =>
              h('td', { class: typeof cell === 'number' ? 'numeric' : '' }, typeof cell === 'number' ? number(cell) : String(cell ?? '–')),
            ),
            h('td', {}, row.shown ? h('a', { href: tryLink(shown, row) }, word('model.rows.try')) : null),
          ),
        ),
      ),
    ),
  );
}

/**
 * True class and answer of a row, in words.
 * @param {Shown} shown
 * @param {any} row
 */
function titles(shown, row) {
  const right = row.true === row.answer;
  return [
    h('span', {}, shown.classes[row.true]),
    ' / ',
    h('b', { class: 'verdict' }, `${shown.classes[row.answer]}\u00a0${sign(row)}`),
    h(
      'small',
      {},
      right ? percent(row.p_answer) : word('model.rows.shares', { answer: percent(row.p_answer), true: percent(row.p_true) }),
    ),
  ];
}

/** @param {any} row */
function mark(row) {
  return row.true === row.answer ? 'hit' : 'miss';
}

/** @param {any} row */
function sign(row) {
  return row.true === row.answer ? '✓' : '✗';
}

/**
 * @param {Shown} shown
 * @param {any} row
 */
function tryLink(shown, row) {
  return shown.view.link('/predict', { row: row.position });
}
