// @ts-check
/** Which loss, its options, and the label. */

import { clear, h } from '../../../dom.js';
import { choice } from '../../../widgets/choice.js';
import { numberField, select, textField } from '../../../widgets/field.js';
import { slider } from '../../../widgets/slider.js';
import { number, word } from '../../../words.js';
import { fitted, nameOf } from './state.js';
import { formula, frac, log, m, row, sub, sumOver, sup } from '../parts/mathml.js';
import { formatNumbers, parseNumbers } from '../parts/store.js';

/** @typedef {import('./state.js').State} State */
/** @typedef {import('./state.js').LossStore} LossStore */

const KINDS = /** @type {const} */ (['ce', 'squared', 'distill']);

/** @param {LossStore} store */
export function options(store) {
  const { state } = store;
  const kind = choice({
    label: word('explore.losses.kind'),
    options: KINDS.map((value) => ({ value, label: nameOf(value) })),
    value: state.kind,
    onChange: (value) => store.change({ kind: /** @type {State['kind']} */ (value) }),
  });
  const classes = numberField({
    label: word('explore.softmax.k'),
    value: state.z.length,
    min: 2,
    max: 100,
    step: 1,
    onInput(k) {
      if (!Number.isInteger(k)) return;
      const { z, teacher, weight, y, i } = state;
      store.change({ z: fitted(z, k, 0), teacher: fitted(teacher, k, 0), weight: fitted(weight, k, 1), y: Math.min(y, k - 1), i: Math.min(i, k - 1) });
    },
  });
  const label = h('div');
  const smoothing = slider({ label: word('explore.losses.smoothing'), min: 0, max: 0.9, step: 0.01, value: state.smoothing, onInput: (value) => value >= 0 && value < 1 && store.change({ smoothing: value }) });
  const gamma = slider({ label: word('explore.losses.gamma'), min: 0, max: 5, step: 0.1, value: state.gamma, onInput: (value) => value >= 0 && value <= 10 && store.change({ gamma: value }) });
  const T = slider({ label: word('explore.softmax.T'), min: 0.1, max: 10, step: 0.1, scale: 'log', value: state.T, onInput: (value) => value >= 0.05 && value <= 20 && store.change({ T: value }) });
  const alpha = slider({ label: word('explore.losses.alpha'), min: 0, max: 1, step: 0.01, value: state.alpha, onInput: (value) => value >= 0 && value <= 1 && store.change({ alpha: value }) });
  const weights = textField({
    label: word('explore.losses.weights'),
    value: formatNumbers(state.weight),
    hint: word('explore.losses.weights.hint'),
    onInput(text) {
      const found = parseNumbers(text);
      const fits = found && found.length === state.z.length && found.every((each) => each >= 0 && each <= 1e6);
      weights.fail(fits ? null : word('explore.losses.weights.wrong', { k: state.z.length }));
      if (found && fits) store.change({ weight: found });
    },
  });
  const shown = { smoothing, gamma, weights, T, alpha };
  const written = h('div', { class: 'formulas scroll', tabindex: 0, role: 'region', 'aria-label': word('explore.losses.formula') });
  const text = h('p', { class: 'hint' });
  let seen = '';
  let labels = '';
  store.listen(({ kind: now, z, y, weight }) => {
    if (now !== seen) {
      seen = now;
      kind.value = now;
      const wanted = { ce: ['smoothing', 'gamma', 'weights', 'T'], squared: ['smoothing', 'T'], distill: ['alpha', 'T'] }[now];
      for (const [name, widget] of Object.entries(shown)) widget.element.hidden = !wanted.includes(name);
      clear(written, FORMULAS[now]());
      clear(text, word(`explore.losses.text.${now}`));
    }
    if (`${z.length} ${y}` !== labels) {
      labels = `${z.length} ${y}`;
      const right = select({
        label: word('explore.losses.label'),
        options: z.map((_, j) => ({ value: String(j), label: number(j + 1) })),
        value: String(y),
        onChange: (value) => store.change({ y: Number(value) }),
      });
      if (!label.contains(document.activeElement)) clear(label, right.element);
    }
    if (document.activeElement !== classes.input) classes.value = z.length;
    if (document.activeElement !== weights.input) weights.value = formatNumbers(weight);
  });
  return h('section', { class: 'panel' },
    h('div', { class: 'columns' },
      h('div', { class: 'stack-small' }, kind.element, written, text),
      h('div', { class: 'stack-small' },
        h('div', { class: 'row end narrow' }, label, classes.element),
        Object.values(shown).map((widget) => widget.element),
      ),
    ),
  );
}

/** @type {Record<State['kind'], () => MathMLElement>} */
const FORMULAS = {
  ce: () => formula('L', '=', '−', sumOver('j'), row(sub('w', 'j'), sub('q', 'j'), m('msup', {}, row('(', 1, '−', sub('p', 'j'), ')'), m('mi', {}, 'γ')), log(), sub('p', 'j'))),
  squared: () => formula('L', '=', sumOver('j'), m('msup', {}, row('(', sub('p', 'j'), '−', sub('q', 'j'), ')'), m('mn', {}, 2))),
  distill: () => formula('L', '=', row('α', sup('T', 2), sumOver('j'), sub('q', 'j'), log(), frac(sub('q', 'j'), sub('p', 'j'))), '+', row('(', 1, '−', 'α', ')', '(', '−', log(), sub('p', 'y'), ')')),
};
