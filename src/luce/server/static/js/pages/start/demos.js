// @ts-check
/** The card of the demos: one click trains on a named set, and its training is shown. */

import { ApiError, get, post } from '../../api.js';
import { clear, h } from '../../dom.js';
import { word } from '../../words.js';

/** @typedef {{id: string, name: string, origin: string, rows: number, features: number, classes: number, kind: string}} Source */

/** Sets that are downloaded when they are first used. */
const FAR = ['fashion-mnist'];

/** @param {import('../../page.js').View} view */
export function demoCard(view) {
  const list = h('ul', { class: 'choices' });
  const state = h('p', { class: 'hint', 'aria-live': 'polite' });
  fill();

  async function fill() {
    try {
      const { sources } = await get('/api/data', { signal: view.signal });
      /** @type {Source[]} */
      const named = sources.filter((/** @type {Source} */ source) => source.origin === 'named');
      clear(list, named.map(item));
    } catch (error) {
      if (!view.signal.aborted) fail(error);
    }
  }

  /** @param {Source} source */
  function item(source) {
    const size = word('start.demo.size', { rows: source.rows, classes: source.classes });
    const far = FAR.includes(source.id) ? ` · ${word('start.demo.far')}` : '';
    return h('li', {}, h('button', { type: 'button', onclick: () => train(source) }, h('span', {}, h('strong', {}, source.name), h('span', { class: 'muted' }, size + far)), h('span', { 'aria-hidden': 'true' }, '→')));
  }

  /** @param {Source} source */
  async function train(source) {
    for (const button of list.querySelectorAll('button')) button.disabled = true;
    clear(state, word('start.demo.starting', { name: source.name }));
    try {
      const { run } = await post('/api/train', { source: source.id }, { signal: view.signal });
      view.go('/train', { data: source.id, run });
    } catch (error) {
      for (const button of list.querySelectorAll('button')) button.disabled = false;
      if (!view.signal.aborted) fail(error);
    }
  }

  /** @param {unknown} error */
  function fail(error) {
    const message = error instanceof ApiError && error.status ? error.message : word('shell.noAnswer');
    clear(state, h('span', { class: 'wrong', role: 'alert' }, message));
  }

  return h('article', { class: 'card' }, h('h2', {}, word('start.demo')), h('p', {}, word('start.demo.lead')), list, state);
}
