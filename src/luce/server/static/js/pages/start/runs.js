// @ts-check
/** The card of the runs that are there: the newest ones, each opening its model. */

import { ApiError, get } from '../../api.js';
import { clear, h } from '../../dom.js';
import { word } from '../../words.js';

/** So many runs are listed; the Model page has all. */
const MOST = 6;

/** @param {import('../../page.js').View} view */
export function runsCard(view) {
  const place = h('div', {}, h('p', { class: 'hint' }, word('shell.loading')));
  fill();

  async function fill() {
    try {
      /** @type {{models: {id: string, name: string}[]}} */
      const { models } = await get('/api/models', { signal: view.signal });
      if (!models.length) {
        clear(place, h('p', { class: 'hint' }, word('start.runs.none')));
        return;
      }
      const items = models.slice(0, MOST).map(({ id, name }) => h('li', {}, h('a', { class: 'button', href: view.link('/model', { model: id }) }, h('strong', {}, name), h('span', { 'aria-hidden': 'true' }, '→'))));
      const more = models.length > MOST ? h('p', { class: 'hint' }, h('a', { href: view.link('/model') }, word('start.runs.more', { n: models.length }))) : null;
      clear(place, h('ul', { class: 'choices' }, items), more);
    } catch (error) {
      if (view.signal.aborted) return;
      const message = error instanceof ApiError && error.status ? error.message : word('shell.noAnswer');
      clear(place, h('p', { class: 'wrong', role: 'alert' }, message));
    }
  }

  return h('article', { class: 'card' }, h('h2', {}, word('start.runs')), h('p', {}, word('start.runs.lead')), place);
}
