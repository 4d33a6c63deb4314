// @ts-check
/**
 * Columns, one a class, for up to hundreds of them: bars that only show, or that are moved by
 * the pointer and by keys. Only what has changed is drawn again, in the frame of the change.
 */

import { drawAxes, frame, tickText } from '../../../charts/frame.js';
import { makeScale } from '../../../charts/scale.js';
import { clear, s, set } from '../../../dom.js';
import { number, word } from '../../../words.js';

/** @typedef {import('../../../charts/frame.js').Plot} Plot */
/**
 * @typedef {object} ColumnData
 * @property {ArrayLike<number>} values
 * @property {ArrayLike<number> | null} [marks] second values, as lines across the columns
 * @property {ArrayLike<number> | null} [arrows] how far each value is to move
 * @property {number | null} [selected]
 * @property {number | null} [right] the class that gets a tick
 * @property {number | null} [lit] the class that the pointer is on, here or elsewhere
 * @property {readonly [number, number]} domain
 * @property {number} [offset] is added to the numbers at the axis
 */
/**
 * @typedef {object} Options
 * @property {string} caption
 * @property {string} description
 * @property {string} valueLabel
 * @property {string} [markLabel]
 * @property {string} [arrowLabel]
 * @property {number} [height]
 * @property {(value: number) => string} [format]
 * @property {(index: number, value: number) => void} [onChange] makes every column a slider
 * @property {(index: number) => void} [onSelect]
 * @property {(index: number | null) => void} [onHover]
 * @property {(key: string, index: number) => boolean} [onKey] other keys; whether it was one
 */
/** @typedef {{group: SVGGElement, touch: SVGRectElement, knob: SVGCircleElement, arrow: SVGPathElement, seen: Record<string, any>}} Handle */

const NAMED = 17; // pixels of a column that its number needs
const VALUED = 46; // pixels of a column that its value needs
const MOST_SPOKEN = 1e15; // larger numbers are told by their text alone
const KNOB = 7; // radius, in pixels
const MARGIN = { left: 56, right: 8, top: 26, bottom: 26 };

/**
 * @param {Options} options
 * @param {ColumnData} data
 * @returns {{element: HTMLElement, update(changes: Partial<ColumnData>): void, focus(index: number): void}}
 */
