// @ts-check
/** What output layers over many words cost, and a Huffman tree to walk through. */

import { add, h } from '../../dom.js';
import { word } from '../../words.js';
import { costsPart } from './large_outputs/costs_part.js';
import { read, written } from './large_outputs/settings.js';
import { treePart } from './large_outputs/tree_part.js';

/** @type {import('../../page.js').Page} */
export const page = {
  title: 'explore.large.title',
  lead: 'explore.large.lead',
  style: 'large_outputs',
  keys: [
    ['← →', 'explore.large.key.down'],
    ['↑', 'explore.large.key.up'],
    ['Home', 'explore.large.key.root'],
  ],
  show(root, view) {
    const settings = read(view.params);
    /** @param {Partial<import('./large_outputs/settings.js').Settings>} changes */
    const change = (changes) => {
      Object.assign(settings, changes);
      view.set(written(settings));
    };
    const costs = costsPart(settings, change);
    const tree = treePart(settings, change);
    add(root, [
      h('section', {}, h('h2', {}, word('explore.large.costs')), costs.element),
      h('section', {}, h('h2', {}, word('explore.large.tree')), tree),
      h('section', { class: 'prose' }, h('h2', {}, word('explore.large.notes')), ['full', 'adaptive', 'hierarchical', 'sampled', 'source'].map((name) => h('p', {}, word(`explore.large.note.${name}`)))),
    ]);
    return costs.stop;
  },
};
