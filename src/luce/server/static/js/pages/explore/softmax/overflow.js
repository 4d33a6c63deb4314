// @ts-check
/** Adding a constant changes no probability, until the naive formula overflows; the stable one does not. */

import { clear, h } from '../../../dom.js';
import { highest, naiveSoftmax } from '../../../maths/naive.js';
import { measure, probabilities } from '../../../maths/softmax.js';
import { choice } from '../../../widgets/choice.js';
import { slider } from '../../../widgets/slider.js';
import { dataTable } from '../../../widgets/table.js';
import { number, percent, word } from '../../../words.js';
import { formula, frac, row, sub, sumOver, sup } from '../parts/mathml.js';
import { question } from '../parts/question.js';

/** @typedef {import('./state.js').SoftmaxStore} SoftmaxStore */

const ROWS = 8; // more classes are left out: they would say the same

/** @param {HTMLElement} place @param {SoftmaxStore} store */
export function overflowPanel(place, store) {
  const { state } = store;
  const shift = slider({
    label: word('explore.softmax.shift'),
    min: -1000,
    max: 1000,
    step: 1,
    value: state.shift,
    onInput: (value) => store.change({ shift: value }),
  });
  const bits = choice({
    label: word('explore.softmax.bits'),
    options: ['16', '32', '64'].map((value) => ({ value, label: word('explore.softmax.bits.n', { bits: value }) })),
    value: String(state.bits),
    onChange: (value) => store.change({ bits: /** @type {16 | 32 | 64} */ (Number(value)) }),
  });
  const verdict = h('p', { class: 'note', role: 'status' });
  const table = dataTable({
    caption: word('explore.softmax.overflow.table'),
    columns: [
      { key: 'i', label: word('explore.classes') },
      { key: 'z', label: 'z + c', numeric: true },
      { key: 'power', label: word('explore.softmax.power'), numeric: true },
      { key: 'naive', label: word('explore.softmax.naive'), numeric: true, show: (value) => h('span', { class: Number.isNaN(value) ? 'broken' : null }, Number.isNaN(value) ? 'NaN' : percent(value, 2)) },
      { key: 'stablePower', label: word('explore.softmax.stablePower'), numeric: true },
      { key: 'stable', label: word('explore.softmax.stable'), numeric: true, show: (value) => percent(value, 2) },
    ],
    rows: [],
  });
  clear(place,
    h('div', { class: 'columns' },
      h('div', { class: 'stack-small' },
        h('p', {}, word('explore.softmax.overflow.text')),
        formula(frac(sup('e', row(sub('z', 'i'), '+', 'c')), row(sumOver('j'), sup('e', row(sub('z', 'j'), '+', 'c')))), '=', frac(row(sup('e', 'c'), '·', sup('e', sub('z', 'i'))), row(sup('e', 'c'), '·', sumOver('j'), sup('e', sub('z', 'j')))), '=', sub('p', 'i')),
        shift.element,
        bits.element,
      ),
      question({
        say: (part) => word(`explore.softmax.overflow.q.${part}`),
        answers: ['a', 'b', 'c'],
        right: 'c',
        answered: state.answer,
        onAnswer: (answer) => store.change({ answer, shift: 800 }),
      }),
    ),
    verdict,
    table.element,
  );
  let seen = '';
  return store.listen(({ z, T, shift: c, bits: width }) => {
    if (shift.value !== c) shift.value = c;
    bits.value = String(width);
    const now = `${z} ${T} ${c} ${width}`;
    if (now === seen) return;
    seen = now;
    const moved = z.map((each) => each + c);
    const naive = naiveSoftmax(moved, T, width);
    const stable = measure(moved, T);
    const p = probabilities(stable);
    const broken = naive.p.some(Number.isNaN) && !Number.isNaN(stable.top);
    const lost = !broken && naive.p.some((each, i) => Math.abs(each - Number(p[i])) > 0.005);
    const how = Number.isNaN(stable.top) ? 'none' : broken ? (naive.sum === 0 ? 'zero' : 'over') : lost ? 'lost' : 'fine';
    verdict.className = how === 'fine' ? 'note good' : 'note bad';
    clear(verdict, word(how === 'none' ? 'explore.softmax.none' : `explore.softmax.overflow.${how}`, { bits: width, limit: number(highest(width)) }));
    table.update(moved.slice(0, ROWS).map((each, i) => ({
      i: i + 1,
      z: each,
      power: naive.powers[i],
      naive: naive.p[i],
      stablePower: stable.power[i],
      stable: p[i],
    })));
  });
}
