// @ts-check
/** A modal dialog: the element <dialog> of HTML, which keeps the focus and closes with Escape. */

import { freshId, h } from '../dom.js';
import { word } from '../words.js';

/** @typedef {import('../dom.js').Child} Child */

/**
 * Open a dialog. It closes by Escape, by its button or by one of its actions, and gives the focus
 * back to where it was.
 * @param {{title: string, body: Child, wide?: boolean,
 *   actions?: readonly {label: string, primary?: boolean, run?: () => void}[]}} options
 * @returns {{element: HTMLDialogElement, close(): void}}
 */
export function dialog({ title, body, wide = false, actions = [] }) {
  const id = freshId('dialog');
  const before = document.activeElement;
  const element = h('dialog', { 'aria-labelledby': id, class: wide ? 'wide' : null });
  const close = () => element.close();
  element.append(
    h('header', {}, h('h2', { id }, title), h('button', { type: 'button', class: 'quiet icon', 'aria-label': word('widget.close'), onclick: close }, '×')),
    h('div', { class: 'body' }, body),
  );
  if (actions.length) {
    element.append(
      h('footer', {}, actions.map((action) =>
        h('button', {
          type: 'button',
          class: action.primary ? 'primary' : null,
          onclick: () => {
            close();
            action.run?.();
          },
        }, action.label),
      )),
    );
  }
  element.addEventListener('click', (event) => {
    if (event.target === element) close(); // the backdrop
  });
  element.addEventListener('close', () => {
    element.remove();
    if (before instanceof HTMLElement) before.focus();
  });
  document.body.append(element);
  element.showModal();
  return { element, close };
}
