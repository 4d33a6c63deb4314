// @ts-check
/** Explore / Curves: four activations, their derivatives, and where a gradient vanishes. */

import { lineChart } from '../../charts/line.js';
import { clear, h, set } from '../../dom.js';
import { relu, reluGrad, sigmoid, sigmoidGrad, step, stepGrad, tanh, tanhGrad } from '../../maths/activations.js';
import { number, word } from '../../words.js';
import { slider } from '../../widgets/slider.js';
import { dataTable } from '../../widgets/table.js';
import { formula, frac, m, row, sup } from './parts/mathml.js';
import { question } from './parts/question.js';
import { makeStore, within } from './parts/store.js';

/** @typedef {{x: number, T: number, least: number, layers: number, answer: string}} State */
/** @typedef {{id: string, value: (x: number, T: number) => number, slope: (x: number, T: number) => number, high: number, low: number, formula: () => MathMLElement}} Curve */

const REACH = 6; // of x, on both sides of 0
const POINTS = 481;

/** @type {readonly Curve[]} */
const CURVES = [
  { id: 'step', value: (x) => step(x), slope: stepGrad, low: -0.1, high: 1.1, formula: () => formula('f', '(', 'x', ')', '=', row('[', 'x', '>', 0, ']')) },
  { id: 'sigmoid', value: sigmoid, slope: sigmoidGrad, low: -0.1, high: 1.1, formula: () => formula('σ', '(', 'x', ')', '=', frac(1, row(1, '+', sup('e', row('−', 'x', '/', 'T'))))) },
  { id: 'tanh', value: (x) => tanh(x), slope: (x) => tanhGrad(x), low: -1.1, high: 1.1, formula: () => formula(m('mi', {}, 'tanh'), 'x', '=', row(2, 'σ', '(', 2, 'x', ')', '−', 1)) },
  { id: 'relu', value: relu, slope: reluGrad, low: -0.5, high: REACH, formula: () => formula(m('mi', {}, 'relu'), '(', 'x', ')', '=', row(m('mi', {}, 'max'), '(', 'x', ',', 0, ')')) },
];

/** @type {import('../../page.js').Page} */
export const page = {
  title: 'explore.curves.title',
  style: 'explore',
  lead: 'explore.curves.lead',
  async show(root, view) {
    const { params } = view;
    /** @type {State} */
    const start = {
      x: within(params.get('x'), 1, -REACH, REACH),
      T: within(params.get('T'), 1, 0.05, 5),
      least: within(params.get('least'), 0.05, 1e-6, 1),
      layers: Math.round(within(params.get('layers'), 10, 1, 100)),
      answer: params.get('answer') ?? '',
    };
    const store = makeStore(view, start, (state) => ({
      x: state.x === 1 ? null : state.x,
      T: state.T === 1 ? null : state.T,
      least: state.least === 0.05 ? null : state.least,
      layers: state.layers === 10 ? null : state.layers,
      answer: state.answer || null,
    }));
    root.append(h('div', { class: 'stack explore' },
      settings(store),
      h('div', { class: 'small-multiples' }, CURVES.map((curve) => small(curve, store))),
      layers(store),
    ));
    return store.close;
  },
};

/** @param {import('./parts/store.js').Store<State>} store */
function settings(store) {
  const { state } = store;
  const x = slider({ label: 'x', min: -REACH, max: REACH, step: 0.05, value: state.x, onInput: (value) => Math.abs(value) <= REACH && store.change({ x: value }) });
  const T = slider({ label: word('explore.curves.T'), min: 0.05, max: 5, step: 0.05, scale: 'log', value: state.T, onInput: (value) => value >= 0.05 && value <= 5 && store.change({ T: value }) });
  const least = slider({ label: word('explore.curves.least'), min: 1e-3, max: 0.5, step: 0.001, scale: 'log', value: state.least, onInput: (value) => store.change({ least: value }) });
  const table = dataTable({
    caption: word('explore.curves.table'),
    columns: [
      { key: 'name', label: word('explore.curves.curve') },
      { key: 'value', label: 'f(x)', numeric: true },
      { key: 'slope', label: 'f′(x)', numeric: true },
      { key: 'gone', label: word('explore.curves.passes') },
    ],
    rows: [],
  });
  store.listen((now) => {
    x.value = now.x;
    table.update(CURVES.map(({ id, value, slope }) => {
      const size = slope(now.x, now.T);
      return { name: word(`explore.curves.${id}`), value: value(now.x, now.T), slope: size, gone: word(Math.abs(size) < now.least ? 'explore.curves.no' : 'explore.curves.yes') };
    }));
  });
  return h('section', { class: 'panel columns' }, h('div', { class: 'stack-small' }, x.element, T.element, least.element), table.element);
}

