// @ts-check
/** A table of data with its caption. */

import { clear, h } from '../dom.js';
import { number } from '../words.js';

/** @typedef {import('../dom.js').Child} Child */
/**
 * @typedef {object} Column
 * @property {string} key
 * @property {string} label
 * @property {boolean} [numeric] aligned to the right, with figures of equal width
 * @property {(value: any, row: Record<string, any>) => Child} [show] instead of the value itself
 */

/**
 * @param {{caption: string, hideCaption?: boolean, columns: readonly Column[],
 *   rows: readonly Record<string, any>[], rowLabel?: (row: Record<string, any>) => string,
 *   onRow?: (row: Record<string, any>, index: number) => void}} options with onRow the first
 *   column holds a button in each row
 * @returns {{element: HTMLElement, update(rows: readonly Record<string, any>[]): void}}
 */
export function dataTable({ caption, hideCaption = false, columns, rows, onRow }) {
  const body = h('tbody');
  const head = columns.map((column) => h('th', { scope: 'col', class: column.numeric ? 'numeric' : null }, column.label));
  const table = h('table', {}, h('caption', { class: hideCaption ? 'sr' : null }, caption), h('thead', {}, h('tr', {}, head)), body);

  /** @param {Column} column @param {Record<string, any>} row @returns {Child} */
  const shown = (column, row) => {
    const value = row[column.key];
    if (column.show) return column.show(value, row);
    return typeof value === 'number' || value === null || value === undefined ? number(value) : String(value);
  };
  /** @param {readonly Record<string, any>[]} next */
  const update = (next) => {
    clear(
      body,
      next.map((row, i) =>
        h('tr', {}, columns.map((column, j) => {
          const value = shown(column, row);
          const content = onRow && j === 0 ? h('button', { type: 'button', class: 'link', onclick: () => onRow(row, i) }, value) : value;
          const attributes = { class: column.numeric ? 'numeric' : null };
          return j === 0 ? h('th', { ...attributes, scope: 'row' }, content) : h('td', attributes, content);
        })),
      ),
    );
  };
  update(rows);
  // A wide table scrolls by itself; so that keys can scroll it, it takes the focus.
  const element = h('div', { class: 'scroll', tabindex: 0, role: 'region', 'aria-label': caption }, table);
  return { element, update };
}
