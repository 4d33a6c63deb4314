// @ts-check
/** Sparsemax and entmax beside the softmax: unlikely classes get exactly 0. */

import { clear, h } from '../../../dom.js';
import { entmax } from '../../../maths/sparse.js';
import { slider } from '../../../widgets/slider.js';
import { percent, word } from '../../../words.js';
import { columns } from '../parts/columns.js';
import { formula, m, row, sub } from '../parts/mathml.js';
import { chanceDomain } from '../parts/domains.js';

/** @typedef {import('./state.js').SoftmaxStore} SoftmaxStore */

/** @param {HTMLElement} place @param {SoftmaxStore} store */
export function sparsePanel(place, store) {
  const { state } = store;
  const chart = columns(
    {
      caption: word('explore.softmax.sparse.caption'),
      description: word('explore.softmax.sparse.how'),
      valueLabel: 'entmax',
      markLabel: 'softmax',
      format: (p) => (p === 0 ? '0' : percent(p)),
      onSelect: (i) => store.change({ i }),
    },
    { values: [], domain: [0, 1] },
  );
  const alpha = slider({
    label: word('explore.softmax.sparse.alpha'),
    min: 1,
    max: 4,
    step: 0.05,
    value: state.alpha,
    onInput: (value) => value >= 1 && value <= 10 && store.change({ alpha: value }),
  });
  const known = [[1, 'softmax'], [1.5, 'entmax 1.5'], [2, 'sparsemax']].map(([value, name]) =>
    h('button', { type: 'button', class: 'small', 'data-alpha': value, onclick: () => store.change({ alpha: Number(value) }) }, name),
  );
  const says = h('p', { class: 'numbers', role: 'status' });
  clear(place,
    h('div', { class: 'columns' },
      h('div', { class: 'stack-small' },
        h('p', {}, word('explore.softmax.sparse.text')),
        formula(sub('p', 'i'), '=', m('msubsup', {}, m('mrow', {}, m('mo', {}, '['), row('(', 'α', '−', 1, ')', sub('z', 'i'), '/', 'T', '−', 'τ'), m('mo', {}, ']')), m('mo', {}, '+'), m('mrow', {}, m('mn', {}, 1), m('mo', {}, '/'), row('(', 'α', '−', 1, ')')))),
        alpha.element,
        h('div', { class: 'row' }, known),
        says,
      ),
      h('div', {}, chart.element),
    ),
  );
  let seen = '';
  return store.listen(({ z, T, p, i, alpha: a, row: measured }) => {
    const now = `${z} ${T} ${a} ${i}`;
    if (now === seen) return;
    seen = now;
    if (alpha.value !== a) alpha.value = a;
    for (const button of known) button.setAttribute('aria-pressed', String(Number(button.dataset.alpha) === a));
    const sparse = entmax(z, a, T);
    chart.update({ values: sparse, marks: p, selected: i, domain: chanceDomain([...sparse, ...p]) });
    const support = sparse.filter((each) => each > 0).length;
    clear(says, Number.isNaN(measured.top) ? word('explore.softmax.none') : word('explore.softmax.sparse.says', { support, zeros: z.length - support, k: z.length, i: i + 1, p: sparse[i] === 0 ? '0' : percent(sparse[i], 2), q: percent(p[i], 2) }));
  });
}
