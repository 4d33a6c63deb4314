// @ts-check
/** One run in full: state, figures, curves, what can be done with it. */

import { post } from '../../api.js';
import { clear, h } from '../../dom.js';
import { errorText } from '../../error_words.js';
import { dialog } from '../../widgets/dialog.js';
import { field } from '../../widgets/field.js';
import { fixed, number, percent, word } from '../../words.js';
import { complaint } from './command.js';
import { labelOf } from './option_words.js';
import { stateBadge } from './runs.js';

/** @typedef {import('./runs.js').Run} Run */
/** @typedef {import('./command.js').Option} Option */

/**
 * @param {{table: readonly Option[], onChange: () => void, toModel: (id: string) => void,
 *   language: 'en' | 'zh'}} options onChange: something was asked of the run
 */
export function currentRun({ table, onChange, toModel, language }) {
  const title = h('h2', {});
  const badge = h('span', { 'aria-live': 'polite' });
  const actions = h('div', { class: 'row' });
  const figures = h('dl', { class: 'stats few' });
  const news = h('div', { class: 'tight', 'aria-live': 'polite' });
  const element = h('div', { class: 'tight' }, h('div', { class: 'row apart' }, h('div', { class: 'row' }, title, badge), actions), news, figures);

  /** @param {string} path @param {unknown} body */
  async function ask(path, body) {
    try {
      await post(path, body);
    } catch (error) {
      clear(news, h('p', { class: 'note bad', role: 'alert' }, error instanceof Error ? error.message : String(error)));
    }
    onChange();
  }

  /** @param {Run} run */
  function buttons(run) {
    const path = `/api/runs/${encodeURIComponent(run.id)}`;
    const live = run.state === 'running' || run.state === 'preparing';
    const ours = run.job !== null;
    const stop = () => ask(`${path}/stop`, {});
    const canResume = !live && run.has_model && run.options.data !== undefined && run.options.model !== undefined;
    return [
      live ? h('button', { type: 'button', class: 'danger', disabled: !ours, title: ours ? null : word('train.stop.elsewhere'), onclick: stop }, run.job?.stopping ? word('train.stop.now') : word('train.stop')) : null,
      canResume ? h('button', { type: 'button', onclick: () => resumeDialog(run) }, word(run.state === 'finished' ? 'train.further' : 'train.resume')) : null,
      run.has_report ? h('button', { type: 'button', onclick: () => showReport(run) }, word('train.report')) : null,
      run.has_model && !live ? h('button', { type: 'button', class: 'primary', onclick: () => toModel(run.id) }, word('train.toModel')) : null,
    ];
  }

  /** @param {Run} run */
  function resumeDialog(run) {
    const options = table.filter((option) => option.resumable && [null, run.options.model].includes(option.only_of));
    const inputs = options.map((option) => {
      const input = h('input', { type: 'text', inputmode: 'decimal', placeholder: String(run.options[option.name] ?? word('train.auto')) });
      const made = field(labelOf(option.name, language), input);
      input.addEventListener('input', () => {
        const wrong = complaint(option, input.value);
        made.fail(wrong ? word(wrong.key, wrong.values) : null);
      });
      return { option, input, element: made.element };
    });
    const run_ = () => {
      const given = inputs.filter(({ option, input }) => input.value !== '' && !complaint(option, input.value));
      const changes = Object.fromEntries(given.map(({ option, input }) => [option.name, Number(input.value)]));
      ask(`/api/runs/${encodeURIComponent(run.id)}/resume`, { changes });
    };
    dialog({
      title: word('train.resume.title', { name: run.name }),
      body: h('div', { class: 'tight' }, h('p', { class: 'muted' }, word('train.resume.how')), h('div', { class: 'fields' }, inputs.map((one) => one.element))),
      actions: [{ label: word('train.resume'), primary: true, run: run_ }],
    });
  }

  return {
    element,
    /** @param {Run} run */
    update(run) {
      title.textContent = run.name;
      clear(badge, stateBadge(run.state));
      const focused = document.activeElement instanceof HTMLElement && actions.contains(document.activeElement) ? document.activeElement.textContent : null;
      clear(actions, buttons(run));
      for (const button of actions.querySelectorAll('button')) if (button.textContent === focused) button.focus();
      clear(figures, run.figures ? stats(run) : null);
      figures.hidden = !run.figures;
      clear(news, messages(run));
    },
  };
}

/** @param {Run} run */
function showReport(run) {
  const frame = h('iframe', { class: 'report', src: `/api/runs/${encodeURIComponent(run.id)}/report`, title: word('train.report.of', { name: run.name }), sandbox: '' });
  dialog({ title: word('train.report.of', { name: run.name }), body: frame, wide: true });
}

/** @param {Run} run */
function messages(run) {
  const found = [];
  if (run.job?.error) found.push(h('pre', { class: 'error', role: 'alert' }, h('code', {}, errorText(run.job.error_type, run.job.error))));
  else if (run.state === 'failed') found.push(h('p', { class: 'note bad' }, word('train.broken')));
  if (run.state === 'preparing') found.push(h('p', { class: 'muted' }, word('train.preparing')));
  if (run.state === 'stopped') found.push(h('p', { class: 'note' }, word('train.stopped')));
  if (run.job?.log) found.push(h('details', {}, h('summary', {}, word('train.log')), h('pre', { class: 'log', tabindex: 0, 'aria-label': word('train.log') }, h('code', {}, run.job.log))));
  return found;
}

/** @param {Run} run */
function stats({ figures, training }) {
  const stat = (/** @type {string} */ name, /** @type {any} */ figure, /** @type {(x: number) => string} */ show, /** @type {string} */ beside) =>
    h('div', { class: 'stat' }, h('dt', {}, name), h('dd', {}, show(figure.value), h('div', { class: 'more' }, word('train.interval', { low: show(figure.low), high: show(figure.high) })), beside ? h('div', { class: 'more' }, beside) : null));
  const two = (/** @type {number} */ x) => percent(x, 2);
  const four = (/** @type {number} */ x) => fixed(x, 4);
  return [
    stat(word('train.accuracy'), figures.accuracy, two, word('train.baseline', { value: two(figures.baseline.accuracy.value) })),
    stat(word('train.logLoss'), figures.log_loss, four, word('train.baseline', { value: four(figures.baseline.log_loss.value) })),
    stat(word('train.calibrationError'), figures.calibration_error, two, word('train.evaluated', { n: figures.rows })),
    training ? h('div', { class: 'stat' }, h('dt', {}, word('train.seconds')), h('dd', {}, number(training.seconds, 3), h('div', { class: 'more' }, word('train.steps', { n: training.n_iter })), training.gap === null ? null : h('div', { class: 'more' }, word('train.proven', { gap: number(training.gap, 2) })))) : null,
  ];
}
