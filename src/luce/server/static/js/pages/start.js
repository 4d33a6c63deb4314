// @ts-check
/** The start: a demo, data of one's own, a run; and the pages that need nothing at all. */

import { get, hasServer } from '../api.js';
import { h } from '../dom.js';
import { ROUTES } from '../routes.js';
import { word } from '../words.js';
import { demoCard } from './start/demos.js';
import { glyph } from './start/glyphs.js';
import { runsCard } from './start/runs.js';
import { uploadCard } from './start/upload.js';

/** @type {import('../page.js').Page} */
export const page = {
  title: 'start.title',
  lead: 'start.lead',
  async show(root, view) {
    if (hasServer()) await get('/api/hello', { signal: view.signal }); // without the token the shell says what to do
    const cards = hasServer()
      ? h('section', { class: 'cards', 'aria-label': word('start.cards') }, demoCard(view), uploadCard(view), runsCard(view))
      : h('section', { class: 'panel' }, h('h2', {}, word('start.static')), h('p', {}, word('shell.needsServer.how')), h('pre', { tabindex: 0 }, h('code', {}, "pip install 'luce[app]'\nluce ui")));
    root.append(cards, explore(view));
  },
};

/** @param {import('../page.js').View} view */
function explore(view) {
  const pages = ROUTES.filter((route) => route.group === 'explore');
  const tiles = pages.map(({ path, title }) => {
    const name = title.split('.')[1] ?? '';
    return h('li', {}, h('a', { class: 'tile', href: view.link(path) }, glyph(name), h('span', {}, h('strong', {}, word(title)), h('span', { class: 'muted' }, word(`start.about.${name}`)))));
  });
  return h('section', {}, h('h2', {}, word('start.explore')), h('p', { class: 'muted' }, word('start.explore.lead')), h('ul', { class: 'tiles' }, tiles));
}
