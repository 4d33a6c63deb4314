// @ts-check
/**
 * What every chart has: a caption, a picture that fits its place and speaks to screen readers, and
 * the values behind it as a table.
 */

import { clear, freshId, h, s, set } from '../dom.js';
import { number, word } from '../words.js';
import { dataTable } from '../widgets/table.js';

/** @typedef {import('./scale.js').Scale} Scale */
/** @typedef {{left: number, right: number, top: number, bottom: number}} Box */
/** @typedef {{columns: readonly import('../widgets/table.js').Column[], rows: readonly Record<string, any>[]}} Table */
/**
 * @typedef {object} Plot
 * @property {SVGSVGElement} svg
 * @property {number} width of the picture in CSS pixels
 * @property {number} height
 * @property {Box} box the place for marks: what the margins leave
 */

/** So many rows of a table are shown; of more, evenly chosen ones. */
const MOST_ROWS = 500;
/** Pixels of a letter of a tick, about, and how far the last tick's text may go beyond the box. */
const LETTER = 7;
const ROOM = 26;

/**
 * @param {object} options
 * @param {string} options.caption
 * @param {string} [options.description] in words for those who do not see it
 * @param {number} [options.height] in CSS pixels
 * @param {number} [options.aspect] height as a multiple of the width, instead of `height`
 * @param {number} [options.maxWidth] in CSS pixels
 * @param {Partial<Box>} [options.margin]
 * @param {string} [options.role] of the picture: `img`, or what an interactive one is
 * @param {(plot: Plot) => void} options.draw called when the size is known, and after redraw()
 * @param {() => Table} options.table called when the table is opened
 * @returns {{element: HTMLElement, svg: SVGSVGElement, canvas: HTMLCanvasElement, legend: HTMLElement,
 *   redraw(): void, resize(height: number): void, describe(text: string): void,
 *   setCaption(text: string): void}} canvas lies below the picture, for cells; it is hidden until
 *   its `hidden` is taken away. redraw() draws once in the next frame, however often it is called
 */
export function frame({ caption, description = '', height = 260, aspect, maxWidth, margin = {}, role = 'img', draw, table }) {
  const titleId = freshId('chart');
  const title = s('title', { id: titleId }, caption);
  const words = s('desc', { id: `${titleId}-desc` }, description);
  const svg = s('svg', { role, 'aria-labelledby': titleId, 'aria-describedby': words.id }, title, words);
  const canvas = h('canvas', { 'aria-hidden': 'true' });
  canvas.hidden = true;
  const place = h('div', { class: 'plot' }, canvas, svg);
  if (maxWidth) place.style.maxWidth = `${maxWidth}px`;
  const legend = h('div', { class: 'legend' });
  const heading = h('figcaption', {}, caption);
  const values = makeTable(caption, table);
  const element = h('figure', { class: 'chart' }, heading, legend, place, values.element);

  let width = 0;
  let high = height;
  let asked = 0;
  const now = () => {
    asked = 0;
    if (!width) return;
    const tall = aspect ? Math.round(width * aspect) : high;
    set(svg, { viewBox: `0 0 ${width} ${tall}`, width, height: tall });
    const { left = 48, right = 12, top = 12, bottom = 40 } = margin;
    draw({ svg, width, height: tall, box: { left, top, right: width - right, bottom: tall - bottom } });
    values.refresh();
  };
  const redraw = () => {
    if (!asked) asked = requestAnimationFrame(now);
  };
  new ResizeObserver(([entry]) => {
    const next = Math.round(entry?.contentRect.width ?? 0);
    if (next === width) return;
    width = next;
    redraw();
  }).observe(place);
  return {
    element,
    svg,
    canvas,
    legend,
    redraw,
    resize: (next) => {
      high = next;
    },
    describe: (text) => {
      words.textContent = text;
    },
    setCaption: (text) => {
      heading.textContent = text;
      title.textContent = text;
    },
  };
}

/**
 * @param {string} caption
 * @param {() => Table} table
 */
function makeTable(caption, table) {
  const place = h('div');
  const element = h('details', { class: 'values' }, h('summary', {}, word('chart.table')), place);
  const refresh = () => {
    if (!element.open) return;
    const { columns, rows } = table();
    const step = Math.ceil(rows.length / MOST_ROWS);
    const some = step > 1 ? rows.filter((_, i) => i % step === 0 || i === rows.length - 1) : rows;
    clear(
      place,
      step > 1 ? h('p', { class: 'hint' }, word('chart.someRows', { shown: some.length, rows: rows.length })) : null,
      dataTable({ caption, hideCaption: true, columns, rows: some }).element,
    );
  };
  element.addEventListener('toggle', refresh);
  return { element, refresh };
}

/**
 * Draw the axes into a group, which is emptied first. Lines of the grid go across the box.
 * @param {SVGGElement} group
 * @param {object} options
 * @param {Box} options.box
 * @param {Scale} [options.x]
 * @param {Scale} [options.y]
 * @param {string} [options.xLabel]
 * @param {string} [options.yLabel]
 * @param {(value: number) => string} [options.xFormat]
 * @param {(value: number) => string} [options.yFormat]
 */
export function drawAxes(group, { box, x, y, xLabel, yLabel, xFormat = tickText, yFormat = tickText }) {
  /** @type {import('../dom.js').Child[]} */
  const parts = [];
  for (const tick of y?.ticks ?? []) {
    const at = crisp(y?.at(tick) ?? 0);
    parts.push(s('line', { class: 'grid', x1: box.left, x2: box.right, y1: at, y2: at }));
    parts.push(s('text', { class: 'tick', x: box.left - 8, y: at, dy: '.32em', 'text-anchor': 'end' }, yFormat(tick)));
  }
  for (const tick of x?.ticks ?? []) {
    const at = crisp(x?.at(tick) ?? 0);
    parts.push(s('line', { class: 'mark', x1: at, x2: at, y1: box.bottom, y2: box.bottom + 4 }));
    const label = xFormat(tick);
    const beyond = Math.max(0, at + LETTER * label.length / 2 - box.right - ROOM);
    parts.push(s('text', { class: 'tick', x: at - beyond, y: box.bottom + 17, 'text-anchor': 'middle' }, label));
  }
  const base = crisp(box.bottom);
  parts.push(s('line', { class: 'axis', x1: box.left, x2: box.right, y1: base, y2: base }));
  if (xLabel) {
    parts.push(s('text', { class: 'label', x: (box.left + box.right) / 2, y: box.bottom + 34, 'text-anchor': 'middle' }, xLabel));
  }
  if (yLabel) {
    // Level, above the axis: easier to read than a label on its side.
    parts.push(s('text', { class: 'label', x: 0, y: box.top - 15, 'text-anchor': 'start' }, yLabel));
  }
  clear(group, parts);
}

/** A pixel's middle, where a line of one pixel is sharp. @param {number} pixel */
export function crisp(pixel) {
  return Math.round(pixel) + 0.5;
}

/** @param {number} value */
export function tickText(value) {
  return number(value, 6).replace(/^(−?)1\u202f×\u202f/, '$1'); // 10⁻⁶ is enough
}
