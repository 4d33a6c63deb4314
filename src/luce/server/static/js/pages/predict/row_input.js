// @ts-check
/** A row of a table, a text, or the numbers of an array, as the Predict page takes it. */

import { h } from '../../dom.js';
import { word } from '../../words.js';
import { rowForm } from './form.js';

const LONGEST = 1500; // characters of a row that the URL keeps

/**
 * @param {object} options
 * @param {any} options.form the answer of /form
 * @param {string | null} options.start JSON of the cells that differ, from the URL
 * @param {() => void} options.onChange
 */
export function rowInput({ form, start, onChange }) {
  const fields = rowForm({ fields: form.fields, start: parsed(start), onChange });
  const reset = () => {
    fields.cells = Object.fromEntries(form.fields.map((/** @type {any} */ field) => [field.name, field.start]));
  };
  const element = h(
    'div',
    { class: 'stack' },
    fields.element,
    h('div', { class: 'row' }, h('button', { type: 'button', class: 'small', onclick: reset }, word('predict.reset'))),
  );
  return {
    element,
    get body() {
      const { cells } = fields;
      if (form.input !== 'array') return { row: cells };
      return { values: form.fields.map((/** @type {any} */ field) => Number(cells[field.name] ?? NaN)) };
    },
    get state() {
      const text = JSON.stringify(fields.changes);
      return { cells: text === '{}' || text.length > LONGEST ? null : text };
    },
    get blank() {
      return form.fields.every((/** @type {any} */ field) => field.kind === 'text') && Object.values(fields.cells).every((cell) => !cell?.trim());
    },
    get beyond() {
      return fields.beyond;
    },
    /** @param {any} input as /sample tells it */
    load(input) {
      fields.cells = input.row ?? Object.fromEntries(form.fields.map((/** @type {any} */ field, /** @type {number} */ i) => [field.name, String(input.values[i])]));
    },
    /** @param {string} column @param {any} value */
    put(column, value) {
      if (Array.isArray(value)) fields.put(column, without(fields.cells[column] ?? '', value));
      else fields.put(column, value);
    },
    /** @param {string} column */
    textOf: (column) => fields.cells[column] ?? '',
  };
}

/**
 * The text without some words, which stand between blanks or are single characters of a script
 * without blanks.
 * @param {string} text
 * @param {string[]} words
 */
function without(text, words) {
  const alone = '\\u3040-\\u30ff\\u3400-\\u9fff\\uf900-\\ufaff';
  const gone = new Set(words);
  return text.replace(new RegExp(`[${alone}]|[^\\s${alone}]+`, 'g'), (found) => (gone.has(found) ? '' : found));
}

/** @param {string | null} text @returns {Record<string, string | null>} */
function parsed(text) {
  try {
    const tree = JSON.parse(text ?? '{}');
    return tree && typeof tree === 'object' ? tree : {};
  } catch {
    return {};
  }
}