/** A chart of one function and its derivative. @param {Curve} curve @param {import('./parts/store.js').Store<State>} store */
function small({ id, value, slope, low, high, formula: written }, store) {
  // The step jumps at 0: two points there draw it upright.
  const x = Float64Array.from({ length: POINTS }, (_, n) => (n === (POINTS - 1) / 2 - 1 ? -1e-9 : -REACH + (2 * REACH * n) / (POINTS - 1)));
  const chart = lineChart({
    caption: word(`explore.curves.${id}`),
    x: { label: 'x', min: -REACH, max: REACH },
    y: { label: '', min: low, max: high },
    series: [{ name: 'f', x, y: x }],
    height: 230,
  });
  const says = h('p', { class: 'hint' });
  let shape = '';
  /** @type {import('../../charts/line.js').Series[]} */
  let series = [];
  /** @type {import('../../charts/line.js').Band[]} */
  let bands = [];
  store.listen(({ x: at, T, least }) => {
    if (`${T} ${least}` !== shape) {
      shape = `${T} ${least}`;
      const slopes = x.map((each) => slope(each, T));
      series = [
        { name: 'f(x)', x, y: x.map((each) => value(each, T)), colour: 0 },
        { name: 'f′(x)', x, y: slopes, colour: 1 },
      ];
      bands = vanishing(x, slopes, least).map(([from, to]) => ({ from, to, label: '' }));
      const share = Math.max(0, slopes.filter((each) => Math.abs(each) < least).length - 1) / (POINTS - 1);
      clear(says, word('explore.curves.share', { share: number(100 * share, 3) }), ' ', word(`explore.curves.${id}.text`));
    }
    chart.update({ series, bands, rules: [{ axis: 'x', value: at, label: '' }] });
  });
  return h('section', { class: 'small-multiple' }, chart.element, written(), says);
}

/** Where the derivative is smaller than `least`, as intervals. @param {Float64Array} x @param {Float64Array} slopes @param {number} least */
function vanishing(x, slopes, least) {
  /** @type {[number, number][]} */
  const found = [];
  slopes.forEach((each, n) => {
    if (!(Math.abs(each) < least)) return;
    const last = found.at(-1);
    if (last && n > 0 && last[1] === x[n - 1]) last[1] = Number(x[n]);
    else found.push([Number(x[n]), Number(x[n])]);
  });
  return found;
}

/** What is left of a gradient after many layers. @param {import('./parts/store.js').Store<State>} store */
function layers(store) {
  const { state } = store;
  const depth = slider({ label: word('explore.curves.layers'), min: 1, max: 100, step: 1, value: state.layers, onInput: (value) => value >= 1 && value <= 100 && store.change({ layers: Math.round(value) }) });
  const shown = CURVES.filter(({ id }) => id !== 'step');
  const chart = lineChart({
    caption: word('explore.curves.layers.caption'),
    x: { label: word('explore.curves.layers.x') },
    y: { label: word('explore.curves.layers.y'), scale: 'log' },
    series: shown.map(({ id }) => ({ name: word(`explore.curves.${id}`), x: [], y: [] })),
    height: 260,
  });
  const says = h('p', { class: 'numbers', role: 'status' });
  store.listen(({ x, T, layers: n }) => {
    const depths = Float64Array.from({ length: n + 1 }, (_, layer) => layer);
    const left = shown.map(({ slope }) => slope(x, T) ** n).filter((each) => each > 0);
    const least = Math.max(1e-30, Math.min(1e-2, ...left));
    chart.update({
      y: { label: word('explore.curves.layers.y'), scale: 'log', min: 10 ** Math.floor(Math.log10(least)), max: 2 },
      series: shown.map(({ id, slope }) => ({ name: word(`explore.curves.${id}`), x: depths, y: depths.map((layer) => slope(x, T) ** layer) })),
    });
    clear(says, word('explore.curves.layers.says', { n, x: number(x), sigmoid: number(sigmoidGrad(x, T) ** n, 3), tanh: number(tanhGrad(x) ** n, 3), relu: number(reluGrad(x) ** n, 3) }));
  });
  const asked = question({
    say: (part) => word(`explore.curves.q.${part}`),
    answers: ['a', 'b', 'c'],
    right: 'c',
    answered: state.answer,
    onAnswer: (answer) => store.change({ answer, x: 0, T: 1, layers: 10 }),
  });
  const section = h('section', {}, h('h2', {}, word('explore.curves.layers.title')), h('div', { class: 'columns' }, h('div', { class: 'stack-small' }, h('p', {}, word('explore.curves.layers.text')), depth.element, says, asked), chart.element));
  set(section, { class: 'layers' });
  return section;
}
