// @ts-check
/** How undecided the distribution is, and what the temperature does to it. */

import { lineChart } from '../../../charts/line.js';
import { clear, h, set } from '../../../dom.js';
import { entropy } from '../../../maths/softmax.js';
import { number, percent, word } from '../../../words.js';
import { formula, log, row, sub, sumOver } from '../parts/mathml.js';
import { question } from '../parts/question.js';

/** @typedef {import('./state.js').SoftmaxStore} SoftmaxStore */

const LOWEST = 0.05; // temperatures shown
const HIGHEST = 20;
const POINTS = 61;

/** @param {HTMLElement} place @param {SoftmaxStore} store */
export function entropyPanel(place, store) {
  const { state } = store;
  const temperatures = Float64Array.from({ length: POINTS }, (_, n) => LOWEST * (HIGHEST / LOWEST) ** (n / (POINTS - 1)));
  const chart = lineChart({
    caption: word('explore.softmax.entropy.caption'),
    x: { label: word('explore.softmax.T'), scale: 'log', min: LOWEST, max: HIGHEST },
    y: { label: word('explore.softmax.entropy.y'), min: 0 },
    series: [{ name: 'H', x: temperatures, y: temperatures }],
    height: 260,
  });
  const meter = h('progress', { max: 1, 'aria-label': word('explore.softmax.entropy.share') });
  const says = h('p', { class: 'numbers' });
  clear(place,
    h('div', { class: 'columns' },
      h('div', { class: 'stack-small' },
        h('p', {}, word('explore.softmax.entropy.text')),
        formula('H', '=', '−', sumOver('i'), row(sub('p', 'i'), log(), sub('p', 'i'))),
        says,
        meter,
        question({
          say: (part) => word(`explore.softmax.entropy.q.${part}`),
          answers: ['a', 'b', 'c'],
          right: 'a',
          answered: state.answer,
          onAnswer: (answer) => store.change({ answer, T: 20 }),
        }),
      ),
      chart.element,
    ),
  );
  let seen = '';
  /** @type {Float64Array} */
  let curve = new Float64Array(POINTS);
  return store.listen(({ z, T, entropy: H }) => {
    const now = z.join();
    if (now !== seen) {
      seen = now;
      curve = temperatures.map((each) => entropy(z, each));
    }
    const most = Math.log(z.length);
    chart.update({
      series: [{ name: '', x: temperatures, y: curve }],
      y: { label: word('explore.softmax.entropy.y'), min: 0, max: Math.max(most * 1.08, 0.1) },
      rules: [
        { value: most, label: `log ${z.length} = ${number(most, 3)}` },
        ...(T >= LOWEST && T <= HIGHEST ? [{ axis: /** @type {const} */ ('x'), value: T, label: `T = ${number(T, 3)}` }] : []),
      ],
    });
    const share = z.length > 1 ? H / most : 0;
    set(meter, { value: Number.isFinite(share) ? Math.min(1, share) : 0 });
    clear(says, Number.isNaN(H) ? word('explore.softmax.none') : word('explore.softmax.entropy.says', {
      H: number(H), bits: number(H / Math.LN2), share: percent(share), effective: number(Math.exp(H), 3), k: z.length,
    }));
  });
}
