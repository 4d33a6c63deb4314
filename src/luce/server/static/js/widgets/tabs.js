// @ts-check
/** Tabs: arrow keys, Home and End move between them; a panel is filled when it is first shown. */

import { clear, freshId, h, set } from '../dom.js';

/**
 * @param {{label: string, items: readonly {id: string, label: string,
 *   show(panel: HTMLElement): void | (() => void) | Promise<void | (() => void)>}[],
 *   selected?: string | undefined, onSelect?: (id: string) => void}} options show fills an empty
 *   panel each time its tab is opened, and may return what cleans up
 * @returns {{element: HTMLElement, select(id: string): void, close(): void}} close cleans up
 */
export function tabs({ label, items, selected, onSelect }) {
  const base = freshId('tabs');
  const panel = h('div', { role: 'tabpanel', id: `${base}-panel`, tabindex: 0, class: 'tabpanel' });
  let turn = 0;
  let close = () => {};
  const buttons = items.map((item, i) =>
    h('button', {
      type: 'button',
      role: 'tab',
      id: `${base}-${item.id}`,
      'aria-controls': panel.id,
      onclick: () => choose(item.id),
      onkeydown: (/** @type {KeyboardEvent} */ event) => move(event, i),
    }, item.label),
  );

  /** @param {KeyboardEvent} event @param {number} i */
  function move(event, i) {
    const last = items.length - 1;
    const to = { ArrowLeft: i ? i - 1 : last, ArrowRight: i < last ? i + 1 : 0, Home: 0, End: last }[event.key];
    const item = to === undefined ? undefined : items[to];
    if (!item) return;
    event.preventDefault();
    buttons[to ?? 0]?.focus();
    choose(item.id);
  }

  /** @param {string} id */
  function choose(id) {
    open(id);
    onSelect?.(id);
  }

  /** @param {string} id */
  async function open(id) {
    const i = Math.max(0, items.findIndex((item) => item.id === id));
    buttons.forEach((button, j) => set(button, { 'aria-selected': String(i === j), tabindex: i === j ? 0 : -1 }));
    panel.setAttribute('aria-labelledby', buttons[i]?.id ?? '');
    close();
    close = () => {};
    turn += 1;
    const mine = turn;
    const result = await items[i]?.show(clear(panel));
    reveal(buttons[i]);
    if (mine === turn) close = result ?? (() => {});
    else result?.();
  }

  /** Where the row of tabs is cut off, the chosen one is to be seen. @param {HTMLElement | undefined} button */
  function reveal(button) {
    const list = button?.parentElement;
    if (!button || !list || button.contains(document.activeElement)) return; // the focus brings it into sight
    const [tab, row] = [button.getBoundingClientRect(), list.getBoundingClientRect()];
    if (tab.left < row.left || tab.right > row.right) list.scrollLeft += tab.left - row.left - 24;
  }

  const first = items.find((item) => item.id === selected) ?? items[0];
  if (first) open(first.id);
  return {
    element: h('div', { class: 'tabs' }, h('div', { role: 'tablist', 'aria-label': label }, buttons), panel),
    select: open,
    close: () => {
      turn += 1;
      close();
    },
  };
}
