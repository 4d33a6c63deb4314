// @ts-check
/** A reliability diagram that a temperature bends. */

import { lineChart } from '../../charts/line.js';
import { reliabilityChart } from '../../charts/reliability.js';
import { add, h } from '../../dom.js';
import { bestTemperature, calibrationError, innerEdges, logLoss, reliabilityBins, topLabel } from '../../maths/calibration.js';
import { choice } from '../../widgets/choice.js';
import { slider } from '../../widgets/slider.js';
import { dataTable } from '../../widgets/table.js';
import { fixed, number, percent, word } from '../../words.js';
import { LEAST_T, MOST_T, RANGES, read, written } from './calibration/settings.js';
import { half, rowsOf } from './calibration/sources.js';

/** @typedef {import('./calibration/settings.js').Settings} Settings */

const PLACES = 41; // of the curves over the temperature

/** @type {import('../../page.js').Page} */
export const page = {
  title: 'explore.calibration.title',
  lead: 'explore.calibration.lead',
  style: 'calibration',
  show,
};

/** @type {import('../../page.js').Page['show']} */
async function show(root, view) {
  const settings = read(view.params);
  /** Rows that teach the temperature, and rows that judge it. */
  let [teaching, judging] = halves(await rowsOf(settings));
  if (view.signal.aborted) return;
  let best = bestTemperature(teaching);
  /** @type {ReturnType<typeof curvesOf> | null} */
  let curves = null; // until they are drawn
  let asked = 0;
  /** What was found at the temperatures that the table shows. @type {Map<number, ReturnType<typeof measured>>} */
  const known = new Map();

  const temperature = slider({
    label: word('explore.calibration.T'),
    min: LEAST_T,
    max: MOST_T,
    step: 0.01,
    scale: 'log',
    value: settings.T,
    onInput: (value) => change({ T: Math.min(MOST_T, Math.max(LEAST_T, value)) }),
  });
  const toBest = h('button', { type: 'button', class: 'primary', onclick: () => change({ T: shownBest() }) });
  const toOne = h('button', { type: 'button', onclick: () => change({ T: 1 }) }, word('explore.calibration.one'));
  const made = h('div', { class: 'calibration-made' }, madeControls());
  const diagram = reliabilityChart({ caption: word('explore.calibration.diagram'), description: word('explore.calibration.diagram.description') });
  const errors = curveChart('ece');
  const losses = curveChart('loss');
  const figures = dataTable({ caption: word('explore.calibration.figures'), columns: figureColumns(), rows: [] });
  const verdict = h('p', { class: 'calibration-verdict', 'aria-live': 'polite' });
  add(root, [
    h('div', { class: 'split' },
      h('div', { class: 'calibration-controls' },
        h('section', { class: 'panel' },
          choice({
            label: word('explore.calibration.source'),
            options: [{ value: 'digits', label: word('explore.calibration.source.digits') }, { value: 'made', label: word('explore.calibration.source.made') }],
            value: settings.source,
            onChange: (value) => change({ source: value === 'made' ? 'made' : 'digits' }),
          }).element,
          h('p', { class: 'hint' }, word('explore.calibration.source.hint')),
          made,
        ),
        h('section', { class: 'panel' },
          numeric('bins'),
          choice({
            label: word('explore.calibration.binning'),
            options: [{ value: 'mass', label: word('explore.calibration.binning.mass') }, { value: 'width', label: word('explore.calibration.binning.width') }],
            value: settings.binning,
            onChange: (value) => change({ binning: value === 'width' ? 'width' : 'mass' }),
          }).element,
        ),
      ),
      h('div', { class: 'calibration-main' },
        h('section', { class: 'panel calibration-bend' }, temperature.element, h('div', { class: 'row' }, toBest, toOne), verdict),
        h('div', { class: 'calibration-charts' }, diagram.element, h('div', { class: 'stack' }, errors.element, losses.element)),
        figures.element,
      ),
    ),
    h('section', { class: 'prose' }, h('h2', {}, word('explore.calibration.notes')), ['read', 'ece', 'scaling', 'limits'].map((name) => h('p', {}, word(`explore.calibration.note.${name}`)))),
  ]);
  draw();
  return () => cancelAnimationFrame(asked);

  /** @param {Partial<Settings>} changes */
  async function change(changes) {
    Object.assign(settings, changes);
    view.set(written(settings));
    if (temperature.value !== settings.T) temperature.value = settings.T;
    const names = Object.keys(changes);
    if (names.some((name) => ['source', 'rows', 'classes', 'sureness', 'tilt', 'seed'].includes(name))) {
      [teaching, judging] = halves(await rowsOf(settings));
      best = bestTemperature(teaching);
    }
    if (!names.includes('T')) curves = null;
    cancelAnimationFrame(asked);
    asked = requestAnimationFrame(draw); // however often a range reports
  }

  /** @param {number} T */
  function at(T) {
    const found = known.get(T) ?? measured(judging, settings, T);
    known.set(T, found);
    return found;
  }

  /** The best temperature as far as the range goes. */
  function shownBest() {
    return Number(Math.min(MOST_T, Math.max(LEAST_T, best)).toPrecision(4));
  }

  function draw() {
    if (!curves) known.clear();
    curves ??= curvesOf(judging, settings);
    const now = at(settings.T);
    diagram.update(now.bins, now.sure);
    const apart = Math.abs(Math.log(best / settings.T)) > 0.35; // else their words would overlap
    const rules = [
      { value: settings.T, axis: /** @type {const} */ ('x'), label: apart ? word('explore.calibration.now') : '' },
      ...(best > LEAST_T && best < MOST_T ? [{ value: best, axis: /** @type {const} */ ('x'), label: word('explore.calibration.best') }] : []),
    ];
    errors.update({ series: [{ name: '', x: curves.T, y: curves.ece }], rules });
    losses.update({ series: [{ name: '', x: curves.T, y: curves.loss }], rules });
    const names = [word('explore.calibration.atOne'), word('explore.calibration.atNow'), word('explore.calibration.atBest')];
    figures.update([1, settings.T, shownBest()].map((T, i) => ({ at: names[i], T, ...at(T) })));
    toBest.textContent = word('explore.calibration.toBest', { T: number(shownBest(), 3) });
    toOne.disabled = settings.T === 1;
    made.hidden = settings.source !== 'made';
    const sure = now.confidence - now.accuracy;
    const rows = judging.labels.length;
    const chance = 2 * Math.sqrt((now.accuracy * (1 - now.accuracy)) / rows); // two standard errors
    const kind = Math.abs(sure) <= chance ? 'right' : sure > 0 ? 'over' : 'under';
    verdict.textContent = word(`explore.calibration.verdict.${kind}`, {
      confidence: percent(now.confidence, 1),
      accuracy: percent(now.accuracy, 1),
      rows,
    });
  }

  /** @param {'bins' | 'rows' | 'classes' | 'sureness' | 'tilt' | 'seed'} name */
  function numeric(name) {
    const [min, max] = RANGES[name];
    const scale = name === 'sureness' || name === 'rows' ? 'log' : 'linear';
    const whole = name !== 'sureness' && name !== 'tilt';
    return slider({
      label: word(`explore.calibration.${name}`),
      min,
      max,
      step: whole ? 1 : 0.1,
      scale,
      value: settings[name],
      onInput: (value) => change({ [name]: Math.max(min, Math.min(max, whole ? Math.round(value) : value)) }),
    }).element;
  }

  function madeControls() {
    return /** @type {const} */ (['sureness', 'tilt', 'classes', 'rows']).map(numeric);
  }
}

