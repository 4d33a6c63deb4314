// @ts-check
/**
 * A table of numbers as colours: a confusion matrix, a Jacobian. Cells are drawn on a canvas (there
 * may be tens of thousands); names, numbers and the cursor are SVG. With `onSelect` the arrow keys
 * move a cursor over the cells, and Enter or a click chooses one.
 */

import { css, mix, resolve } from '../colours.js';
import { clear, s, set } from '../dom.js';
import { number, word } from '../words.js';
import { textWidth } from './bars.js';
import { frame } from './frame.js';

/**
 * @typedef {object} HeatData
 * @property {string} caption
 * @property {readonly string[]} rows
 * @property {readonly string[]} columns
 * @property {readonly ArrayLike<number>[]} values one list a row
 * @property {readonly ArrayLike<number>[]} [shades] what the colours show, if not the values
 * @property {boolean} [diverging] colours in two directions from 0
 * @property {number} [max] the value of the full colour, else the largest
 * @property {string} [rowTitle]
 * @property {string} [columnTitle]
 * @property {(value: number) => string} [format]
 * @property {string} [description]
 * @property {number} [maxWidth]
 * @property {{row: number, column: number} | null} [selected]
 * @property {(row: number, column: number) => void} [onSelect]
 */

/** A cell must be so wide for a number in it. */
const WRITTEN = 30;

/**
 * @param {HeatData} options
 * @returns {{element: HTMLElement, update(changes: Partial<HeatData>): void}}
 */
