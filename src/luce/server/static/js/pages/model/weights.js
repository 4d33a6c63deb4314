// @ts-check
/** Tab 4: what the model has learnt: pictures of weights, or the features that count most. */

import { get } from '../../api.js';
import { h } from '../../dom.js';
import { fixed, word } from '../../words.js';
import { paging } from './confusion.js';
import { fill } from './loading.js';
import { signedPicture } from './picture.js';

/**
 * @param {import('./rows.js').Shown} shown
 * @returns {HTMLElement}
 */
export function weights(shown) {
  const root = h('div', { class: 'stack' });
  const open = (/** @type {number} */ page) => {
    shown.view.set({ group: page || null });
    void fill(root, async () => {
      const tree = await get(`/api/models/${shown.id}/weights?page=${page}`, { signal: shown.view.signal });
      return [h('p', {}, caption(tree)), tree.kind === 'images' ? pictures(shown, tree) : lists(shown, tree), paging(tree, open)];
    });
  };
  open(Number(shown.view.params.get('group') ?? 0));
  return root;
}

/** @param {any} tree */
function caption(tree) {
  if (tree.kind === 'images') return word(tree.of === 'units' ? 'model.weights.units' : 'model.weights.pixels', { n: tree.units ?? 0 });
  if (tree.of === 'units') return word('model.weights.unitlists');
  return word(tree.per_deviation ? 'model.weights.spread' : 'model.weights.plain');
}

/**
 * @param {import('./rows.js').Shown} shown
 * @param {any} item
 */
function nameOf(shown, item) {
  return item.unit === undefined ? (shown.classes[item.class] ?? '') : word('model.unit', { n: item.unit });
}

/**
 * @param {import('./rows.js').Shown} shown
 * @param {any} tree
 */
function pictures(shown, tree) {
  return h(
    'div',
    { class: 'pictures weights' },
    tree.items.map((/** @type {any} */ item) => {
      const name = nameOf(shown, item);
      return h('figure', {}, signedPicture(item.image, word('model.weights.of', { name })), h('figcaption', {}, name));
    }),
  );
}

/**
 * @param {import('./rows.js').Shown} shown
 * @param {any} tree
 */
function lists(shown, tree) {
  const all = tree.items.flatMap((/** @type {any} */ item) => [...item.for, ...item.against].map((line) => Math.abs(line.weight)));
  const top = Math.max(...all, Number.MIN_VALUE);
  return h(
    'div',
    { class: 'weight-lists' },
    tree.items.map((/** @type {any} */ item) =>
      h(
        'section',
        { class: 'panel' },
        h('h2', {}, nameOf(shown, item)),
        bars(item.for, top, 'for', word('model.weights.for')),
        bars(item.against, top, 'against', word('model.weights.against')),
      ),
    ),
  );
}

/**
 * @param {{feature: string, weight: number}[]} lines
 * @param {number} top
 * @param {string} kind
 * @param {string} title
 */
function bars(lines, top, kind, title) {
  if (lines.length === 0) return null;
  return h(
    'table',
    { class: `bars ${kind}` },
    h('caption', {}, title),
    h('tbody', {}, [
      lines.map(({ feature, weight }) =>
        h(
          'tr',
          {},
          h('th', { scope: 'row', title: feature }, feature),
          h('td', { class: 'bar', 'aria-hidden': 'true' }, h('span', { style: { width: `${(100 * Math.abs(weight)) / top}%` } })),
          h('td', { class: 'numeric' }, fixed(weight, 2)),
        ),
      ),
    ]),
  );
}
