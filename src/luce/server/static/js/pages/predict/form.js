// @ts-check
/** A row to fill in: one field a column, as a CSV file spells its cells. */

import { h } from '../../dom.js';
import { field as labelled } from '../../widgets/field.js';
import { number, word } from '../../words.js';
import { dateText } from './flips.js';

const MOST_LEVELS = 30; // of a category that is a list to choose from
const MOST_FIELDS = 400;
const MOST_AT_ONCE = 40; // more scroll in a box of their own

/** @typedef {Record<string, string | null>} Cells */

/**
 * @param {object} options
 * @param {any[]} options.fields as /form tells them
 * @param {Cells} options.start cells that differ from the start values
 * @param {() => void} options.onChange
 */
export function rowForm({ fields, start, onChange }) {
  /** @type {Map<string, HTMLInputElement | HTMLSelectElement | HTMLTextAreaElement>} */
  const controls = new Map();
  const parts = fields.slice(0, MOST_FIELDS).map((field) => {
    const control = controlOf(field);
    control.value = start[field.name] ?? (field.name in start ? '' : field.start);
    control.addEventListener('input', onChange);
    controls.set(field.name, control);
    return labelled(field.name, control, { hint: hint(field) }).element;
  });
  const table = parts.length > MOST_AT_ONCE ? 'row-form long' : 'row-form';
  const element = h('div', { class: fields.every(({ kind }) => kind === 'text') ? 'stack' : table }, parts);
  return {
    element,
    /** @returns {Cells} */
    get cells() {
      const cells = /** @type {Cells} */ ({});
      for (const field of fields) {
        const text = controls.get(field.name)?.value ?? field.start;
        cells[field.name] = text === '' && field.kind !== 'text' ? null : text;
      }
      return cells;
    },
    /** @param {Cells} cells */
    set cells(cells) {
      for (const [name, cell] of Object.entries(cells)) {
        const control = controls.get(name);
        if (control) control.value = cell ?? '';
      }
      onChange();
    },
    /** @returns {any[]} the fields with a number that is beyond all that training has seen */
    get beyond() {
      const { cells } = this;
      return fields.filter(({ name, kind, low, high }) => {
        const cell = cells[name];
        return kind === 'number' && low !== null && cell != null && cell.trim() !== '' && (Number(cell) < low || Number(cell) > high);
      });
    },
    /** @returns {Cells} only those that differ from the start */
    get changes() {
      return Object.fromEntries(Object.entries(this.cells).filter(([name, cell]) => (cell ?? '') !== fields.find((field) => field.name === name)?.start));
    },
    /**
     * Put a value that would flip the answer into its field.
     * @param {string} name
     * @param {any} value
     */
    put(name, value) {
      const field = fields.find((item) => item.name === name);
      const control = controls.get(name);
      if (!control || !field) return;
      control.value = value === null ? '' : field.kind === 'date' ? dateText(value) : String(value);
      control.focus();
      onChange();
    },
  };
}

/** @param {any} field */
function controlOf(field) {
  if (field.kind === 'text') return h('textarea', { rows: 6, spellcheck: 'false' });
  if (field.kind === 'boolean') return options(['true', 'false'], field.may_be_missing);
  if (field.kind === 'category' && field.levels.length <= MOST_LEVELS) return options(field.levels, field.may_be_missing);
  // Not type=number: it swallows what it cannot read, and the server should see and say it.
  const input = h('input', { type: 'text', autocomplete: 'off', spellcheck: 'false', inputmode: field.kind === 'number' ? 'decimal' : null });
  if (field.kind === 'number') input.addEventListener('keydown', (event) => step(event, field, input));
  return input;
}

/**
 * @param {string[]} levels
 * @param {boolean} missing
 */
function options(levels, missing) {
  return h(
    'select',
    {},
    levels.map((level) => h('option', { value: level }, level)),
    missing ? h('option', { value: '' }, word('predict.missing')) : null,
  );
}

/**
 * Arrow keys make a number larger and smaller, by a twentieth of its spread or of itself.
 * @param {KeyboardEvent} event
 * @param {any} field
 * @param {HTMLInputElement} input
 */
function step(event, field, input) {
  const way = { ArrowUp: 1, ArrowDown: -1 }[event.key];
  const now = Number(input.value);
  if (!way || input.value === '' || !Number.isFinite(now)) return;
  event.preventDefault();
  const rough = (field.spread ?? Math.abs(now)) / 20 || 0.05;
  const whole = field.start !== '' && Number.isInteger(Number(field.start)) && (field.spread ?? 2) >= 2;
  const size = whole ? Math.max(1, Math.round(rough)) : Number(rough.toPrecision(1));
  input.value = String(Number((now + way * size).toPrecision(10)));
  input.dispatchEvent(new Event('input', { bubbles: true }));
}

/** @param {any} field */
function hint(field) {
  if (field.low === null) return null;
  const text = field.kind === 'date' ? dateText : (/** @type {number} */ x) => number(x, 5);
  if (field.kind === 'boolean') return null;
  return word('predict.range', { low: text(field.low), high: text(field.high) });
}
