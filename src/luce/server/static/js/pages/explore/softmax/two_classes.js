// @ts-check
/** Between two classes the softmax is the sigmoid of the difference of their logits. */

import { lineChart } from '../../../charts/line.js';
import { clear, h } from '../../../dom.js';
import { sigmoid } from '../../../maths/activations.js';
import { slider } from '../../../widgets/slider.js';
import { number, percent, word } from '../../../words.js';
import { formula, frac, row, sub, sup } from '../parts/mathml.js';

/** @typedef {import('./state.js').State} State */
/** @typedef {import('./state.js').SoftmaxStore} SoftmaxStore */

const POINTS = 121;
const REACH = 8; // of the differences shown

/** @param {HTMLElement} place @param {SoftmaxStore} store */
export function twoClassesPanel(place, store) {
  const { state } = store;
  const x = Float64Array.from({ length: POINTS }, (_, n) => -REACH + (2 * REACH * n) / (POINTS - 1));
  const chart = lineChart({
    caption: word('explore.softmax.two.caption'),
    x: { label: word('explore.softmax.two.x'), min: -REACH, max: REACH },
    y: { label: word('explore.softmax.two.y'), min: 0, max: 1 },
    series: [{ name: 'σ', x, y: x }],
    height: 260,
  });
  const difference = slider({
    label: word('explore.softmax.two.d'),
    min: -REACH,
    max: REACH,
    step: 0.05,
    value: 0,
    onInput(d) {
      const z = [...state.z];
      z[state.i] = Number((Number(z[state.rival]) + d).toPrecision(12));
      store.change({ z });
    },
  });
  const says = h('p', { class: 'numbers' });
  const only = h('button', { type: 'button', onclick: () => store.change({ z: pair(state), i: 0 }) }, word('explore.softmax.two.only'));
  clear(place,
    h('div', { class: 'columns' },
      h('div', { class: 'stack-small' },
        h('p', {}, word('explore.softmax.two.text')),
        formula(frac(sub('p', 'i'), row(sub('p', 'i'), '+', sub('p', 'j'))), '=', frac(1, row(1, '+', sup('e', row('−', '(', sub('z', 'i'), '−', sub('z', 'j'), ')', '/', 'T')))), '=', row('σ', '(', frac(row(sub('z', 'i'), '−', sub('z', 'j')), 'T'), ')')),
        difference.element,
        says,
        h('p', {}, only),
      ),
      chart.element,
    ),
  );
  return store.listen((now) => {
    const { z, T, i, rival, p } = now;
    only.disabled = z.length === 2 || rival < 0;
    if (rival < 0) {
      clear(says, word('explore.softmax.two.alone'));
      return;
    }
    const d = Number(z[i]) - Number(z[rival]);
    if (difference.value !== d && Number.isFinite(d)) difference.value = Number(d.toPrecision(12));
    const share = sigmoid(d, T);
    chart.update({
      series: [{ name: 'σ(d / T)', x, y: x.map((each) => sigmoid(each, T)) }],
      rules: Math.abs(d) <= REACH ? [{ axis: 'x', value: d, label: percent(share) }] : [],
    });
    clear(says, word('explore.softmax.two.says', {
      i: i + 1, j: rival + 1, d: number(d), share: percent(share, 2), pi: percent(p[i], 2), pj: percent(p[rival], 2),
    }));
  });
}

/** The class that is looked at, and its rival. @param {State} state */
function pair({ z, i, rival }) {
  return [Number(z[i]), Number(z[rival])];
}
