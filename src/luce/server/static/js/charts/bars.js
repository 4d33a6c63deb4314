// @ts-check
/**
 * Bars, one a label: upright, or lying where labels are long. With `onDrag` each bar is a slider
 * for the pointer and for arrow keys; with `onSelect` it is a button.
 */

import { clear, s, set } from '../dom.js';
import { number, word } from '../words.js';
import { drawAxes, frame } from './frame.js';
import { extent, makeScale, rounded } from './scale.js';

/**
 * @typedef {object} BarData
 * @property {string} caption
 * @property {readonly string[]} labels
 * @property {ArrayLike<number>} values
 * @property {ArrayLike<number>} [compare] a second value of each label, as a mark across the bar
 * @property {string} [compareLabel] what the marks are
 * @property {number} [min]
 * @property {number} [max]
 * @property {number} [step] of the arrow keys, if bars can be dragged
 * @property {number | null} [highlight] index of the bar that stands out
 * @property {string} [valueLabel]
 * @property {(value: number) => string} [format]
 * @property {string} [description]
 * @property {number} [height] of upright bars; lying ones are as high as they need
 * @property {boolean} [horizontal]
 * @property {'one' | 'series'} [colours] series: each bar the colour of its class
 * @property {(index: number) => void} [onSelect]
 * @property {(index: number, value: number) => void} [onDrag]
 */

/** Pixels a lying bar takes. */
const ROW = 26;
/** Bars that are narrower than this carry no label of their own. */
const LABELLED = 26;

/**
 * @param {BarData} options
 * @returns {{element: HTMLElement, update(changes: Partial<BarData>): void}}
 */
