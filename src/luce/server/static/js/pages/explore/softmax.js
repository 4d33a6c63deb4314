// @ts-check
/** Explore / Softmax: move logits and the temperature, and see all that follows. */

import { h } from '../../dom.js';
import { entropy, logProbabilities, measure, probabilities } from '../../maths/softmax.js';
import { word } from '../../words.js';
import { tabs } from '../../widgets/tabs.js';
import { formatNumbers, makeStore, parseNumbers, within } from './parts/store.js';
import { exploreStyle } from './parts/style.js';
import { controls } from './softmax/controls.js';
import { entropyPanel } from './softmax/entropy.js';
import { formulaPanel } from './softmax/formula.js';
import { instrument } from './softmax/instrument.js';
import { jacobianPanel } from './softmax/jacobian.js';
import { overflowPanel } from './softmax/overflow.js';
import { samplingPanel } from './softmax/sampling.js';
import { sparsePanel } from './softmax/sparse.js';
import { twoClassesPanel } from './softmax/two_classes.js';

/**
 * @typedef {object} State
 * @property {number[]} z
 * @property {number} T temperature; 0 is the limit
 * @property {number} i the class that is looked at
 * @property {number | null} lit the class that the pointer is on
 * @property {number} shift added to all logits
 * @property {16 | 32 | 64} bits of the naive formula
 * @property {number} seed
 * @property {number} n samples
 * @property {number} alpha of entmax
 * @property {string} tab
 * @property {string} answer to the question of the tab
 * @property {import('../../maths/softmax.js').Measured} row
 * @property {Float64Array} p
 * @property {Float64Array} logP
 * @property {number} rival the likeliest class apart from i
 * @property {number} entropy
 */
/** @typedef {import('./parts/store.js').Store<State>} SoftmaxStore */

/** So many classes can be shown. */
export const MOST_CLASSES = 500;

const PANELS = /** @type {const} */ ([
  ['formula', formulaPanel],
  ['overflow', overflowPanel],
  ['two', twoClassesPanel],
  ['entropy', entropyPanel],
  ['jacobian', jacobianPanel],
  ['sampling', samplingPanel],
  ['sparse', sparsePanel],
]);

/** @type {import('../../page.js').Page} */
export const page = {
  title: 'explore.softmax.title',
  lead: 'explore.softmax.lead',
  keys: [
    ['← →', 'explore.keys.select'],
    ['↑ ↓', 'explore.keys.change'],
    ['+', 'explore.keys.add'],
    ['Delete', 'explore.keys.remove'],
  ],
  async show(root, view) {
    await exploreStyle();
    const store = makeStore(view, read(view.params), address, derive);
    const bars = instrument(store);
    const panels = tabs({
      label: word('explore.softmax.views'),
      items: PANELS.map(([id, panel]) => ({
        id,
        label: word(`explore.softmax.${id}`),
        show: (place) => panel(place, store),
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

/** @param {ReadonlyMap<string, string>} params @returns {State} */
function read(params) {
  const z = (parseNumbers(params.get('z') ?? '') ?? [2, 1, 0.1]).slice(0, MOST_CLASSES);
  const bits = within(params.get('bits'), 64, 16, 64);
  const state = {
    z,
    T: within(params.get('T'), 1, 0, Number.MAX_VALUE),
    i: Math.min(Math.round(within(params.get('i'), 1, 1, z.length)), z.length) - 1,
    lit: null,
    shift: within(params.get('c'), 0, -Number.MAX_VALUE, Number.MAX_VALUE),
    bits: /** @type {16 | 32 | 64} */ (bits === 16 || bits === 32 ? bits : 64),
    seed: Math.round(within(params.get('seed'), 1, 0, Number.MAX_SAFE_INTEGER)),
    n: Math.round(within(params.get('n'), 100, 1, 100000)),
    alpha: within(params.get('alpha'), 2, 1, 10),
    tab: params.get('tab') ?? 'formula',
    answer: params.get('answer') ?? '',
  };
  return /** @type {State} */ (state); // the rest is derived
}

/** What differs from where one starts. @param {State} state */
function address(state) {
  const unless = (/** @type {number | string} */ value, /** @type {number | string} */ usual) => (value === usual ? null : value);
  return {
    z: unless(formatNumbers(state.z), '2,1,0.1'),
    T: unless(state.T, 1),
    i: unless(state.i + 1, 1),
    c: unless(state.shift, 0),
    bits: unless(state.bits, 64),
    seed: unless(state.seed, 1),
    n: unless(state.n, 100),
    alpha: unless(state.alpha, 2),
    tab: unless(state.tab, 'formula'),
    answer: unless(state.answer, ''),
  };
}

/** @param {State} state */
function derive(state) {
  state.i = Math.min(state.i, state.z.length - 1);
  state.row = measure(state.z, state.T);
  state.p = probabilities(state.row);
  state.logP = logProbabilities(state.row);
  state.entropy = entropy(state.z, state.T);
  state.rival = -1;
  for (let j = 0; j < state.z.length; j += 1) {
    if (j !== state.i && (state.rival < 0 || Number(state.z[j]) > Number(state.z[state.rival]))) state.rival = j;
  }
}
