// @ts-check
/** Why: what each feature adds to the lead of the answer over another class. */

import { clear, h } from '../../dom.js';
import { select } from '../../widgets/field.js';
import { choice } from '../../widgets/choice.js';
import { number, word } from '../../words.js';
import { signedPicture } from '../model/picture.js';
import { highlighted } from './highlight.js';
import { signedText } from './signed.js';

const FEW = 12;

/**
 * @param {object} options
 * @param {any} options.form the answer of /form
 * @param {(against: number | null, reference: string) => void} options.onChoose
 * @param {(column: string) => string} options.textOf what stands in a text field now
 */
export function whyPanel({ form, onChoose, textOf }) {
  /** @type {string[]} */
  const classes = form.classes;
  let reference = form.fields.some((/** @type {any} */ field) => field.kind === 'number' || field.kind === 'date') && form.input !== 'array' ? 'mean' : 'zero';
  const against = select({
    label: word('predict.why.against'),
    options: [{ value: '', label: word('predict.why.second') }, ...classes.map((name, code) => ({ value: String(code), label: name }))],
    value: '',
    onChange: tell,
  });
  const from = choice({
    label: word('predict.why.from'),
    options: ['mean', 'zero'].map((value) => ({ value, label: word(`predict.why.${value}`) })),
    value: reference,
    onChange: (value) => {
      reference = value;
      tell();
    },
  });
  const result = h('div', { class: 'stack' });
  const controls = h('div', { class: 'fields' }, against.element, reference === 'mean' ? from.element : null);
  const many = h('p', { class: 'hint' }, word('predict.why.many'), ' ', h('code', {}, 'luce predict MODEL FILE --explain'));
  const element = h('section', { class: 'panel stack' }, h('h2', {}, word('predict.why')), controls, result, many);

  function tell() {
    onChoose(against.value === '' ? null : Number(against.value), reference);
  }

  /** @param {any} tree the answer of /predict */
  function update(tree) {
    const names = { answer: classes[tree.answer] ?? '', against: classes[tree.against] ?? '' };
    const odds = Math.exp(tree.lead);
    clear(
      result,
      h(
        'p',
        {},
        word(tree.linear ? 'predict.why.lead' : 'predict.why.lead.network', { ...names, lead: number(tree.lead, 3), odds: number(odds, 3) }),
        form.calibration ? ` ${word('predict.why.calibrated')}` : '',
      ),
      tree.map ? heat(tree, names) : null,
      Object.entries(tree.words).map(([column, words]) => highlighted(textOf(column), /** @type {any} */ (words), names)),
      tree.effects.length > 0 || !tree.map ? effects(tree, names) : null,
    );
  }

  /** @param {any} tree @param {{answer: string, against: string}} names */
  function heat(tree, names) {
    return h(
      'figure',
      { class: 'heat' },
      signedPicture(tree.map, word('predict.why.map', names), 'large'),
      h('figcaption', { class: 'muted' }, word('predict.why.map.caption', names)),
    );
  }

  /** @param {any} tree @param {{answer: string, against: string}} names */
  function effects(tree, names) {
    const few = tree.effects.slice(0, FEW);
    const rest = tree.rest + tree.effects.slice(FEW).reduce((/** @type {number} */ sum, /** @type {any} */ e) => sum + e.logit, 0);
    const hidden = Math.abs(rest) > 1e-9;
    const start = word(reference === 'mean' ? 'predict.why.offset.mean' : 'predict.why.offset');
    const lines = [
      { name: start, value: '', logit: tree.offset, kind: 'start' },
      ...few.map((/** @type {any} */ e) => ({ name: e.feature, value: valueOf(e), logit: e.logit, kind: '' })),
      ...(hidden ? [{ name: word('predict.why.rest'), value: '', logit: rest, kind: 'start' }] : []),
    ];
    const top = Math.max(...lines.map((line) => Math.abs(line.logit)), Number.MIN_VALUE);
    return h(
      'table',
      { class: 'bars diverging' },
      h('caption', {}, word('predict.why.table', names)),
      h(
        'tbody',
        {},
        lines.map((line) => bar(line, top)),
        h('tr', { class: 'sum' }, h('th', { scope: 'row' }, word('predict.why.sum')), h('td', {}), h('td', { class: 'numeric' }, signedText(tree.lead))),
      ),
    );
  }

  return { element, update, tell, get reference() { return reference; } };
}

/** @param {any} effect */
function valueOf(effect) {
  return ` = ${number(effect.value, 4)}`;
}

/**
 * @param {{name: string, value: string, logit: number, kind: string}} line
 * @param {number} top
 */
function bar(line, top) {
  const width = `${(50 * Math.abs(line.logit)) / top}%`;
  const side = line.logit >= 0 ? { left: '50%', width } : { right: '50%', width };
  return h(
    'tr',
    { class: line.kind },
    h('th', { scope: 'row', title: line.name + line.value }, line.name, h('small', { class: 'muted' }, line.value)),
    h('td', { class: 'bar', 'aria-hidden': 'true' }, h('span', { class: line.logit >= 0 ? 'for' : 'against', style: side })),
    h('td', { class: 'numeric' }, signedText(line.logit)),
  );
}
