// @ts-check
/** Tab 1: how good the model is, against what needs no model, and what it was trained on. */

import { add, h } from '../../dom.js';
import { fixed, number, percent, word } from '../../words.js';

/** @typedef {{value: number, low: number | null, high: number | null}} Estimate */

/** @param {any} model the answer of /api/models/{id} */
export function overview(model) {
  const { figures } = model;
  const root = h('div', { class: 'stack' });
  if (figures.accuracy) add(root, [lead(figures), cards(figures)]);
  else add(root, [h('p', { class: 'note' }, word('model.nofigures'))]);
  if (model.run && !model.run.rows_shown) add(root, [h('p', { class: 'note' }, model.run.absence)]);
  add(root, [facts(model)]);
  return root;
}

/** @param {any} figures */
function lead(figures) {
  const { accuracy, baseline } = figures;
  return h(
    'p',
    { class: 'lead' },
    word('model.lead.right', {
      rows: figures.rows,
      share: percent(accuracy.value),
      low: percent(accuracy.low),
      high: percent(accuracy.high),
    }),
    ' ',
    word('model.lead.baseline', { name: baseline.class, share: percent(baseline.accuracy.value) }),
  );
}

/** @param {any} figures */
function cards(figures) {
  const { accuracy, log_loss: loss, calibration_error: error, baseline } = figures;
  const chance = baseline.log_loss.value;
  const nats = (/** @type {number | null} */ x) => fixed(x, loss.value >= 0.01 ? 3 : 6);
  const before = figures.uncalibrated;
  return h(
    'div',
    { class: 'cards' },
    card(word('model.accuracy'), accuracy, percent, 1, baseline.accuracy.value, [
      word('model.majority', { share: percent(baseline.accuracy.value) }),
    ]),
    card(word('model.logloss'), loss, nats, 1.1 * Math.max(loss.value, chance, 1e-300), chance, [
      word('model.shares', { loss: fixed(chance, 3) }),
      before ? word('model.before', { figure: nats(before.log_loss.value) }) : null,
    ]),
    card(word('model.calibration'), error, percent, Math.max(0.1, 1.25 * (error.high ?? 0)), null, [
      word(error.low === 0 ? 'model.calibration.chance' : 'model.calibration.more'),
      before ? word('model.before', { figure: percent(before.calibration_error.value) }) : null,
    ]),
  );
}

/**
 * @param {string} name
 * @param {Estimate} figure
 * @param {(x: number | null) => string} form
 * @param {number} top the figure at the bar's end
 * @param {number | null} mark the figure without a model
 * @param {(string | null)[]} notes
 */
function card(name, figure, form, top, mark, notes) {
  const at = (/** @type {number | null} */ x) => `${Math.min(100, (100 * (x ?? 0)) / top)}%`;
  const known = figure.low !== null && figure.high !== null;
  return h(
    'section',
    { class: 'card figure' },
    h('h2', {}, name),
    h('p', { class: 'value' }, form(figure.value)),
    h(
      'p',
      { class: 'muted' },
      known ? word('model.interval', { low: form(figure.low), high: form(figure.high) }) : word('model.nointerval'),
    ),
    h(
      'div',
      { class: 'gauge', 'aria-hidden': 'true' },
      known ? h('span', { class: 'band', style: { '--from': at(figure.low), '--to': at(figure.high) } }) : null,
      h('span', { class: 'dot', style: { '--at': at(figure.value) } }),
      mark === null ? null : h('span', { class: 'mark', style: { '--at': at(mark) } }),
    ),
    notes.map((note, i) =>
      note === null
        ? null
        : h('p', { class: 'hint' }, i === 0 && mark !== null ? h('span', { class: 'swatch' }) : null, note),
    ),
  );
}

/** @param {any} model */
function facts(model) {
  const { data, training, figures, run } = model;
  const pairs = [
    [word('model.fact.kind'), kindOf(model)],
    [word('model.fact.data'), `${data.name} · ${String(data.fingerprint).slice(0, 19)}…`],
    [word('model.fact.target'), data.target ?? '–'],
    [word('model.fact.trained'), word('model.rows', { n: data.rows })],
    figures.rows ? [word('model.fact.evaluated'), word('model.rows', { n: figures.rows })] : null,
    [word('model.fact.solver'), solver(model)],
    [word('model.fact.certificate'), certificate(training)],
    [
      word('model.fact.calibration'),
      model.calibration
        ? word('model.calibrated', { kind: model.calibration.kind, rows: model.calibration.rows })
        : word('model.uncalibrated'),
    ],
    [word('model.fact.made'), `luce ${model.luce_version}${run ? `, Python ${run.environment.python}` : ''}, ${model.created.slice(0, 16).replace('T', ' ')}`],
  ];
  return h(
    'section',
    { class: 'panel' },
    h('h2', {}, word('model.facts')),
    h(
      'dl',
      { class: 'facts' },
      pairs.map((pair) => (pair ? h('div', {}, h('dt', {}, pair[0]), h('dd', {}, pair[1])) : null)),
    ),
    model.notes.length > 0
      ? h('details', {}, h('summary', {}, word('model.notes')), h('ul', {}, model.notes.map((/** @type {string} */ note) => h('li', {}, note))))
      : null,
  );
}

/** @param {any} model */
function kindOf(model) {
  const input = word(`model.input.${model.input}`);
  const name = model.layers
    ? word('model.kind.network', { layers: model.layers.join('–') })
    : word('model.kind.linear', { features: model.features, classes: model.classes.length });
  return `${name} · ${input}`;
}

/** @param {any} model */
function solver(model) {
  const { training, options } = model;
  const name = options.solver ?? '–';
  const steps = word(name === 'sgd' || name === 'adam' ? 'model.epochs' : 'model.iterations', { n: training.n_iter });
  const strength = options.C === undefined ? '' : `, C\u202f=\u202f${number(options.C)}`;
  const seconds = training.seconds === undefined ? '' : `, ${word('model.seconds', { n: training.seconds })}`;
  return `${name}${strength}, ${steps}${seconds}`;
}

/** @param {any} training */
function certificate(training) {
  if (training.gap === null) return word('model.certificate.none');
  const proven = word('model.certificate.proven', { gap: number(100 * training.gap, 2) });
  if (training.interrupted) return `${word('model.certificate.stopped')} ${proven}`;
  return training.converged ? proven : `${word('model.certificate.unfinished')} ${proven}`;
}

