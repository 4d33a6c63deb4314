// @ts-check
/** Logits to move, and the probabilities that follow. */

import { clear, h } from '../../../dom.js';
import { number, percent, word } from '../../../words.js';
import { numberField } from '../../../widgets/field.js';
import { columns } from '../parts/columns.js';
import { chanceDomain, logitDomain } from '../parts/domains.js';
import { addClass, removeClass } from './controls.js';

/** @typedef {import('./state.js').SoftmaxStore} SoftmaxStore */

/** @param {SoftmaxStore} store @returns {{element: HTMLElement, focus(index: number): void}} */
export function instrument(store) {
  const { state } = store;
  const common = {
    onSelect: (/** @type {number} */ i) => store.change({ i }),
    onHover: (/** @type {number | null} */ lit) => state.lit !== lit && store.change({ lit }),
  };
  const logits = columns(
    {
      ...common,
      caption: word('explore.softmax.bars.z'),
      description: word('explore.softmax.bars.z.how'),
      valueLabel: word('explore.logit'),
      onChange(i, value) {
        const z = [...state.z];
        z[i] = value;
        store.change({ z, i });
      },
      onKey(key, i) {
        if (key === '+') addClass(store, (at) => logits.focus(at));
        else if (key === 'Delete' || key === 'Backspace') {
          removeClass(store);
          requestAnimationFrame(() => logits.focus(Math.max(0, i - 1)));
        } else return false;
        return true;
      },
    },
    { values: state.z, domain: logitDomain(state.z) },
  );
  const chances = columns(
    {
      ...common,
      caption: word('explore.softmax.bars.p'),
      description: word('explore.softmax.bars.p.how'),
      valueLabel: word('explore.probability'),
      format: (p) => percent(p),
    },
    { values: state.p, domain: chanceDomain(state.p) },
  );
  const typed = numberField({
    label: word('explore.softmax.typed'),
    value: null,
    onInput(value) {
      const z = [...state.z];
      z[state.i] = value;
      store.change({ z });
    },
  });
  const facts = h('p', { class: 'facts-line numbers', 'aria-live': 'off' });
  store.listen(({ z, p, logP, i, lit, shift, entropy }) => {
    logits.update({ values: z, selected: i, lit, offset: shift, domain: logitDomain(z) });
    chances.update({ values: p, selected: i, lit, domain: chanceDomain(p) });
    if (document.activeElement !== typed.input) typed.value = Number.isFinite(z[i]) ? Number(z[i]) : null;
    const most = z.length > 1 ? entropy / Math.log(z.length) : 0;
    clear(facts,
      h('strong', {}, word('explore.class', { i: i + 1 })),
      h('span', {}, `p = ${percent(p[i], 2)}`),
      h('span', {}, `log p = ${number(logP[i])}`),
      h('span', {}, `H = ${number(entropy)}`, most > 0 ? ` (${percent(most, 0)})` : ''),
    );
  });
  const element = h('section', { class: 'instrument' },
    h('div', { class: 'pair-of-charts' }, logits.element, chances.element),
    h('div', { class: 'row selected-class' }, typed.element, facts),
  );
  return { element, focus: logits.focus };
}