export function columns(options, data) {
  const { onChange, onSelect, onHover, onKey, format = number } = options;
  const axes = s('g');
  const light = s('rect', { class: 'touch' });
  const [bars, lit, picked] = ['', 'lit', 'picked'].map((look) => s('path', { class: `bar ${look}` }));
  const across = s('path', { class: 'across' });
  const [names, values, handles] = [s('g'), s('g'), s('g')];
  const chart = frame({
    caption: options.caption,
    description: options.description,
    height: options.height ?? 240,
    margin: MARGIN,
    role: onChange ? 'group' : 'img',
    draw(next) {
      plot = next;
      seen = {};
      paint();
    },
    table,
  });
  chart.svg.append(axes, light, /** @type {Node} */ (bars), /** @type {Node} */ (lit), /** @type {Node} */ (picked), across, names, values, handles);
  chart.svg.classList.add('of-classes');
  /** @type {Handle[]} */
  let cells = [];
  /** @type {Plot | null} */
  let plot = null;
  /** What is on the page already. @type {Record<string, any>} */
  let seen = {};
  let dragged = -1;
  /** @type {readonly [number, number]} */
  let domain = data.domain;

  function paint() {
    if (!plot) return;
    const { box } = plot;
    if (dragged < 0) domain = data.domain; // under the pointer the axis holds still
    const y = makeScale(domain, [box.bottom, box.top], { ticks: 5 });
    const k = data.values.length;
    const each = (box.right - box.left) / k;
    drawFrame(y, k, each);
    const at = (/** @type {number} */ v) => y.at(Math.min(domain[1], Math.max(domain[0], Number.isNaN(v) ? 0 : v)));
    const zero = at(0);
    const tips = Float64Array.from(data.values, at);
    const wide = widthOf(each);
    const left = (/** @type {number} */ i) => box.left + (i + 0.5) * each - wide / 2;
    // A hundred bars are one path: to the browser they are one thing to lay out and to paint.
    const bar = (/** @type {number} */ i) => `M${left(i).toFixed(1)} ${zero.toFixed(1)}h${wide.toFixed(1)}V${Number(tips[i]).toFixed(1)}h${(-wide).toFixed(1)}z`;
    let rest = '';
    for (let i = 0; i < k; i += 1) if (i !== data.selected && i !== data.lit) rest += bar(i);
    const one = (/** @type {number | null | undefined} */ i) => (i === null || i === undefined || i >= k ? '' : bar(i));
    change('bars', rest, (d) => bars?.setAttribute('d', d));
    change('picked', one(data.selected), (d) => picked?.setAttribute('d', d));
    change('lit', data.lit === data.selected ? '' : one(data.lit), (d) => lit?.setAttribute('d', d));
    let lines = '';
    if (data.marks) for (let i = 0; i < k; i += 1) lines += `M${(left(i) - 2).toFixed(1)} ${at(Number(data.marks[i])).toFixed(1)}h${(wide + 4).toFixed(1)}`;
    change('across', lines, (d) => across.setAttribute('d', d));
    change('light', data.lit ?? -1, (i) => set(light, { x: box.left + i * each, y: box.top - 18, width: i < 0 ? 0 : each, height: box.bottom - box.top + 40 }));
    if (each >= (data.arrows ? 2 * VALUED : VALUED)) for (let i = 0; i < k; i += 1) write(i, left(i) + wide / 2, Number(tips[i]), zero, data.marks ? at(Number(data.marks[i])) : null, wide);
    cells.forEach((cell, i) => handle(cell, i, left(i) + wide / 2, Number(tips[i]), at, each));
  }

  /** Do it if the value is not the one of last time.
   * @template T @param {string} name @param {T} value @param {(value: T) => void} action */
  function change(name, value, action) {
    if (seen[name] === value) return;
    seen[name] = value;
    action(value);
  }

  /** The axis, the numbers of the classes, and what takes the focus. @param {import('../../../charts/scale.js').Scale} y @param {number} k @param {number} each */
  function drawFrame(y, k, each) {
    if (!plot) return;
    const { box } = plot;
    const offset = data.offset ?? 0;
    change('axes', `${domain} ${offset}`, () => {
      const yFormat = (/** @type {number} */ tick) => tickText(tick + offset);
      drawAxes(axes, { box: { ...box, bottom: y.at(Math.max(0, domain[0])) }, y, yLabel: options.valueLabel, yFormat });
    });
    change('layout', `${k} ${data.right}`, () => {
      const every = Math.ceil(NAMED / each);
      const middle = (/** @type {number} */ i) => box.left + (i + 0.5) * each;
      const all = Array.from({ length: k }, (_, i) => i);
      const text = (/** @type {number} */ i) => s('text', { class: 'tick', x: middle(i), y: box.bottom + 18, 'text-anchor': 'middle', 'data-class': i }, i + 1, i === data.right ? ' ✓' : '');
      clear(names, all.filter((i) => i % every === 0 || i === data.right).map(text));
      clear(values, each >= VALUED ? all.map(() => s('text', { class: 'tick value' })) : null);
      seen.picks = undefined;
      if (!onChange) return;
      while (cells.length > k) cells.pop()?.group.remove();
      while (cells.length < k) cells.push(makeHandle(cells.length));
      cells.forEach((cell, i) => {
        cell.seen = {};
        set(cell.touch, { x: box.left + i * each, y: box.top - 18, width: each, height: box.bottom - box.top + 40 });
        cell.knob.style.display = each >= 2 * KNOB ? '' : 'none';
      });
    });
    change('picks', data.selected ?? -1, (i) => {
      for (const name of names.children) name.classList.toggle('strong', Number(name.getAttribute('data-class')) === i);
      [...values.children].forEach((value, j) => value.classList.toggle('strong', i === j));
    });
  }

  /** Write the value of a column where nothing else is.
   * @param {number} i @param {number} x @param {number} tip @param {number} zero @param {number | null} mark @param {number} wide */
  function write(i, x, tip, zero, mark, wide) {
    const gap = onChange ? KNOB + 5 : 6;
    const over = mark !== null && Math.abs(mark - tip) < 24 ? Math.min(mark, tip) : tip; // clear of the mark
    const below = tip + gap + 9 < Number(plot?.box.bottom) ? tip + gap + 9 : zero - 6;
    const text = format(Number(data.values[i]) + (data.offset ?? 0));
    change(`text ${i}`, `${text} ${over}`, () => {
      const element = /** @type {SVGElement} */ (values.children[i]);
      element.textContent = text;
      if (data.arrows) set(element, { x: x + wide / 2 + 5, y: tip, dy: '.35em', 'text-anchor': 'start' }); // arrows go up and down
      else set(element, { x, y: tip <= zero ? over - gap : below, 'text-anchor': 'middle' });
    });
  }

  /** @param {number} i @returns {Handle} */
  function makeHandle(i) {
    const touch = s('rect', { class: 'touch' });
    const knob = s('circle', { class: 'knob', r: KNOB });
    const arrow = s('path', { class: 'arrow' });
    const group = s('g', { class: 'column', role: 'slider', 'aria-orientation': 'vertical', 'aria-label': word('explore.class', { i: i + 1 }) }, touch, knob, arrow);
    handles.append(group);
    return { group, touch, knob, arrow, seen: {} };
  }

  /** What is moved by the pointer and by keys.
   * @param {Handle} cell @param {number} i @param {number} x @param {number} tip @param {(v: number) => number} at @param {number} each */
  function handle(cell, i, x, tip, at, each) {
    const value = Number(data.values[i]);
    const arrow = data.arrows ? pathOfArrow(x, tip, at(value + Number(data.arrows[i])), each) : '';
    if (cell.seen.tip !== tip) {
      cell.seen.tip = tip;
      set(cell.knob, { cx: x, cy: tip.toFixed(2) });
    }
    if (cell.seen.arrow !== arrow) {
      cell.seen.arrow = arrow;
      cell.arrow.setAttribute('d', arrow);
    }
    const stop = data.selected === i ? '0' : '-1';
    if (cell.seen.stop !== stop) {
      cell.seen.stop = stop;
      cell.group.setAttribute('tabindex', stop);
    }
    const offset = data.offset ?? 0;
    if (cell.seen.value !== value || cell.seen.end !== domain[1] || cell.seen.offset !== offset) {
      Object.assign(cell.seen, { value, end: domain[1], offset });
      const text = format(value + offset);
      set(cell.group, { 'aria-valuenow': plain(value), 'aria-valuetext': text, 'aria-valuemin': plain(domain[0]), 'aria-valuemax': plain(domain[1]) });
    }
  }

  /** @returns {import('../../../charts/frame.js').Table} */
  function table() {
    const others = [];
    if (options.markLabel) others.push({ key: 'mark', label: options.markLabel, numeric: true });
    if (options.arrowLabel) others.push({ key: 'arrow', label: options.arrowLabel, numeric: true });
    return {
      columns: [{ key: 'i', label: word('explore.classes'), numeric: true }, { key: 'value', label: options.valueLabel, numeric: true }, ...others],
      rows: Array.from(data.values, (value, i) => ({ i: i + 1, value: value + (data.offset ?? 0), mark: data.marks?.[i], arrow: data.arrows?.[i] })),
    };
  }

  /** The class under a pointer. @param {PointerEvent} event */
  function under({ clientX }) {
    if (!plot) return -1;
    const x = clientX - chart.svg.getBoundingClientRect().left;
    const i = Math.floor(((x - plot.box.left) / (plot.box.right - plot.box.left)) * data.values.length);
    return i >= 0 && i < data.values.length ? i : -1;
  }

  /** @param {PointerEvent} event */
  function drag(event) {
    if (!plot) return;
    const y = makeScale(domain, [plot.box.bottom, plot.box.top]);
    const value = y.of(event.clientY - chart.svg.getBoundingClientRect().top);
    const step = stepOf(domain);
    const stepped = Number((Math.round(value / step) * step).toPrecision(12));
    onChange?.(dragged, Math.min(domain[1], Math.max(domain[0], stepped)));
  }

  chart.svg.addEventListener('pointermove', (event) => {
    if (dragged >= 0) drag(event);
    else onHover?.(under(event) < 0 ? null : under(event));
  });
  chart.svg.addEventListener('pointerleave', () => dragged < 0 && onHover?.(null));
  chart.svg.addEventListener('pointerdown', (event) => {
    const i = under(event);
    if (i < 0) return;
    onSelect?.(i);
    if (!onChange || event.button !== 0) return;
    event.preventDefault();
    cells[i]?.group.focus({ preventScroll: true });
    // A finger takes hold of the knob only: elsewhere it scrolls the page.
    if (event.pointerType === 'touch' && !(/** @type {Element} */ (event.target).matches('.knob'))) return;
    dragged = i;
    chart.svg.setPointerCapture(event.pointerId);
    if (event.pointerType !== 'touch') drag(event);
  });
  const release = () => {
    if (dragged < 0) return;
    dragged = -1;
    paint();
  };
  chart.svg.addEventListener('pointerup', release);
  chart.svg.addEventListener('pointercancel', release);
  if (onChange) chart.svg.addEventListener('keydown', onKeyDown);

  /** @param {KeyboardEvent} event */
  function onKeyDown(event) {
    const i = cells.findIndex((cell) => cell.group === event.target);
    if (i < 0 || event.ctrlKey || event.metaKey || event.altKey) return;
    const k = cells.length;
    const step = stepOf(domain) * (event.shiftKey ? 10 : 1);
    const x = Number(data.values[i]);
    const next = (/** @type {number} */ by) => Number((x + by).toPrecision(12));
    const value = { ArrowUp: next(step), ArrowDown: next(-step), PageUp: next(10 * step), PageDown: next(-10 * step) }[event.key];
    const to = { ArrowLeft: Math.max(0, i - 1), ArrowRight: Math.min(k - 1, i + 1), Home: 0, End: k - 1 }[event.key];
    if (value !== undefined) onChange?.(i, value);
    else if (to !== undefined) {
      onSelect?.(to);
      cells[to]?.group.focus();
    } else if (!onKey?.(event.key, i)) return;
    event.preventDefault();
  }

  return {
    element: chart.element,
    update(changes) {
      data = { ...data, ...changes };
      paint();
      if (chart.element.querySelector('details[open]')) chart.redraw();
    },
    focus: (index) => cells[index]?.group.focus(),
  };
}

/** An arrow upright, with its head; nothing if it is too short to be seen.
 * @param {number} x @param {number} from @param {number} to @param {number} across */
function pathOfArrow(x, from, to, across) {
  const length = Math.abs(to - from);
  if (length < 1) return '';
  const back = Math.sign(from - to) * Math.min(7, length);
  const side = Math.min(5, across / 3);
  const end = to.toFixed(2);
  const head = (to + back).toFixed(2);
  return `M${x} ${from.toFixed(2)}V${end}M${x - side} ${head}L${x} ${end}L${x + side} ${head}`;
}

/** A number as ARIA takes it: finite, and written without an exponent. @param {number} x */
function plain(x) {
  return Number.isNaN(x) ? 0 : Number(Math.min(MOST_SPOKEN, Math.max(-MOST_SPOKEN, x)).toFixed(6));
}

/** How wide a bar is in a column. @param {number} each */
function widthOf(each) {
  return Math.max(1, Math.min(each * 0.64, 48));
}

/** What one press of an arrow key changes: a hundredth of the axis. @param {readonly [number, number]} domain */
function stepOf(domain) {
  return (domain[1] - domain[0]) / 100;
}
