// @ts-check
/** How far something is, with words. */

import { freshId, h } from '../dom.js';

/**
 * @param {{label: string, value?: number | null}} options value from 0 to 1; null: nobody knows
 * @returns {{element: HTMLElement, update(value: number | null, text?: string): void}}
 */
export function progressBar({ label, value = null }) {
  const id = freshId('progress');
  const bar = h('progress', { id, max: 1, value });
  const text = h('span', { class: 'muted' });
  return {
    element: h('div', { class: 'field progress' }, h('label', { for: id }, label), bar, text),
    update(next, words) {
      if (next === null) bar.removeAttribute('value');
      else bar.value = next;
      if (words !== undefined) text.textContent = words;
    },
  };
}
