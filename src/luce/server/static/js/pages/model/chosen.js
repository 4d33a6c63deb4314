// @ts-check
/** Which model a page is about: a choice among those that the server knows, kept in the URL. */

import { get } from '../../api.js';
import { add, h } from '../../dom.js';
import { select } from '../../widgets/field.js';
import { word } from '../../words.js';

/** @typedef {{id: string, name: string}} ModelName */

/**
 * Show the choice above a page. A model that the URL does not name is the first of the list: what
 * was opened, or else the newest run's.
 * @param {HTMLElement} root
 * @param {import('../../page.js').View} view
 * @param {string} path of the page, to open it again with another model
 * @param {...import('../../dom.js').Child} beside what stands beside the choice
 * @returns {Promise<ModelName | null>} null where there is no model yet; the page says so
 */
export async function chosenModel(root, view, path, ...beside) {
  /** @type {{models: ModelName[]}} */
  const { models } = await get('/api/models', { signal: view.signal });
  const wanted = view.params.get('model');
  const chosen = models.find(({ id }) => id === wanted) ?? models[0];
  if (!chosen) {
    add(root, [nothingYet(view)]);
    return null;
  }
  if (chosen.id !== wanted) view.set({ model: chosen.id });
  const list = choice(models, chosen, (model) => view.go(path, { model }));
  add(root, [h('div', { class: 'row end apart' }, list, beside)]);
  return chosen;
}

/**
 * @param {ModelName[]} models
 * @param {ModelName} chosen
 * @param {(id: string) => void} onChoose
 */
function choice(models, chosen, onChoose) {
  const list = select({
    label: word('model.which'),
    options: models.map(({ id, name }) => ({ value: id, label: name })),
    value: chosen.id,
    onChange: onChoose,
  });
  return h('div', { class: 'model-choice' }, list.element);
}

/** @param {import('../../page.js').View} view */
function nothingYet(view) {
  return h(
    'div',
    { class: 'empty' },
    h('p', {}, word('model.none')),
    h(
      'p',
      { class: 'row' },
      h('a', { class: 'button primary', href: view.link('/') }, word('model.none.start')),
      h('a', { class: 'button', href: view.link('/train') }, word('model.none.train')),
    ),
  );
}