export function heatMap(options) {
  let data = { ...options };
  const text = s('g');
  const written = s('g');
  let named = '';
  const chosen = s('rect', { class: 'chosen' });
  const cursor = s('rect', { class: 'cell-cursor' });
  const at = { row: 0, column: 0 };
  const longest = (/** @type {readonly string[]} */ names) => Math.min(140, Math.max(...names.map(textWidth), 12));
  const top = 22 + (data.columnTitle ? 20 : 0);
  const left = longest(data.rows) + 12;
  let cell = 1;
  let tall = 1;
  const chart = frame({
    caption: data.caption,
    ...(data.description ? { description: data.description } : {}),
    maxWidth: data.maxWidth ?? Math.max(260, Math.min(720, left + data.columns.length * 56)),
    margin: { left, right: 2, top, bottom: 2 },
    aspect: 1,
    role: data.onSelect ? 'application' : 'img',
    draw,
    table: () => table(data),
  });
  chart.svg.append(text, written, chosen, cursor);
  chart.canvas.hidden = false;
  if (data.onSelect) listen();

  /** @param {import('./frame.js').Plot} plot */
  function draw({ svg, width, box }) {
    cell = (box.right - box.left) / Math.max(1, data.columns.length);
    tall = Math.min(cell, 44);
    const height = box.top + tall * data.rows.length + 4;
    set(svg, { viewBox: `0 0 ${width} ${height}`, height });
    const size = data.max ?? largest(data.shades ?? data.values);
    paint(width, height, box, size);
    const names = [width, data.rowTitle, data.columnTitle, ...data.rows, '|', ...data.columns].join('\n');
    if (names !== named) clear(text, name(box));
    named = names;
    clear(written, cell >= WRITTEN && tall >= 16 ? numbers(box, size) : null);
    mark(chosen, data.selected ?? null, box);
    mark(cursor, data.onSelect ? at : null, box);
  }

  /** The names of rows and columns, as many as there is room for. @param {import('./frame.js').Box} box */
  function name(box) {
    /** @type {import('../dom.js').Child[]} */
    const parts = [];
    if (data.columnTitle) parts.push(s('text', { class: 'label', x: box.left, y: 12 }, data.columnTitle));
    if (data.rowTitle) parts.push(s('text', { class: 'label', x: 0, y: box.top - 6 }, data.rowTitle));
    const every = Math.ceil(14 / tall);
    data.rows.forEach((name, i) => {
      if (i % every === 0) parts.push(s('text', { class: 'tick', x: box.left - 8, y: box.top + (i + 0.5) * tall, dy: '.32em', 'text-anchor': 'end' }, shorten(name, left - 12)));
    });
    const wide = longest(data.columns) > cell;
    const step = wide ? Math.ceil(Math.min(longest(data.columns), 24) / cell) : 1;
    data.columns.forEach((name, j) => {
      if (j % step === 0) parts.push(s('text', { class: 'tick', x: box.left + (j + 0.5) * cell, y: box.top - 6, 'text-anchor': 'middle' }, shorten(name, cell * step)));
    });
    return parts;
  }

  /** @param {number} width @param {number} height @param {import('./frame.js').Box} box @param {number} size */
  function paint(width, height, box, size) {
    const sharp = devicePixelRatio || 1;
    const { canvas } = chart;
    canvas.width = Math.round(width * sharp);
    canvas.height = Math.round(height * sharp);
    canvas.style.width = `${width}px`;
    canvas.style.height = `${height}px`;
    const pen = canvas.getContext('2d');
    if (!pen) return;
    pen.scale(sharp, sharp);
    const [none, up, down] = [resolve('var(--panel)'), resolve('var(--c0)'), resolve('var(--c1)')];
    const gap = tall > 8 && cell > 8 ? 1 : 0;
    // Ten thousand cells have few colours: 256 steps each way are more than an eye can tell.
    const [rising, falling] = [up, data.diverging ? down : up].map((full) => Array.from({ length: 257 }, (_, step) => css(mix(none, full, step / 256))));
    (data.shades ?? data.values).forEach((row, i) => {
      for (let j = 0; j < row.length; j += 1) {
        const step = Math.round(256 * shade(Number(row[j]), size));
        pen.fillStyle = (step < 0 ? falling?.[-step] : rising?.[step]) ?? '';
        pen.fillRect(box.left + j * cell, box.top + i * tall, cell - gap, tall - gap);
      }
    });
  }

  /** @param {import('./frame.js').Box} box @param {number} size */
  function numbers(box, size) {
    const format = data.format ?? ((/** @type {number} */ value) => number(value, 2));
    const shades = data.shades ?? data.values;
    return data.values.map((row, i) =>
      Array.from(row, (value, j) => {
        const words = value === 0 && !data.diverging ? '' : format(value);
        const dark = Math.abs(shade(Number(shades[i]?.[j]), size)) > 0.55;
        return s('text', { class: dark ? 'cell on' : 'cell', x: box.left + (j + 0.5) * cell - 0.5, y: box.top + (i + 0.5) * tall - 0.5, dy: '.33em', 'text-anchor': 'middle' }, textWidth(words) < cell + 4 ? words : '');
      }),
    );
  }

  /**
   * @param {SVGRectElement} rect
   * @param {{row: number, column: number} | null} place
   * @param {import('./frame.js').Box} [box]
   */
  function mark(rect, place, box = { left, top, right: 0, bottom: 0 }) {
    rect.style.display = place ? '' : 'none';
    if (place) set(rect, { x: box.left + place.column * cell - 0.5, y: box.top + place.row * tall - 0.5, width: cell, height: tall });
  }

  function listen() {
    const { svg } = chart;
    set(svg, { tabindex: 0, 'aria-roledescription': word('chart.matrix') });
    tell();
    svg.addEventListener('click', (event) => {
      const box = svg.getBoundingClientRect();
      go(Math.floor((event.clientY - box.top - top) / tall), Math.floor((event.clientX - box.left - left) / cell));
      data.onSelect?.(at.row, at.column);
    });
    svg.addEventListener('keydown', (event) => {
      const by = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] }[event.key];
      if (by) go(at.row + Number(by[0]), at.column + Number(by[1]));
      else if (event.key === 'Enter' || event.key === ' ') data.onSelect?.(at.row, at.column);
      else return;
      event.preventDefault();
    });
  }

  /** @param {number} row @param {number} column */
  function go(row, column) {
    at.row = Math.max(0, Math.min(data.rows.length - 1, row));
    at.column = Math.max(0, Math.min(data.columns.length - 1, column));
    mark(cursor, at);
    tell();
  }

  /** What a screen reader hears of the cell under the cursor. */
  function tell() {
    const value = number(Number(data.values[at.row]?.[at.column]));
    const names = { row: data.rows[at.row] ?? '', column: data.columns[at.column] ?? '', value };
    chart.svg.removeAttribute('aria-labelledby');
    chart.svg.setAttribute('aria-label', `${data.caption}. ${word('chart.cell', names)}`);
  }

  /** @param {number} value @param {number} size */
  function shade(value, size) {
    const share = size > 0 && Number.isFinite(value) ? value / size : 0;
    return Math.max(-1, Math.min(1, share));
  }

  return {
    element: chart.element,
    update(changes) {
      data = { ...data, ...changes };
      if (changes.caption !== undefined) chart.setCaption(changes.caption);
      if (changes.description !== undefined) chart.describe(changes.description);
      if (data.onSelect) go(at.row, at.column);
      chart.redraw();
    },
  };
}

/** @param {readonly ArrayLike<number>[]} lists */
function largest(lists) {
  let most = 0;
  for (const list of lists) for (let i = 0; i < list.length; i += 1) most = Math.max(most, Math.abs(Number(list[i])) || 0);
  return most;
}

/** @param {string} name @param {number} room */
function shorten(name, room) {
  if (textWidth(name) <= room) return name;
  return [...name].slice(0, Math.max(1, Math.floor(room / 6.6) - 1)).join('') + '…';
}

/** @param {HeatData} data @returns {import('./frame.js').Table} */
function table(data) {
  return {
    columns: [{ key: 'name', label: data.rowTitle ?? word('chart.label') }, ...data.columns.map((label, j) => ({ key: `c${j}`, label, numeric: true }))],
    rows: data.rows.map((name, i) => ({ name, ...Object.fromEntries(data.columns.map((_, j) => [`c${j}`, Number(data.values[i]?.[j])])) })),
  };
}