/** @param {import('./calibration/sources.js').Rows} rows */
function halves(rows) {
  return [half(rows, 0), half(rows, 1)];
}

/**
 * @param {import('./calibration/sources.js').Rows} rows @param {Settings} settings @param {number} T
 */
function measured(rows, settings, T) {
  const { confidence, correct } = topLabel(rows, T);
  const bins = reliabilityBins(confidence, correct, innerEdges(confidence, settings));
  const mean = (/** @type {ArrayLike<number>} */ list) => Array.prototype.reduce.call(list, (a, b) => Number(a) + Number(b), 0);
  return {
    bins,
    sure: confidence,
    ece: calibrationError(bins),
    loss: logLoss(rows, T),
    confidence: Number(mean(confidence)) / confidence.length,
    accuracy: Number(mean(correct)) / correct.length,
  };
}

/** @param {import('./calibration/sources.js').Rows} rows @param {Settings} settings */
function curvesOf(rows, settings) {
  const T = Array.from({ length: PLACES }, (_, i) => LEAST_T * (MOST_T / LEAST_T) ** (i / (PLACES - 1)));
  const at = T.map((one) => measured(rows, settings, one));
  return { T, ece: at.map((one) => one.ece), loss: at.map((one) => one.loss) };
}

/** @param {'ece' | 'loss'} name */
function curveChart(name) {
  return lineChart({
    caption: word(`explore.calibration.${name}.curve`),
    x: { label: word('explore.calibration.T.axis'), scale: 'log', min: LEAST_T, max: MOST_T },
    y: { label: word(`explore.calibration.${name}.axis`), min: 0 },
    series: [],
    height: 200,
  });
}

function figureColumns() {
  return [
    { key: 'at', label: word('explore.calibration.at') },
    { key: 'T', label: 'T', numeric: true, show: (/** @type {number} */ x) => number(x, 3) },
    { key: 'ece', label: word('explore.calibration.ece.axis'), numeric: true, show: (/** @type {number} */ x) => percent(x, 2) },
    { key: 'loss', label: word('explore.calibration.loss.axis'), numeric: true, show: (/** @type {number} */ x) => fixed(x, 4) },
    { key: 'confidence', label: word('explore.calibration.confidence'), numeric: true, show: (/** @type {number} */ x) => percent(x, 1) },
    { key: 'accuracy', label: word('explore.calibration.accuracy'), numeric: true, show: (/** @type {number} */ x) => percent(x, 1) },
  ];
}
