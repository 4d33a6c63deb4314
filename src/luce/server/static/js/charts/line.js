// @ts-check
/** Lines over numbers: curves of functions, and curves that grow while a model learns. */

import { DASHES, seriesColour } from '../colours.js';
import { clear, freshId, h, s, set } from '../dom.js';
import { number } from '../words.js';
import { drawAxes, frame } from './frame.js';
import { extent, makeScale, pathOf, rounded } from './scale.js';

/**
 * @typedef {object} Series
 * @property {string} name
 * @property {ArrayLike<number>} x in ascending order
 * @property {ArrayLike<number>} y
 * @property {boolean} [dashed] dashed although it is the first of its colour
 * @property {number} [colour] index of its colour, else its place in the list
 */
/** @typedef {{label: string, scale?: 'linear' | 'log', min?: number, max?: number}} Axis */
/** @typedef {{value: number, label?: string, axis?: 'x' | 'y'}} Rule a line across, with a word */
/** @typedef {{from: number, to: number, label: string}} Band an interval of x, shaded */
/** @typedef {{caption: string, x: Axis, y: Axis, series: readonly Series[], height?: number,
 *   description?: string, rules?: readonly Rule[], bands?: readonly Band[]}} LineData */

/**
 * @param {LineData} options
 * @returns {{element: HTMLElement, update(changes: Partial<LineData>): void}}
 */
export function lineChart(options) {
  let data = { ...options };
  const axes = s('g');
  const bands = s('g');
  const rules = s('g');
  const frameId = freshId('clip');
  const edge = s('rect');
  const lines = s('g', { 'clip-path': `url(#${frameId})` }); // an axis may end before its values do
  const cursor = s('g', { class: 'cursor' });
  /** @type {{x: import('./scale.js').Scale, plot: import('./frame.js').Plot} | null} */
  let drawn = null;
  const chart = frame({
    caption: data.caption,
    ...(data.description ? { description: data.description } : {}),
    height: data.height ?? 280,
    margin: { left: 56, top: 30 },
    draw,
    table: () => table(data),
  });
  chart.svg.append(s('clipPath', { id: frameId }, edge), axes, bands, rules, lines, cursor);
  chart.svg.addEventListener('pointermove', (event) => point(event.offsetX));
  chart.svg.addEventListener('pointerleave', () => point(null));
  const readings = makeLegend();

  function makeLegend() {
    const items = data.series.map((series, i) => {
      const value = h('span', { class: 'numbers' });
      return { value, element: h('span', { class: 'key' }, sample(series, i), series.name, value) };
    });
    const shown = items.length > 1 || Boolean(items[0]?.element && data.series[0]?.name);
    clear(chart.legend, shown ? items.map((item) => item.element) : null);
    return items.map((item) => item.value);
  }
  let values = readings;

  /** @param {import('./frame.js').Plot} plot */
  function draw(plot) {
    const { box } = plot;
    const { xScale, yScale } = scales(data, box);
    drawn = { x: xScale, plot };
    set(edge, { x: box.left, y: box.top - 2, width: box.right - box.left + 2, height: box.bottom - box.top + 4 });
    drawAxes(axes, { box, x: xScale, y: yScale, xLabel: data.x.label, yLabel: data.y.label });
    clear(bands, (data.bands ?? []).map((band) => drawBand(band, xScale, box)));
    clear(rules, (data.rules ?? []).map((rule) => drawRule(rule, xScale, yScale, box)));
    while (lines.childElementCount > data.series.length) lines.lastElementChild?.remove();
    data.series.forEach((series, i) => {
      const path = lines.children[i] ?? lines.appendChild(s('path', { class: 'line' }));
      set(/** @type {SVGElement} */ (path), { ...look(series, i), d: pathOf(series.x, series.y, xScale, yScale) });
    });
  }

  /** Read the values under the pointer. @param {number | null} pixel */
  function point(pixel) {
    clear(cursor);
    if (pixel === null || !drawn) {
      for (const value of values) value.textContent = '';
      return;
    }
    const { x, plot } = drawn;
    const at = x.of(Math.min(plot.box.right, Math.max(plot.box.left, pixel)));
    const line = x.at(at);
    cursor.append(s('line', { x1: line, x2: line, y1: plot.box.top, y2: plot.box.bottom }));
    data.series.forEach((series, i) => {
      const value = values[i];
      if (value) value.textContent = number(nearest(series, at), 4);
    });
  }

  return {
    element: chart.element,
    update(changes) {
      const named = data.series.map((series) => series.name).join('\n');
      data = { ...data, ...changes };
      if (data.series.map((series) => series.name).join('\n') !== named) values = makeLegend();
      if (changes.caption !== undefined) chart.setCaption(changes.caption);
      if (changes.description !== undefined) chart.describe(changes.description);
      chart.redraw();
    },
  };
}

