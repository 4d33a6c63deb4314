// @ts-check
/** The formula with the numbers in it; the term of a class lights up with its bar. */

import { clear, h } from '../../../dom.js';
import { number, percent, word } from '../../../words.js';
import { formula, frac, inline, m, op, row, sub, sumOver, sup } from '../parts/mathml.js';
import { question } from '../parts/question.js';

/** @typedef {import('./state.js').State} State */
/** @typedef {import('./state.js').SoftmaxStore} SoftmaxStore */

const TERMS = 6; // written out; more would not fit

/** @param {HTMLElement} place @param {SoftmaxStore} store */
export function formulaPanel(place, store) {
  const { state } = store;
  const general = h('div', { class: 'formulas' });
  const filled = h('div', { class: 'formulas scroll', tabindex: 0, role: 'region', 'aria-label': word('explore.softmax.formula') });
  const odds = h('p', { class: 'prose' });
  filled.addEventListener('pointerover', (event) => light(event.target));
  filled.addEventListener('pointerleave', () => store.change({ lit: null }));
  filled.addEventListener('click', (event) => {
    const i = classOf(event.target);
    if (i !== null) store.change({ i });
  });
  /** @param {EventTarget | null} target */
  function light(target) {
    const lit = classOf(target);
    if (lit !== state.lit) store.change({ lit });
  }
  clear(general, formula(sub('p', 'i'), '=', frac(sup('e', row(sub('z', 'i'), '/', 'T')), row(sumOver('j'), sup('e', row(sub('z', 'j'), '/', 'T'))))));
  clear(place,
    h('div', { class: 'columns' },
      h('div', { class: 'stack-small' }, general, filled, odds),
      h('div', { class: 'stack-small' },
        h('p', {}, word('explore.softmax.formula.text')),
        question({
          say: (part) => word(`explore.softmax.formula.q.${part}`),
          answers: ['a', 'b', 'c'],
          right: 'b',
          answered: state.answer,
          onAnswer: (answer) => store.change({ answer, T: 2 }),
        }),
      ),
    ),
  );
  return store.listen((now) => {
    clear(filled, ...written(now));
    clear(odds, ...comparison(now));
  });
}

/** @param {EventTarget | null} target @returns {number | null} */
function classOf(target) {
  const term = target instanceof Element ? target.closest('[data-class]') : null;
  return term ? Number(term.getAttribute('data-class')) : null;
}

/** The classes that are written out: the likeliest, and the one that is looked at. @param {State} state */
function shown({ z, p, i }) {
  const all = z.map((_, j) => j);
  if (z.length <= TERMS) return all;
  const likeliest = all.filter((j) => j !== i).sort((a, b) => Number(p[b]) - Number(p[a]));
  return [i, ...likeliest.slice(0, TERMS - 2)].sort((a, b) => a - b);
}

/** @param {State} state */
function written(state) {
  const { z, T, i, lit, row: measured, p } = state;
  if (Number.isNaN(measured.top)) return [h('p', { class: 'note bad' }, word('explore.softmax.none'))];
  if (T === 0) return [h('p', { class: 'note' }, word('explore.softmax.limit'))];
  const terms = shown(state);
  /** @param {number} j @param {import('../parts/mathml.js').Child} content */
  const term = (j, content) => {
    const look = `term${j === i ? ' picked' : ''}${j === lit ? ' lit' : ''}`;
    return m('mrow', { 'data-class': j, class: look }, content);
  };
  /** @param {(j: number) => import('../parts/mathml.js').Child} of @param {import('../parts/mathml.js').Child} rest */
  const sum = (of, rest) => {
    const parts = terms.flatMap((j, n) => (n ? [op('+'), term(j, of(j))] : [term(j, of(j))]));
    return row(...parts, ...(terms.length < z.length ? [op('+'), rest] : []));
  };
  const power = (/** @type {number} */ j) => {
    const value = number(z[j], 4);
    return sup('e', T === 1 ? row(value) : row(value, '/', number(T, 3)));
  };
  const size = (/** @type {number} */ j) => m('mn', {}, number(measured.power[j], 4));
  let others = 0;
  for (let j = 0; j < z.length; j += 1) if (!terms.includes(j)) others += Number(measured.power[j]);
  const more = m('mtext', {}, word('explore.softmax.more', { n: z.length - terms.length }));
  return [
    formula(sub('p', m('mn', {}, i + 1)), '=', frac(term(i, power(i)), sum(power, more)), op('='), m('mn', { class: 'result' }, percent(p[i], 2))),
    h('p', { class: 'hint' }, word('explore.softmax.formula.shifted', { max: number(measured.top) })),
    formula(op('='), frac(term(i, size(i)), sum(size, m('mn', {}, number(others, 4))))),
  ];
}

/** How much likelier the class is than the next. @param {State} state */
function comparison({ z, T, i, rival, row: measured }) {
  if (rival < 0 || Number.isNaN(measured.top) || T === 0 || !Number.isFinite(z[i]) || !Number.isFinite(z[rival])) return [];
  const difference = Number(z[i]) - Number(z[rival]);
  const ratio = Math.exp(difference / T);
  const values = { i: i + 1, j: rival + 1, ratio: number(ratio, 3) };
  const exponent = T === 1 ? row(number(difference, 4)) : row(number(difference, 4), '/', number(T, 3));
  return [word('explore.softmax.odds', values), ' ', inline(sup('e', exponent), '=', number(ratio, 3)), word('explore.stop')];
}
