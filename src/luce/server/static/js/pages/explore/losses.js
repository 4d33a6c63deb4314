// @ts-check
/** Explore / Losses: what a loss asks of the logits, as numbers, curves and arrows. */

import { h } from '../../dom.js';
import { comparison } from './losses/comparison.js';
import { instrument } from './losses/instrument.js';
import { options } from './losses/options.js';
import { address, derive, read } from './losses/state.js';
import { makeStore } from './parts/store.js';

/** @type {import('../../page.js').Page} */
export const page = {
  title: 'explore.losses.title',
  style: 'explore',
  lead: 'explore.losses.lead',
  keys: [
    ['← →', 'explore.keys.select'],
    ['↑ ↓', 'explore.keys.change'],
    ['Enter', 'explore.keys.label'],
  ],
  async show(root, view) {
    const store = makeStore(view, read(view.params), address, derive);
    root.append(h('div', { class: 'stack explore' }, options(store), instrument(store), comparison(store)));
    return store.close;
  },
};
