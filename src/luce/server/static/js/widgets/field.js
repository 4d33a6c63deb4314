// @ts-check
/** Fields of a form, each with its visible label: number, text, check box, list. */

import { clear, freshId, h, set } from '../dom.js';

/** @typedef {import('../dom.js').Child} Child */

/**
 * A label above a control, with a hint and a place for an error below.
 * @param {string} label
 * @param {HTMLElement} control gets an id and what describes it
 * @param {{hint?: Child, beside?: boolean}} [options] beside: the label stands after the control
 * @returns {{element: HTMLElement, fail(message: string | null): void}}
 */
export function field(label, control, { hint, beside = false } = {}) {
  if (!control.id) control.id = freshId('field');
  const notes = h('p', { class: 'hint', id: `${control.id}-hint` }, hint);
  const error = h('p', { class: 'wrong', id: `${control.id}-error`, role: 'alert' });
  const name = h('label', { for: control.id }, label);
  control.setAttribute('aria-describedby', hint ? `${notes.id} ${error.id}` : error.id);
  const parts = beside ? [h('div', { class: 'check' }, control, name)] : [name, control];
  const element = h('div', { class: 'field' }, parts, hint ? notes : null, error);
  return {
    element,
    fail(message) {
      set(control, { 'aria-invalid': message ? 'true' : null });
      clear(error, message);
    },
  };
}

/**
 * A number to type. `onInput` hears numbers only: not what is half typed or out of range.
 * @param {{label: string, value: number | null, min?: number, max?: number, step?: number | 'any',
 *   hint?: Child, onInput?: (value: number) => void}} options
 */
export function numberField({ label, value, min, max, step = 'any', hint, onInput }) {
  const input = h('input', { type: 'number', value, min, max, step, inputmode: 'decimal' });
  input.addEventListener('input', () => {
    if (input.value !== '' && input.validity.valid) onInput?.(input.valueAsNumber);
  });
  const { element, fail } = field(label, input, { hint });
  return {
    element,
    input,
    fail,
    get value() {
      return input.value === '' ? null : input.valueAsNumber;
    },
    set value(/** @type {number | null} */ next) {
      input.value = next === null ? '' : String(next);
    },
  };
}

/**
 * A text to type, in one line or several.
 * @param {{label: string, value?: string, hint?: Child, placeholder?: string, lines?: number,
 *   list?: readonly string[], onInput?: (value: string) => void}} options list: what may be meant
 */
export function textField({ label, value = '', hint, placeholder, lines = 1, list, onInput }) {
  const common = { placeholder, autocomplete: 'off', spellcheck: 'false' };
  const input =
    lines > 1 ? h('textarea', { ...common, rows: lines }) : h('input', { ...common, type: 'text' });
  input.value = value;
  input.addEventListener('input', () => onInput?.(input.value));
  const { element, fail } = field(label, input, { hint });
  if (list && input instanceof HTMLInputElement) {
    const id = freshId('list');
    input.setAttribute('list', id);
    element.append(h('datalist', { id }, list.map((item) => h('option', { value: item }))));
  }
  return {
    element,
    input,
    fail,
    get value() {
      return input.value;
    },
    set value(/** @type {string} */ next) {
      input.value = next;
    },
  };
}

/**
 * A check box with its label after it.
 * @param {{label: string, checked?: boolean, hint?: Child, onChange?: (checked: boolean) => void}} options
 */
export function checkbox({ label, checked = false, hint, onChange }) {
  const input = h('input', { type: 'checkbox' });
  input.checked = checked;
  input.addEventListener('change', () => onChange?.(input.checked));
  const { element } = field(label, input, { hint, beside: true });
  return {
    element,
    input,
    get value() {
      return input.checked;
    },
    set value(/** @type {boolean} */ next) {
      input.checked = next;
    },
  };
}

/**
 * One of a list that may be long. For two to five options `choice` is better.
 * @param {{label: string, options: readonly {value: string, label: string}[], value?: string,
 *   hint?: Child, onChange?: (value: string) => void}} options
 */
export function select({ label, options, value, hint, onChange }) {
  const input = h(
    'select',
    {},
    options.map((item) => h('option', { value: item.value, selected: item.value === value }, item.label)),
  );
  input.addEventListener('change', () => onChange?.(input.value));
  const { element, fail } = field(label, input, { hint });
  return {
    element,
    input,
    fail,
    get value() {
      return input.value;
    },
    set value(/** @type {string} */ next) {
      input.value = next;
    },
  };
}
