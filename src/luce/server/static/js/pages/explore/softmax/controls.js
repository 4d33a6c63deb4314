// @ts-check
/** The logits as text, their number, the temperature, and examples to begin with. */

import { h } from '../../../dom.js';
import { uniforms } from '../../../maths/sampling.js';
import { numberField, select, textField } from '../../../widgets/field.js';
import { slider } from '../../../widgets/slider.js';
import { number, word } from '../../../words.js';
import { formatNumbers, parseNumbers } from '../parts/store.js';
import { MOST_CLASSES } from './state.js';

/** @typedef {import('./state.js').SoftmaxStore} SoftmaxStore */

const COLDEST = 0.05; // where the range of the temperature begins, and ends
const HOTTEST = 20;

/** What there is to begin with. @type {Record<string, {z: number[], T?: number, shift?: number}>} */
const EXAMPLES = {
  three: { z: [2, 1, 0.1] },
  winner: { z: [9, 1, 0, -1] },
  tie: { z: [3, 3, 1] },
  two: { z: [1.5, 0] },
  ten: { z: spread(10) },
  hundred: { z: spread(100) },
  impossible: { z: [2, 1, -Infinity] },
  huge: { z: [1e308, 1e308, -1e308] },
  none: { z: [1, Infinity, 0] },
};

/** @param {SoftmaxStore} store @param {(index: number) => void} focus @returns {HTMLElement} */
export function controls(store, focus) {
  const { state } = store;
  const temperature = slider({
    label: word('explore.softmax.T'),
    min: COLDEST,
    max: HOTTEST,
    step: 0.01,
    value: state.T || COLDEST,
    scale: 'log',
    format: (T) => number(T, 3),
    onInput: (T) => store.change({ T }),
  });
  const limits = [0, 1].map((T) =>
    h('button', { type: 'button', class: 'small', onclick: () => store.change({ T }) }, T ? 'T = 1' : 'T → 0'),
  );
  const logits = textField({
    label: word('explore.softmax.logits'),
    value: formatNumbers(state.z),
    hint: word('explore.softmax.logits.hint'),
    onInput(text) {
      const z = parseNumbers(text);
      logits.fail(z ? null : word('explore.softmax.logits.wrong'));
      if (z) store.change({ z: z.slice(0, MOST_CLASSES) });
    },
  });
  const count = numberField({
    label: word('explore.softmax.k'),
    value: state.z.length,
    min: 1,
    max: MOST_CLASSES,
    step: 1,
    onInput: (k) => store.change({ z: resized(state.z, k) }),
  });
  const examples = select({
    label: word('explore.softmax.example'),
    options: ['', ...Object.keys(EXAMPLES)].map((value) => ({
      value,
      label: word(`explore.softmax.example.${value || 'choose'}`),
    })),
    onChange(name) {
      const example = EXAMPLES[name];
      if (example) store.change({ z: [...example.z], T: 1, shift: 0, i: 0 });
      examples.value = '';
    },
  });
  const add = h('button', { type: 'button', class: 'icon', 'aria-label': word('explore.softmax.add'), onclick: () => addClass(store, focus) }, '+');
  const remove = h('button', { type: 'button', class: 'icon', 'aria-label': word('explore.softmax.remove'), onclick: () => removeClass(store) }, '−');
  const exact = /** @type {HTMLInputElement} */ (temperature.element.querySelector('input[type=number]'));
  exact.addEventListener('input', () => {
    if (exact.valueAsNumber === 0) store.change({ T: 0 }); // the range, being logarithmic, has no 0
  });
  let seenT = NaN;
  let seenZ = '';
  store.listen(({ z, T }) => {
    if (T !== seenT) {
      seenT = T;
      const typing = document.activeElement === exact;
      if (T > 0 && temperature.value !== T && !typing) temperature.value = T;
      if (T === 0 && !typing) exact.value = '0';
      limits.forEach((button, limit) => button.setAttribute('aria-pressed', String(T === limit)));
    }
    const text = formatNumbers(z);
    if (text === seenZ) return;
    seenZ = text;
    if (document.activeElement !== logits.input) {
      logits.value = text;
      logits.fail(null);
    }
    if (document.activeElement !== count.input) count.value = z.length;
    remove.disabled = z.length <= 1;
    add.disabled = z.length >= MOST_CLASSES;
  });
  return h('div', { class: 'controls' },
    h('div', { class: 'wide' }, temperature.element, h('div', { class: 'row' }, limits)),
    h('div', { class: 'count' }, count.element, remove, add),
    examples.element,
    h('div', { class: 'wide' }, logits.element),
  );
}

/** @param {SoftmaxStore} store @param {(index: number) => void} [focus] */
export function addClass(store, focus) {
  const { z } = store.state;
  if (z.length >= MOST_CLASSES) return;
  store.change({ z: [...z, 0], i: z.length });
  if (focus) requestAnimationFrame(() => focus(z.length));
}

/** Remove the class that is looked at. @param {SoftmaxStore} store */
export function removeClass(store) {
  const { z, i } = store.state;
  if (z.length > 1) store.change({ z: z.filter((_, j) => j !== i), i: Math.max(0, i - 1) });
}

/** Logits with classes added at the end, or taken away there. @param {number[]} z @param {number} k */
function resized(z, k) {
  const whole = Math.round(k);
  return whole <= z.length ? z.slice(0, whole) : [...z, ...spread(whole).slice(z.length)];
}

/** Logits that look as if a model had made them: the same ones every time. @param {number} k @returns {number[]} */
function spread(k) {
  const u = uniforms(7, 2 * k);
  // Box & Muller (1958): two uniform variates make a normal one.
  return Array.from({ length: k }, (_, i) => {
    const radius = Math.sqrt(-2 * Math.log(1 - Number(u[2 * i])));
    return Number((1.5 * radius * Math.cos(2 * Math.PI * Number(u[2 * i + 1]))).toFixed(1)) + 0;
  });
}
