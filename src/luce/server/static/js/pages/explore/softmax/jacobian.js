// @ts-check
/** How each probability answers to each logit. */

import { heatMap } from '../../../charts/heatmap.js';
import { clear, h } from '../../../dom.js';
import { softmaxJacobian } from '../../../maths/softmax.js';
import { number, word } from '../../../words.js';
import { formula, frac, row, sub } from '../parts/mathml.js';

/** @typedef {import('./state.js').SoftmaxStore} SoftmaxStore */

const MOST = 100; // classes shown: ten thousand cells

/** Colours show the square root: among many classes most derivatives are small. @param {Float64Array} row */
function shade(row) {
  return row.map((each) => Math.sign(each) * Math.sqrt(Math.abs(each)));
}

/** @param {HTMLElement} place @param {SoftmaxStore} store */
export function jacobianPanel(place, store) {
  const says = h('p', { class: 'numbers', role: 'status' });
  const holder = h('div');
  const note = h('p', { class: 'hint' });
  /** @type {ReturnType<typeof heatMap> | null} */
  let chart = null;
  let shown = -1;
  let at = { row: 0, column: 0 };
  /** @type {Float64Array[]} */
  let rows = [];
  const tell = () => {
    const value = Number(rows[at.row]?.[at.column] ?? NaN);
    clear(says, word('explore.softmax.jacobian.says', { i: at.row + 1, j: at.column + 1, value: number(value), change: number(value * 0.1, 3) }));
  };
  clear(place,
    h('div', { class: 'columns' },
      h('div', { class: 'stack-small' },
        h('p', {}, word('explore.softmax.jacobian.text')),
        formula(frac(row('∂', sub('p', 'i')), row('∂', sub('z', 'j'))), '=', frac(row(sub('p', 'i'), '(', sub('δ', row('i', 'j')), '−', sub('p', 'j'), ')'), 'T')),
        says,
        h('p', {}, word('explore.softmax.jacobian.sum')),
        note,
      ),
      holder,
    ),
  );
  let seen = '';
  return store.listen(({ z, T, i }) => {
    const now = `${z} ${T} ${i}`;
    if (now === seen) return;
    const moved = seen.slice(0, seen.lastIndexOf(' ')) === now.slice(0, now.lastIndexOf(' '));
    seen = now;
    const k = Math.min(z.length, MOST);
    if (!moved || shown !== k) {
      const jacobian = softmaxJacobian(z, T);
      rows = Array.from({ length: k }, (_, n) => jacobian.subarray(n * z.length, n * z.length + k));
    }
    clear(note, z.length > MOST ? word('explore.softmax.jacobian.cut', { most: MOST, k: z.length }) : null);
    at = { row: Math.min(i, k - 1), column: Math.min(at.column, k - 1) };
    if (shown !== k || !chart) {
      shown = k;
      const names = Array.from({ length: k }, (_, n) => String(n + 1));
      chart = heatMap({
        caption: word('explore.softmax.jacobian.caption'),
        rows: names,
        columns: names,
        values: rows,
        shades: rows.map(shade),
        diverging: true,
        rowTitle: 'p',
        columnTitle: 'z →',
        format: (value) => number(value, 2),
        maxWidth: Math.min(560, 60 + 56 * k),
        selected: at,
        onSelect(r, c) {
          at = { row: r, column: c };
          chart?.update({ selected: at });
          tell();
        },
      });
      clear(holder, chart.element);
    } else chart.update(moved ? { selected: at } : { values: rows, shades: rows.map(shade), selected: at });
    tell();
  });
}
