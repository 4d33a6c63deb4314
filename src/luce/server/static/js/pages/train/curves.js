// @ts-check
/** Loss, accuracy and proven gap of one run or of several, as they come. */

import { lineChart } from '../../charts/line.js';
import { h } from '../../dom.js';
import { number, percent, word } from '../../words.js';

/** @typedef {import('./history.js').History} History */
/** @typedef {{id: string, name: string, history: History}} Curve */
/** @typedef {import('../../charts/line.js').Series} Series */

const FIGURES = /** @type {const} */ ([
  { key: 'loss', train: ['train_loss', 'objective', 'loss'], valid: ['valid_loss'] },
  { key: 'accuracy', train: ['train_accuracy', 'accuracy'], valid: ['valid_accuracy'] },
  { key: 'gap', train: ['gap'], valid: [] },
]);

/** @returns {{element: HTMLElement, update(curves: readonly Curve[]): void}} */
export function curveCharts() {
  const charts = FIGURES.map(({ key }) => {
    const y = { label: word(`train.${key}`), ...(key === 'gap' ? { scale: /** @type {const} */ ('log') } : {}) };
    const chart = lineChart({ caption: word(`train.${key}.caption`), x: { label: word('train.unit.step') }, y, series: [], height: 260 });
    return chart;
  });
  const element = h('div', { class: 'columns curves' }, charts.map((chart) => chart.element));
  return {
    element,
    update(curves) {
      FIGURES.forEach((figure, i) => {
        const series = curves.flatMap((curve, colour) => seriesOf(curve, colour, curves.length > 1, figure));
        const chart = charts[i];
        if (!chart) return;
        chart.element.hidden = series.length === 0;
        if (series.length) chart.update({ series, x: { label: word(`train.unit.${unitOf(curves)}`) }, description: described(series, figure.key) });
      });
    },
  };
}

/**
 * @param {Curve} curve
 * @param {number} colour
 * @param {boolean} several
 * @param {(typeof FIGURES)[number]} figure
 * @returns {Series[]}
 */
function seriesOf({ name, history }, colour, several, figure) {
  const parts = /** @type {const} */ (['train', 'valid']);
  return parts.flatMap((part) => {
    const y = history.column(...figure[part]);
    if (!y) return [];
    const own = part === 'train' ? colour : several ? colour : colour + 1;
    return [{ name: several ? `${name} · ${word(`train.part.${part}`)}` : word(`train.part.${part}`), x: history.steps, y, colour: own, dashed: several && part === 'valid' }];
  });
}

/** What all curves are counted by; where they differ, just steps. @param {readonly Curve[]} curves */
function unitOf(curves) {
  const units = new Set(curves.map((curve) => curve.history.unit));
  return units.size === 1 ? [...units][0] : 'step';
}

/** @param {readonly Series[]} series @param {string} key */
function described(series, key) {
  const last = (/** @type {Series} */ { y }) => Number(y[y.length - 1]);
  const shown = (/** @type {number} */ value) => (key === 'accuracy' ? percent(value) : number(value, 3));
  return series.map((one) => `${one.name}: ${shown(last(one))}`).join('; ');
}
