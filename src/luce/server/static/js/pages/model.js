// @ts-check
/** The Model page: how good it is, where it errs, what it has learnt. */

import { get } from '../api.js';
import { add, h } from '../dom.js';
import { tabs } from '../widgets/tabs.js';
import { word } from '../words.js';
import { chosenModel } from './model/chosen.js';
import { confusion } from './model/confusion.js';
import { overview } from './model/overview.js';
import { reliability } from './model/reliability.js';
import { rowList } from './model/rows.js';
import { threshold } from './model/threshold.js';
import { weights } from './model/weights.js';

/** @type {import('../page.js').Page} */
export const page = {
  title: 'model.title',
  style: 'model',
  lead: 'model.lead',
  server: true,
  keys: [['← → ↑ ↓', 'model.keys.cells']],
  async show(root, view) {
    const chosen = await chosenModel(root, view, '/model', links(view));
    if (!chosen) return;
    const model = await get(`/api/models/${chosen.id}`, { signal: view.signal });
    const shown = { id: chosen.id, path: model.path, input: model.input, classes: model.classes, view };
    add(root, [sections(shown, model)]);
  },
};

/** @param {import('../page.js').View} view */
function links(view) {
  return h(
    'p',
    { class: 'row' },
    h('a', { class: 'button primary', href: view.link('/predict') }, word('model.link.predict')),
    h('a', { class: 'button', href: view.link('/serve') }, word('model.link.serve')),
  );
}

/**
 * @param {import('./model/rows.js').Shown} shown
 * @param {any} model
 */
function sections(shown, model) {
  const { view } = shown;
  const part = (/** @type {string} */ id, /** @type {() => import('../dom.js').Child} */ content) => ({
    id,
    label: word(`model.tab.${id}`),
    show: (/** @type {HTMLElement} */ panel) => add(panel, [content()]),
  });
  const evaluated = [
    part('confusion', () => confusion(shown)),
    part('reliability', () => reliability(shown, model.figures)),
    part('mistakes', () => [
      h('p', {}, word('model.mistakes.lead')),
      rowList(shown, { wrong: 1, order: 'confident' }, word('model.mistakes.none')),
    ]),
    part('threshold', () => threshold(shown)),
  ];
  const items = [part('overview', () => overview(model)), ...(model.run ? evaluated : []), part('weights', () => weights(shown))];
  const wanted = view.params.get('tab') ?? 'overview';
  return tabs({
    label: word('model.tabs'),
    items,
    selected: wanted,
    onSelect: (tab) => view.set({ tab: tab === 'overview' ? null : tab }),
  }).element;
}
