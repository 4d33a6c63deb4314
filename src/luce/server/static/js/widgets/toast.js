// @ts-check
/** A short message in the corner that screen readers say, too. */

import { h } from '../dom.js';
import { word } from '../words.js';

/**
 * @param {string} message
 * @param {'good' | 'bad' | 'plain'} [kind] a bad one stays until it is closed
 */
export function toast(message, kind = 'plain') {
  const place = document.getElementById('toasts');
  const element = h('div', { class: `toast ${kind}`, role: kind === 'bad' ? 'alert' : 'status' }, h('p', {}, message));
  const close = () => element.remove();
  element.append(h('button', { type: 'button', class: 'quiet icon', 'aria-label': word('widget.close'), onclick: close }, '×'));
  place?.append(element);
  if (kind !== 'bad') setTimeout(close, 6000);
}
