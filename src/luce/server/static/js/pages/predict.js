// @ts-check
/** The Predict page: draw, drop, type or fill in a row; see the answer, why, and what flips it. */

import { get, post } from '../api.js';
import { add, clear, h } from '../dom.js';
import { number, percent, word } from '../words.js';
import { chosenModel } from './model/chosen.js';
import { isAbort, latest, problem } from './model/loading.js';
import { probabilityBars } from './predict/bars.js';
import { flipsPanel } from './predict/flips.js';
import { imageInput } from './predict/image_input.js';
import { rowInput } from './predict/row_input.js';
import { whyPanel } from './predict/why.js';

const MOST_BEYOND = 5; // columns that are named
const MOST_MISSING = 10;
const PAUSE = 250; // ms without a change, after which flips are sought and the URL is written

/** @type {import('../page.js').Page} */
export const page = {
  title: 'predict.title',
  style: 'model',
  lead: 'predict.lead',
  server: true,
  keys: [
    ['← → ↑ ↓', 'predict.keys.move'],
    ['Shift + ←', 'predict.keys.draw'],
    ['Space', 'predict.keys.dot'],
    ['Ctrl + Z', 'predict.keys.undo'],
    ['Esc', 'predict.keys.clear'],
  ],
  async show(root, view) {
    const chosen = await chosenModel(root, view, '/predict');
    if (!chosen) return;
    const form = await get(`/api/models/${chosen.id}/form`, { signal: view.signal });
    return workbench(root, view, chosen.id, form);
  },
};

/**
 * @param {HTMLElement} root
 * @param {import('../page.js').View} view
 * @param {string} id
 * @param {any} form
 */
async function workbench(root, view, id, form) {
  const path = `/api/models/${id}`;
  const { signal } = view;
  const options = { id, form, signal, onChange: changed };
  const input = form.image_shape
    ? imageInput({ ...options, start: view.params.get('pixels') ?? null })
    : rowInput({ ...options, start: view.params.get('cells') ?? null });
  const headline = h('p', { class: 'answer', 'aria-live': 'polite' }, '');
  const notes = h('div', {});
  const bars = probabilityBars(form.classes);
  const truth = h('p', { class: 'hint' }, '');
  const answer = h('section', { class: 'panel stack' }, h('h2', {}, word('predict.answer')), headline, notes, bars.element);
  /** @type {{against: number | null, reference: string}} */
  const asked = { against: null, reference: 'zero' };
  const why = whyPanel({
    form,
    textOf: input.textOf,
    onChoose: (against, reference) => {
      Object.assign(asked, { against, reference });
      void predict();
    },
  });
  asked.reference = why.reference;
  const flips = flipsPanel({
    form,
    onTry: (column, value) => {
      input.put(column, value);
    },
  });

  const predict = latest(
    signal,
    (stop) => post(`${path}/predict`, { ...input.body, ...asked }, { signal: stop }),
    (tree) => {
      answer.classList.remove('stale');
      clear(headline, form.classes[tree.answer], ' ', h('small', {}, percent(tree.probabilities[tree.answer])));
      clear(notes, tree.unseen.map((/** @type {string} */ name) => h('p', { class: 'hint' }, word('predict.unseen', { name }))), tree.missing.slice(0, MOST_MISSING).map(without), beyond(input.beyond));
      bars.update(tree.probabilities);
      why.update(tree);
    },
    (error) => {
      answer.classList.add('stale');
      clear(notes, problem(error));
    },
  );
  const seek = latest(
    signal,
    (stop) => post(`${path}/flips`, input.body, { signal: stop }),
    flips.update,
    flips.fail,
  );

  let frame = 0;
  let timer = 0;
  /** Many changes in one frame are one question. */
  function changed() {
    clear(truth);
    view.set({ row: null });
    if (!frame) {
      frame = requestAnimationFrame(() => {
        frame = 0;
        void predict();
      });
    }
    clearTimeout(timer);
    timer = setTimeout(() => {
      view.set(input.state);
      void seek();
    }, PAUSE);
  }

  /**
   * @param {number} position of an evaluated row
   * @param {boolean} [example] that nobody chose: an address without a row
   */
  async function load(position, example = false) {
    try {
      const sample = await get(`${path}/sample?position=${position}`, { signal });
      input.load(sample.input, example);
      view.set({ row: example ? null : position, pixels: null, cells: null });
      clear(truth, word('predict.sample', { row: sample.row, name: form.classes[sample.true] }), example && form.image_shape ? ` · ${word('predict.example')}` : '');
      clearTimeout(timer); // the row's number is in the URL, its cells need not be
      void seek();
    } catch (error) {
      if (!isAbort(error)) clear(notes, problem(error));
    }
  }

  const another = h(
    'button',
    { type: 'button', class: 'small', onclick: () => load(Math.floor(Math.random() * form.samples)) },
    word('predict.another'),
  );
  add(root, [
    h(
      'div',
      { class: 'workbench' },
      h(
        'section',
        { class: 'panel stack' },
        h('h2', {}, word(`predict.input.${form.input}`)),
        form.samples > 0 ? h('div', { class: 'row' }, another, truth) : null,
        input.element,
      ),
      h('div', { class: 'stack' }, answer, why.element, flips.element),
    ),
  ]);
  const row = view.params.get('row');
  if (row && /^\d{1,9}$/.test(row)) await load(Number(row));
  else if (input.blank && form.samples > 0) await load(0, true);
  else {
    void predict();
    void seek();
  }
  return () => {
    clearTimeout(timer);
    cancelAnimationFrame(frame);
  };
}

/**
 * An empty cell is no nought: what is taken in its place must be known.
 * @param {{name: string, mean: string | null, known: boolean}} cell
 */
function without({ name, mean, known }) {
  if (mean === null) return h('p', { class: 'hint' }, word('predict.missing.none', { name }));
  return h('p', { class: 'hint' }, word(known ? 'predict.missing.known' : 'predict.missing.mean', { name, mean }));
}

/**
 * A model goes on in a straight line where it has seen nothing: its sureness there means little.
 * @param {any[]} fields with a number beyond those of training
 */
function beyond(fields) {
  if (fields.length === 0) return null;
  const named = fields.slice(0, MOST_BEYOND).map(({ name, low, high }) => word('predict.beyond.column', { name, low: number(low, 5), high: number(high, 5) }));
  return h('p', { class: 'note bad' }, word('predict.beyond', { columns: named.join(', ') + (fields.length > MOST_BEYOND ? ', …' : '') }));
}
