// @ts-check
/** One of a few options that are all visible: radio buttons that look like one bar. */

import { freshId, h } from '../dom.js';

/**
 * @param {{label: string, options: readonly {value: string, label: string}[], value: string,
 *   onChange: (value: string) => void}} options
 * @returns {{element: HTMLElement, value: string}}
 */
export function choice({ label, options, value, onChange }) {
  const name = freshId('choice');
  const inputs = options.map((item) => {
    const input = h('input', { type: 'radio', name, value: item.value });
    input.checked = item.value === value;
    input.addEventListener('change', () => onChange(item.value));
    return input;
  });
  const bar = options.map((item, i) => h('label', {}, inputs[i], h('span', {}, item.label)));
  return {
    element: h('fieldset', { class: 'field choice' }, h('legend', {}, label), h('div', { class: 'segments' }, bar)),
    get value() {
      return inputs.find((input) => input.checked)?.value ?? value;
    },
    set value(next) {
      for (const input of inputs) input.checked = input.value === next;
    },
  };
}