export function barChart(options) {
  let data = { ...options };
  const axes = s('g');
  const bars = s('g');
  /** @type {import('./scale.js').Scale | null} */
  let scale = null;
  const longest = () => Math.max(...data.labels.map((label) => textWidth(label)), 10);
  const interactive = Boolean(data.onDrag || data.onSelect);
  const chart = frame({
    caption: data.caption,
    ...(data.description ? { description: data.description } : {}),
    height: data.horizontal ? data.labels.length * ROW + 12 : (data.height ?? 240),
    margin: data.horizontal
      ? { left: Math.min(160, longest() + 14), right: 64, top: 4, bottom: 8 }
      : { left: 48, top: data.valueLabel ? 32 : 16, bottom: 28 },
    role: interactive ? 'group' : 'img',
    draw,
    table: () => table(data),
  });
  chart.svg.append(axes, bars);

  /** @param {import('./frame.js').Plot} plot */
  function draw(plot) {
    const { box } = plot;
    const [low, high] = extent([data.values, data.compare ?? []]);
    const [roundLow, roundHigh] = rounded([Math.min(0, low), Math.max(0, high)]);
    const domain = /** @type {const} */ ([data.min ?? roundLow, data.max ?? roundHigh]);
    scale = makeScale(domain, data.horizontal ? [box.left, box.right] : [box.bottom, box.top], { ticks: 4 });
    const yScale = data.horizontal ? {} : { y: scale, ...(data.valueLabel ? { yLabel: data.valueLabel } : {}) };
    if (data.horizontal) clear(axes);
    else drawAxes(axes, { box: { ...box, bottom: scale.at(Math.max(domain[0], Math.min(0, domain[1]))) }, ...yScale });
    while (bars.childElementCount > data.labels.length) bars.lastElementChild?.remove();
    for (let i = 0; i < data.labels.length; i += 1) place(barAt(i), i, box, scale);
  }

  /** The group of bar i, made when it is first needed and kept. @param {number} i */
  function barAt(i) {
    const there = bars.children[i];
    if (there) return /** @type {SVGGElement} */ (there);
    const group = s('g', { class: 'bar' }, s('rect', { class: 'touch' }), s('rect', { class: 'fill', rx: 2 }), s('line', { class: 'compare' }), s('text', { class: 'tick name' }), s('text', { class: 'tick value' }));
    if (data.onDrag) makeDraggable(group, i);
    else if (data.onSelect) makeSelectable(group, i);
    return bars.appendChild(group);
  }

  /**
   * @param {SVGGElement} group
   * @param {number} i
   * @param {import('./frame.js').Box} box
   * @param {import('./scale.js').Scale} to
   */
  function place(group, i, box, to) {
    const [touch, fill, mark, name, value] = /** @type {[SVGRectElement, SVGRectElement, SVGLineElement, SVGTextElement, SVGTextElement]} */ (
      /** @type {unknown} */ ([...group.children])
    );
    const label = data.labels[i] ?? '';
    const x = Number(data.values[i]);
    const other = data.compare ? Number(data.compare[i]) : NaN;
    const text = (data.format ?? number)(x);
    const across = data.horizontal ? ROW : (box.right - box.left) / data.labels.length;
    const start = (data.horizontal ? box.top : box.left) + i * across;
    const gap = Math.min(8, across * 0.22);
    const ends = [0, x].map((v) => to.at(Math.min(to.domain[1], Math.max(to.domain[0], Number.isNaN(v) ? 0 : v))));
    const [from, length] = [Math.min(...ends), Math.max(1, Math.abs(Number(ends[1]) - Number(ends[0])))];
    group.setAttribute('data-highlight', data.highlight === i ? 'yes' : 'no');
    fill.style.fill = data.colours === 'series' ? `var(--c${i % 10})` : '';
    const at = Number.isFinite(other) ? to.at(Math.min(to.domain[1], Math.max(to.domain[0], other))) : null;
    mark.style.display = at === null ? 'none' : '';
    if (data.horizontal) {
      set(touch, { x: 0, y: start, width: box.right + 60, height: across });
      set(fill, { x: from, y: start + gap / 2, width: length, height: across - gap });
      set(mark, { x1: at ?? 0, x2: at ?? 0, y1: start + 1, y2: start + across - 1 });
      set(name, { x: box.left - 8, y: start + across / 2, dy: '.32em', 'text-anchor': 'end' });
      set(value, { x: from + length + 6, y: start + across / 2, dy: '.32em', 'text-anchor': 'start' });
    } else {
      const middle = start + across / 2;
      const wide = Math.min(across - gap, 64);
      set(touch, { x: start, y: box.top - 12, width: across, height: box.bottom - box.top + 36 });
      set(fill, { x: middle - wide / 2, y: from, width: Math.max(wide, 1), height: length });
      set(mark, { x1: middle - wide / 2 - 2, x2: middle + wide / 2 + 2, y1: at ?? 0, y2: at ?? 0 });
      set(name, { x: middle, y: box.bottom + 18, 'text-anchor': 'middle' });
      set(value, { x: middle, y: x < 0 ? from + length + 13 : from - 5, 'text-anchor': 'middle' });
    }
    name.textContent = data.horizontal ? cut(label, box.left - 14) : across >= LABELLED ? cut(label, across) : '';
    value.textContent = data.horizontal || across >= LABELLED + 8 ? text : '';
    if (data.onDrag) {
      set(group, { 'aria-label': label, 'aria-valuenow': x, 'aria-valuetext': text, 'aria-valuemin': to.domain[0], 'aria-valuemax': to.domain[1] });
    } else if (data.onSelect) {
      set(group, { 'aria-label': `${label}: ${text}`, 'aria-pressed': String(data.highlight === i) });
    }
  }

  /** @param {SVGGElement} group @param {number} i */
  function makeDraggable(group, i) {
    set(group, { tabindex: 0, role: 'slider', 'aria-orientation': data.horizontal ? 'horizontal' : 'vertical' });
    /** @param {PointerEvent} event */
    const drag = (event) => {
      const box = chart.svg.getBoundingClientRect();
      const value = scale?.of(data.horizontal ? event.clientX - box.left : event.clientY - box.top) ?? 0;
      give(i, value);
    };
    group.addEventListener('pointerdown', (event) => {
      group.setPointerCapture(event.pointerId);
      group.focus();
      drag(event);
    });
    group.addEventListener('pointermove', (event) => {
      if (group.hasPointerCapture(event.pointerId)) drag(event);
    });
    group.addEventListener('keydown', (event) => {
      if (!scale) return;
      const [low, high] = scale.domain;
      const step = data.step ?? (high - low) / 100;
      const now = Number(data.values[i]);
      const to = { ArrowUp: now + step, ArrowRight: now + step, ArrowDown: now - step, ArrowLeft: now - step, PageUp: now + 10 * step, PageDown: now - 10 * step, Home: low, End: high }[event.key];
      if (to === undefined) return;
      event.preventDefault();
      give(i, to);
    });
  }

  /** @param {number} i @param {number} value */
  function give(i, value) {
    if (!scale) return;
    const step = data.step ?? (scale.domain[1] - scale.domain[0]) / 100;
    const stepped = Number((Math.round(value / step) * step).toPrecision(12));
    data.onDrag?.(i, Math.min(scale.domain[1], Math.max(scale.domain[0], stepped)));
  }

  /** @param {SVGGElement} group @param {number} i */
  function makeSelectable(group, i) {
    set(group, { tabindex: 0, role: 'button' });
    group.addEventListener('click', () => data.onSelect?.(i));
    group.addEventListener('keydown', (event) => {
      if (event.key !== 'Enter' && event.key !== ' ') return;
      event.preventDefault();
      data.onSelect?.(i);
    });
  }

  return {
    element: chart.element,
    update(changes) {
      data = { ...data, ...changes };
      if (changes.caption !== undefined) chart.setCaption(changes.caption);
      if (changes.description !== undefined) chart.describe(changes.description);
      if (data.horizontal) chart.resize(data.labels.length * ROW + 12);
      chart.redraw();
    },
  };
}

/** About how wide a label is, in pixels: Chinese characters are twice as wide. @param {string} text */
export function textWidth(text) {
  let width = 0;
  for (const letter of text) width += /[\u2e80-\uffff]/.test(letter) ? 12 : 6.6;
  return width;
}

/** @param {string} text @param {number} room */
function cut(text, room) {
  if (textWidth(text) <= room) return text;
  const letters = [...text];
  while (letters.length > 1 && textWidth(letters.join('')) + 8 > room) letters.pop();
  return letters.join('') + '…';
}

/** @param {BarData} data @returns {import('./frame.js').Table} */
function table(data) {
  const other = data.compare ? [{ key: 'compare', label: data.compareLabel ?? '', numeric: true }] : [];
  return {
    columns: [{ key: 'label', label: word('chart.label') }, { key: 'value', label: data.valueLabel ?? word('chart.value'), numeric: true }, ...other],
    rows: data.labels.map((label, i) => ({ label, value: Number(data.values[i]), compare: Number(data.compare?.[i]) })),
  };
}
