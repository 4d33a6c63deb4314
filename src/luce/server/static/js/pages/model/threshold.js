// @ts-check
/** Tab 6: answer only the sure rows: how many are answered, and how many answers are wrong. */

import { get } from '../../api.js';
import { lineChart } from '../../charts/line.js';
import { clear, h } from '../../dom.js';
import { codeBlock } from '../../widgets/code.js';
import { slider } from '../../widgets/slider.js';
import { percent, word } from '../../words.js';
import { fill, problem } from './loading.js';

const ENOUGH = 40; // answers

/**
 * @param {import('./rows.js').Shown} shown
 * @returns {HTMLElement}
 */
export function threshold(shown) {
  const root = h('div', { class: 'stack' });
  void fill(root, async () => {
    const tree = await get(`/api/models/${shown.id}/risk`, { signal: shown.view.signal });
    return [h('p', {}, word('model.threshold.lead')), explorer(shown, tree), promise(shown)];
  });
  return root;
}

/**
 * @param {import('./rows.js').Shown} shown
 * @param {any} tree
 */
function explorer(shown, tree) {
  const { view } = shown;
  /** @type {any[]} */
  const points = tree.points;
  const wanted = Number(view.params.get('coverage') ?? 90) / 100;
  let at = nearest(points, Number.isFinite(wanted) ? wanted : 0.9);
  const x = points.map((p) => 100 * p.coverage);
  const curve = (/** @type {string} */ name, /** @type {string} */ key, /** @type {boolean} */ dashed) => ({
    name,
    x,
    // Of few answers the interval is nearly everything, and would make all else small.
    y: points.map((p) => (key === 'risk' || p.answered >= ENOUGH ? 100 * p[key] : NaN)),
    colour: 0,
    dashed,
  });
  const chart = lineChart({
    caption: word('model.threshold.caption'),
    x: { label: word('model.threshold.coverage'), min: 0, max: 100 },
    y: { label: word('model.threshold.wrong'), min: 0 },
    series: [
      curve(word('model.threshold.risk'), 'risk', false),
      curve(word('model.threshold.low'), 'low', true),
      curve(word('model.threshold.high'), 'high', true),
    ],
  });
  const reading = h('dl', { class: 'stats', 'aria-live': 'polite' });
  const control = slider({
    label: word('model.threshold.slider'),
    min: 0,
    max: 100,
    step: 1,
    value: Math.round(100 * points[at].coverage),
    onInput: (/** @type {number} */ value) => {
      at = nearest(points, value / 100);
      view.set({ coverage: value });
      show();
    },
  });
  function show() {
    const point = points[at];
    chart.update({ rules: [{ value: 100 * point.coverage, axis: 'x', label: word('model.threshold.here') }] });
    clear(
      reading,
      fact(word('model.threshold.answered'), word('model.threshold.of', { n: point.answered, rows: tree.rows }), percent(point.coverage)),
      fact(word('model.threshold.mistakes'), word('model.threshold.of', { n: point.wrong, rows: point.answered }), percent(point.risk)),
      fact(word('model.threshold.interval'), '', `${percent(point.low)} – ${percent(point.high)}`),
      fact(word('model.threshold.least'), '', percent(point.threshold, 2)),
    );
  }
  show();
  return h('section', { class: 'panel stack' }, control.element, reading, chart.element);
}

/**
 * @param {string} name
 * @param {string} note
 * @param {string} value
 */
function fact(name, note, value) {
  return h('div', { class: 'stat' }, h('dt', {}, name), h('dd', {}, value, h('div', { class: 'more' }, note)));
}

/**
 * @param {{coverage: number}[]} points by rising coverage
 * @param {number} coverage
 */
function nearest(points, coverage) {
  let best = 0;
  points.forEach((point, i) => {
    if (Math.abs(point.coverage - coverage) < Math.abs((points[best]?.coverage ?? 0) - coverage)) best = i;
  });
  return best;
}

/** @param {import('./rows.js').Shown} shown */
function promise(shown) {
  const { view } = shown;
  const result = h('div', { 'aria-live': 'polite' });
  const ask = async (/** @type {number} */ share) => {
    view.set({ risk: share });
    try {
      clear(result, told(shown, await get(`/api/models/${shown.id}/promise?max_risk=${share / 100}`, { signal: view.signal })));
    } catch (error) {
      if (!view.signal.aborted) clear(result, problem(error));
    }
  };
  const start = Number(view.params.get('risk') ?? 5);
  const control = slider({
    label: word('model.promise.slider'),
    min: 0.5,
    max: 50,
    step: 0.5,
    value: start,
    onInput: ask,
  });
  void ask(start);
  return h('section', { class: 'panel stack' }, h('h2', {}, word('model.promise')), h('p', { class: 'muted' }, word('model.promise.lead')), control.element, result);
}

/**
 * @param {import('./rows.js').Shown} shown
 * @param {any} tree
 */
function told(shown, tree) {
  if (tree.threshold === null) return h('p', { class: 'note' }, word('model.promise.none', { risk: percent(tree.max_risk) }));
  return [
    h(
      'p',
      {},
      word('model.promise.proven', {
        threshold: percent(tree.threshold, 2),
        coverage: percent(tree.coverage),
        bound: percent(tree.risk_bound, 2),
        certainty: percent(tree.certainty, 0),
      }),
    ),
    codeBlock({ label: word('model.promise.command'), code: `luce predict ${shown.path} ${shown.input === 'image' ? 'images/' : 'new.csv'} --max-risk ${tree.max_risk}` }).element,
  ];
}
