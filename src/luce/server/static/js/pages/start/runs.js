// @ts-check
/** The card of the runs that are there: the newest ones, each opening its model. */

import { ApiError, get } from '../../api.js';
import { clear, h } from '../../dom.js';
import { percent, word } from '../../words.js';

/** @typedef {{id: string, name: string, state: string, has_model: boolean, figures: {accuracy: {value: number}} | null}} Run */

/** So many runs are listed; the Train page has all. */
const MOST = 6;

/** @param {import('../../page.js').View} view */
export function runsCard(view) {
  const place = h('div', {}, h('p', { class: 'hint' }, word('shell.loading')));
  fill();

  async function fill() {
    try {
      /** @type {{runs: Run[]}} */
      const { runs } = await get('/api/runs', { signal: view.signal });
      if (!runs.length) {
        clear(place, h('p', { class: 'hint' }, word('start.runs.none')));
        return;
      }
      const more = runs.length > MOST ? h('p', { class: 'hint' }, h('a', { href: view.link('/train') }, word('start.runs.more', { n: runs.length }))) : null;
      clear(place, h('ul', { class: 'choices' }, runs.slice(0, MOST).map(item)), more);
    } catch (error) {
      if (view.signal.aborted) return;
      const message = error instanceof ApiError && error.status ? error.message : word('shell.noAnswer');
      clear(place, h('p', { class: 'wrong', role: 'alert' }, message));
    }
  }

  /** A run that has a model opens it; one that is under way opens its curves. @param {Run} run */
  function item(run) {
    const href = run.has_model && run.state !== 'running' ? view.link('/model', { model: run.id }) : view.link('/train', { run: run.id });
    const figure = run.figures ? word('start.runs.accuracy', { accuracy: percent(run.figures.accuracy.value) }) : word('start.runs.open');
    return h('li', {}, h('a', { class: 'button', href }, h('span', {}, h('strong', {}, run.name), h('span', { class: 'muted' }, figure)), h('span', { 'aria-hidden': 'true' }, '→')));
  }

  return h('article', { class: 'card' }, h('h2', {}, word('start.runs')), h('p', {}, word('start.runs.lead')), place);
}