/** @param {LineData} data @param {import('./frame.js').Box} box */
function scales(data, box) {
  const kind = (/** @type {Axis} */ axis) => axis.scale ?? 'linear';
  const counts = (/** @type {Axis} */ axis) =>
    kind(axis) === 'log' ? (/** @type {number} */ value) => value > 0 && Number.isFinite(value) : Number.isFinite;
  /** @param {Axis} axis @param {ArrayLike<number>[]} lists @param {boolean} round */
  const domain = (axis, lists, round) => {
    const [low, high] = extent(lists, counts(axis));
    /** @type {[number, number]} */
    const given = [axis.min ?? low, axis.max ?? high];
    const nice = round && kind(axis) === 'linear' ? rounded(given) : given;
    return /** @type {[number, number]} */ ([axis.min ?? nice[0], axis.max ?? nice[1]]);
  };
  const xDomain = domain(data.x, data.series.map((series) => series.x), false);
  const yDomain = domain(data.y, data.series.map((series) => series.y), true);
  if (xDomain[0] === xDomain[1]) xDomain[1] += 1; // one point: what follows comes to its right
  const xScale = makeScale(xDomain, [box.left, box.right], { kind: kind(data.x), ticks: Math.max(2, (box.right - box.left) / 90) });
  const yScale = makeScale(yDomain, [box.bottom, box.top], { kind: kind(data.y), ticks: 5 });
  return { xScale, yScale };
}

/** @param {Series} series @param {number} i */
function look(series, i) {
  const colour = series.colour ?? i;
  const dash = series.dashed ? '6 4' : DASHES[colour % DASHES.length];
  return { style: { stroke: seriesColour(colour) }, 'stroke-dasharray': dash || null };
}

/** @param {Series} series @param {number} i */
function sample(series, i) {
  return s('svg', { width: 26, height: 10, 'aria-hidden': 'true' }, s('line', { x1: 1, x2: 25, y1: 5, y2: 5, class: 'line', ...look(series, i) }));
}

/** @param {Band} band @param {import('./scale.js').Scale} x @param {import('./frame.js').Box} box */
function drawBand(band, x, box) {
  const from = Math.max(box.left, x.at(band.from));
  const to = Math.min(box.right, x.at(band.to));
  const width = Math.max(0, to - from);
  return s('g', {}, s('rect', { class: 'band', x: from, y: box.top, width, height: box.bottom - box.top }), s('text', { class: 'tick', x: from + width / 2, y: box.top + 14, 'text-anchor': 'middle' }, band.label));
}

/**
 * @param {Rule} rule
 * @param {import('./scale.js').Scale} x
 * @param {import('./scale.js').Scale} y
 * @param {import('./frame.js').Box} box
 */
function drawRule(rule, x, y, box) {
  const level = rule.axis !== 'x';
  const at = level ? y.at(rule.value) : x.at(rule.value);
  if (!Number.isFinite(at)) return null;
  const ends = level ? { x1: box.left, x2: box.right, y1: at, y2: at } : { x1: at, x2: at, y1: box.top, y2: box.bottom };
  const place = level ? { x: box.right, y: at - 5, 'text-anchor': 'end' } : { x: at + 5, y: box.top + 12 };
  return s('g', {}, s('line', { class: 'rule', ...ends }), rule.label ? s('text', { class: 'tick', ...place }, rule.label) : null);
}

/** The value at the nearest x, by bisection. @param {Series} series @param {number} at */
function nearest(series, at) {
  let low = 0;
  let high = Math.min(series.x.length, series.y.length) - 1;
  if (high < 0) return null;
  while (high - low > 1) {
    const middle = (low + high) >> 1;
    if (Number(series.x[middle]) < at) low = middle;
    else high = middle;
  }
  const closer = Math.abs(Number(series.x[low]) - at) <= Math.abs(Number(series.x[high]) - at) ? low : high;
  return Number(series.y[closer]);
}

/** @param {LineData} data @returns {import('./frame.js').Table} */
function table(data) {
  /** @type {Map<number, Record<string, any>>} */
  const rows = new Map();
  data.series.forEach((series, i) => {
    for (let j = 0; j < Math.min(series.x.length, series.y.length); j += 1) {
      const x = Number(series.x[j]);
      const row = rows.get(x) ?? { x };
      row[`y${i}`] = Number(series.y[j]);
      rows.set(x, row);
    }
  });
  const columns = data.series.map((series, i) => ({ key: `y${i}`, label: series.name || data.y.label, numeric: true }));
  return { columns: [{ key: 'x', label: data.x.label, numeric: true }, ...columns], rows: [...rows.values()].sort((a, b) => a.x - b.x) };
}
