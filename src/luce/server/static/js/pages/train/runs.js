// @ts-check
/** All runs with their figures, and in which options those that are compared differ. */

import { h } from '../../dom.js';
import { dataTable } from '../../widgets/table.js';
import { fixed, language, number, percent, word } from '../../words.js';
import { labelOf } from './option_words.js';

/**
 * @typedef {object} Run what the server says of a run
 * @property {string} id
 * @property {string} name
 * @property {'preparing' | 'running' | 'finished' | 'stopped' | 'failed'} state
 * @property {Record<string, any>} options
 * @property {any} figures
 * @property {any} training
 * @property {any} data
 * @property {string | null} created
 * @property {boolean} has_report
 * @property {boolean} has_model
 * @property {null | {error: string | null, error_type: string | null, log: string, stopping: boolean, started: number, name: string}} job
 */

/** @param {Run['state']} state */
export function stateBadge(state) {
  const kind = { finished: 'good', failed: 'bad', stopped: '', running: '', preparing: '' }[state];
  const live = state === 'running' || state === 'preparing';
  return h('span', { class: `badge ${kind}` }, live ? h('span', { class: 'pulse', 'aria-hidden': 'true' }) : null, word(`train.state.${state}`));
}

/** A figure with its interval. @param {any} figure @param {(x: number) => string} show */
export function withInterval(figure, show) {
  if (!figure) return '–';
  return h('span', { title: word('train.interval', { low: show(figure.low), high: show(figure.high) }) }, show(figure.value));
}

/**
 * @param {{runs: readonly Run[], compared: readonly string[], focused: string | undefined,
 *   onFocus: (id: string) => void, onCompare: (id: string, on: boolean) => void}} options
 */
export function runTable({ runs, compared, focused, onFocus, onCompare }) {
  const table = dataTable({
    caption: word('train.runs.caption'),
    hideCaption: true,
    columns: [
      { key: 'name', label: word('train.run'), show: (name, run) => h('button', { type: 'button', class: 'link', 'aria-current': run.id === focused ? 'true' : null, onclick: () => onFocus(run.id) }, name) },
      { key: 'id', label: word('train.overlay'), show: (id, run) => overlayBox(/** @type {Run} */ (run), compared.includes(id), onCompare) },
      { key: 'state', label: word('train.state'), show: (state) => stateBadge(state) },
      { key: 'options', label: word('train.kind'), show: (options) => modelOf(options) },
      { key: 'figures', label: word('train.accuracy'), numeric: true, show: (figures) => withInterval(figures?.accuracy, (x) => percent(x, 2)) },
      { key: 'loss', label: word('train.logLoss'), numeric: true, show: (_, run) => withInterval(run.figures?.log_loss, (x) => fixed(x, 4)) },
      { key: 'error', label: word('train.calibrationError'), numeric: true, show: (_, run) => withInterval(run.figures?.calibration_error, (x) => percent(x, 2)) },
      { key: 'training', label: word('train.seconds'), numeric: true, show: (training) => (training ? number(training.seconds, 3) : '–') },
    ],
    rows: runs,
  });
  table.element.classList.add('runs');
  return table.element;
}

/** @param {Run} run @param {boolean} checked @param {(id: string, on: boolean) => void} onCompare */
function overlayBox(run, checked, onCompare) {
  const box = h('input', { type: 'checkbox', 'aria-label': word('train.overlay.of', { name: run.name }) });
  box.checked = checked;
  box.addEventListener('change', () => onCompare(run.id, box.checked));
  return box;
}

/** @param {Record<string, any>} options */
function modelOf(options) {
  if (options.model === undefined) return '–';
  const solver = options.solver && options.solver !== 'auto' ? ` · ${options.solver}` : '';
  return `${word(`train.model.${options.model}`)}${solver}`;
}

/**
 * The options in which runs differ, one row each; null where they are the same.
 * @param {readonly Run[]} runs
 * @returns {{name: string, values: (string | null)[]}[]}
 */
export function differences(runs) {
  const names = [...new Set(runs.flatMap((run) => Object.keys(run.options)))];
  return names
    .map((name) => ({ name, values: runs.map((run) => (run.options[name] === undefined ? null : String(run.options[name]))) }))
    .filter(({ values }) => new Set(values).size > 1);
}

/** @param {readonly Run[]} runs */
export function differenceTable(runs) {
  const rows = differences(runs).map(({ name, values }) => ({ name: name === 'data' ? word('train.data') : labelOf(name, language()), ...Object.fromEntries(values.map((value, i) => [`v${i}`, value])) }));
  const columns = [{ key: 'name', label: word('train.option') }, ...runs.map((run, i) => ({ key: `v${i}`, label: run.name, show: (/** @type {string | null} */ value) => value ?? word('train.unset') }))];
  if (!rows.length) return h('p', { class: 'muted' }, word('train.same'));
  return dataTable({ caption: word('train.differences.caption'), hideCaption: true, columns, rows }).element;
}
