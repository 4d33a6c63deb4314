// @ts-check
/** What would change the answer: the smallest change of one column, a word left out, pixels. */

import { clear, h, hidden } from '../../dom.js';
import { fixed, number, percent, word } from '../../words.js';
import { problem } from '../model/loading.js';
import { picture, signedPicture } from '../model/picture.js';

const FEW = 8;
const HEADS = ['predict.flips.column', 'predict.flips.now', 'predict.flips.then', 'predict.flips.answer'];

/**
 * @param {object} options
 * @param {any} options.form the answer of /form
 * @param {(column: string, value: any) => void} options.onTry set a field to what flips
 */
export function flipsPanel({ form, onTry }) {
  const result = h('div', { class: 'stack', 'aria-live': 'polite' });
  const element = h('section', { class: 'panel stack' }, h('h2', {}, word('predict.flips')), result);

  /** @param {any} tree the answer of /flips */
  function update(tree) {
    if (form.image_shape) clear(result, nearest(tree.nearest));
    else if (tree.flips.length === 0) clear(result, h('p', { class: 'muted' }, word('predict.flips.none')));
    else clear(result, table(tree.flips));
  }

  /** @param {any} near */
  function nearest(near) {
    if (near === null) return h('p', { class: 'muted' }, word('predict.nearest.none'));
    const answer = form.classes[near.answer];
    return [
      h(
        'p',
        {},
        word(near.exact ? 'predict.nearest.exact' : 'predict.nearest.found', {
          answer,
          distance: fixed(near.distance, 2),
          largest: percent(near.largest, 0),
        }),
      ),
      h(
        'div',
        { class: 'pictures' },
        h('figure', {}, picture(near.image, word('predict.nearest.image', { answer }), 'large'), h('figcaption', {}, word('predict.nearest.image', { answer }))),
        h('figure', {}, signedPicture(near.change, word('predict.nearest.change'), 'large'), h('figcaption', {}, word('predict.nearest.change'))),
      ),
    ];
  }

  /** @param {any[]} flips */
  function table(flips) {
    const searched = flips.some((flip) => !flip.exact);
    return [
      h(
        'div',
        { class: 'scroll', tabindex: '0', role: 'region', 'aria-label': word('predict.flips') },
        h(
          'table',
          { class: 'flips', role: 'table' }, // told, because narrow windows lay it out as no table
          h('thead', { role: 'rowgroup' }, h('tr', { role: 'row' }, HEADS.map((key) => h('th', { scope: 'col', role: 'columnheader' }, word(key))), h('th', { scope: 'col', role: 'columnheader' }, hidden(word('predict.flips.try'))))),
          h('tbody', { role: 'rowgroup' }, flips.slice(0, FEW).map(line)),
        ),
      ),
      h('p', { class: 'hint' }, word('predict.flips.order'), searched ? ` ${word('predict.flips.searched')}` : ''),
    ];
  }

  /** @param {any} flip */
  function line(flip) {
    const words = Array.isArray(flip.after);
    return h(
      'tr',
      { role: 'row' },
      h('th', { scope: 'row', role: 'rowheader' }, flip.column),
      h('td', { role: 'cell' }, words ? null : spelled(flip, flip.before)),
      h(
        'td',
        { role: 'cell' },
        words ? word('predict.flips.without', { words: flip.after.join(', ') }) : `${arrow(flip)}${spelled(flip, flip.after)}`,
        flip.exact ? '' : ' ≈',
        flip.outside ? h('small', { class: 'hint' }, ` ${word('predict.flips.outside')}`) : null,
      ),
      h('td', { role: 'cell' }, `${form.classes[flip.answer]} · ${percent(flip.probability)}`),
      h(
        'td',
        { role: 'cell' },
        h(
          'button',
          { type: 'button', class: 'small', 'aria-label': word('predict.flips.tryit', { column: flip.column }), onclick: () => onTry(flip.column, flip.after) },
          word('predict.flips.try'),
        ),
      ),
    );
  }

  /** @param {any} flip @param {any} value */
  function spelled(flip, value) {
    if (value === null) return word('predict.missing');
    const field = form.fields.find((/** @type {any} */ item) => item.name === flip.column);
    if (field?.kind === 'date') return dateText(value);
    return typeof value === 'number' ? number(value, 6) : String(value);
  }

  return {
    element,
    update,
    /** @param {unknown} error */
    fail: (error) => clear(result, problem(error)),
  };
}

/** @param {any} flip */
function arrow(flip) {
  if (typeof flip.after !== 'number' || typeof flip.before !== 'number') return '';
  return flip.after > flip.before ? '↑ ' : '↓ ';
}

/** @param {number} seconds since 1970 */
export function dateText(seconds) {
  const date = new Date(1000 * seconds);
  if (Number.isNaN(date.getTime())) return number(seconds);
  const text = date.toISOString();
  return text.endsWith('T00:00:00.000Z') ? text.slice(0, 10) : text.replace('.000Z', 'Z');
}
