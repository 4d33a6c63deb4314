// @ts-check
/** Explore / Softmax: move logits and the temperature, and see all that follows. */

import { h } from '../../dom.js';
import { word } from '../../words.js';
import { tabs } from '../../widgets/tabs.js';
import { makeStore } from './parts/store.js';
import { controls } from './softmax/controls.js';
import { instrument } from './softmax/instrument.js';
import { address, derive, read } from './softmax/state.js';

/** Each view is fetched when it is first opened. */
const VIEWS = /** @type {const} */ ([
  ['formula', async () => (await import('./softmax/formula.js')).formulaPanel],
  ['overflow', async () => (await import('./softmax/overflow.js')).overflowPanel],
  ['two', async () => (await import('./softmax/two_classes.js')).twoClassesPanel],
  ['entropy', async () => (await import('./softmax/entropy.js')).entropyPanel],
  ['jacobian', async () => (await import('./softmax/jacobian.js')).jacobianPanel],
  ['sampling', async () => (await import('./softmax/sampling.js')).samplingPanel],
  ['sparse', async () => (await import('./softmax/sparse.js')).sparsePanel],
]);

/** @type {import('../../page.js').Page} */
export const page = {
  title: 'explore.softmax.title',
  style: 'explore',
  lead: 'explore.softmax.lead',
  keys: [
    ['← →', 'explore.keys.select'],
    ['↑ ↓', 'explore.keys.change'],
    ['+', 'explore.keys.add'],
    ['Delete', 'explore.keys.remove'],
  ],
  async show(root, view) {
    const store = makeStore(view, read(view.params), address, derive);
    const bars = instrument(store);
    const panels = tabs({
      label: word('explore.softmax.views'),
      items: VIEWS.map(([id, fetched]) => ({
        id,
        label: word(`explore.softmax.${id}`),
        show: async (place) => (await fetched())(place, store),
      })),
      selected: store.state.tab,
      onSelect: (tab) => store.change({ tab, answer: '' }),
    });
    root.append(h('div', { class: 'stack explore' }, h('section', { class: 'panel' }, controls(store, bars.focus)), bars.element, panels.element));
    return () => {
      panels.close();
      store.close();
    };
  },
};
