// @ts-check
/** Logits with the arrows that the gradient gives them, and probabilities beside what they should be. */

import { clear, h } from '../../../dom.js';
import { dataTable } from '../../../widgets/table.js';
import { slider } from '../../../widgets/slider.js';
import { number, percent, word } from '../../../words.js';
import { columns } from '../parts/columns.js';
import { chanceDomain, logitDomain } from '../parts/domains.js';

/** @typedef {import('./state.js').LossStore} LossStore */

/** @param {LossStore} store */
export function instrument(store) {
  const { state } = store;
  const common = {
    onSelect: (/** @type {number} */ i) => store.change({ i }),
    onHover: (/** @type {number | null} */ lit) => state.lit !== lit && store.change({ lit }),
    height: 230,
  };
  const logits = columns(
    {
      ...common,
      caption: word('explore.losses.bars.z'),
      description: word('explore.losses.bars.z.how'),
      valueLabel: word('explore.logit'),
      arrowLabel: word('explore.losses.arrow'),
      onChange(i, value) {
        const z = [...state.z];
        z[i] = value;
        store.change({ z, i });
      },
      onKey(key, i) {
        if (key === 'Enter') store.change({ y: i });
        return key === 'Enter';
      },
    },
    { values: state.z, domain: logitDomain(state.z) },
  );
  const chances = columns(
    {
      ...common,
      caption: word('explore.losses.bars.p'),
      description: word('explore.losses.bars.p.how'),
      valueLabel: word('explore.probability'),
      markLabel: word('explore.losses.target'),
      format: (p) => percent(p),
    },
    { values: state.p, domain: [0, 1] },
  );
  const teacher = columns(
    {
      ...common,
      caption: word('explore.losses.bars.teacher'),
      description: word('explore.softmax.bars.z.how'),
      valueLabel: word('explore.logit'),
      onChange(i, value) {
        const next = [...state.teacher];
        next[i] = value;
        store.change({ teacher: next, i });
      },
    },
    { values: state.teacher, domain: logitDomain(state.teacher) },
  );
  const rate = slider({ label: word('explore.losses.rate'), min: 0.1, max: 10, step: 0.1, scale: 'log', value: state.rate, onInput: (value) => value > 0 && value <= 20 && store.change({ rate: value }) });
  const step = h('button', { type: 'button', class: 'primary', onclick: () => store.change({ z: state.z.map((each, i) => Number((each - state.rate * Number(state.grad[i])).toPrecision(6))) }) }, word('explore.losses.step'));
  const says = h('p', { class: 'numbers loss-line', role: 'status' });
  const table = dataTable({
    caption: word('explore.losses.table'),
    columns: [
      { key: 'i', label: word('explore.classes') },
      { key: 'z', label: 'z', numeric: true },
      { key: 'p', label: 'p', numeric: true, show: (value) => percent(value, 2) },
      { key: 'q', label: 'q', numeric: true, show: (value) => percent(value, 2) },
      { key: 'grad', label: '∂L/∂z', numeric: true },
    ],
    rows: [],
  });
  store.listen(({ z, p, q, grad, loss, i, lit, y, kind, terms, rate: size }) => {
    logits.update({ values: z, arrows: grad.map((each) => -size * each), selected: i, lit, right: y, domain: logitDomain(z) });
    chances.update({ values: p, marks: q, selected: i, lit, right: y, domain: chanceDomain([...p, ...q]) });
    teacher.element.hidden = kind !== 'distill';
    if (kind === 'distill') teacher.update({ values: state.teacher, selected: i, lit, domain: logitDomain(state.teacher) });
    clear(says, h('strong', {}, `L = ${number(loss)}`), ' ', kind === 'distill' ? word('explore.losses.parts', { soft: number(terms[0]), hard: number(terms[1]) }) : word('explore.losses.says', { y: y + 1, p: percent(p[y], 2), grad: number(grad[y]) }));
    table.update(z.slice(0, 12).map((each, j) => ({ i: j === y ? `${j + 1} ✓` : String(j + 1), z: each, p: p[j], q: q[j], grad: grad[j] })));
  });
  return h('section', { class: 'instrument' },
    says,
    h('div', { class: 'pair-of-charts' }, logits.element, chances.element, teacher.element),
    h('div', { class: 'columns' },
      h('div', { class: 'stack-small' }, h('p', {}, word('explore.losses.gradient')), rate.element, h('div', { class: 'row' }, step)),
      table.element,
    ),
  );
}
