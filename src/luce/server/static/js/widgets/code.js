// @ts-check
/** A piece of code to read and to copy. */

import { h } from '../dom.js';
import { word } from '../words.js';
import { toast } from './toast.js';

/**
 * @param {{label: string, code: string}} options
 * @returns {{element: HTMLElement, update(code: string): void}}
 */
export function codeBlock({ label, code }) {
  const text = h('code', {}, code);
  const copy = h('button', { type: 'button', class: 'quiet small', 'aria-label': word('widget.copyOf', { label }) }, word('widget.copy'));
  copy.addEventListener('click', async () => {
    try {
      await navigator.clipboard.writeText(text.textContent ?? '');
      toast(word('widget.copied'), 'good');
    } catch {
      // Without the clipboard (a page that is not local) the code is selected for Ctrl-C.
      getSelection()?.selectAllChildren(text);
    }
  });
  const element = h('figure', { class: 'code' }, h('figcaption', {}, h('span', {}, label), copy), h('pre', { tabindex: 0, 'aria-label': label }, text));
  return {
    element,
    update(next) {
      text.textContent = next;
    },
  };
}
