// @ts-check
/** A form made from the table of options: the basic ones at once, the others folded. */

import { clear, h } from '../../dom.js';
import { choice } from '../../widgets/choice.js';
import { field, select } from '../../widgets/field.js';
import { language, word } from '../../words.js';
import { complaint, setting } from './command.js';
import { helpOf, labelOf } from './option_words.js';

/** @typedef {import('./command.js').Option} Option */
/** @typedef {import('./command.js').Settings} Settings */
/** @typedef {{option: Option, element: HTMLElement, read: () => string, fail: (message: string | null) => void}} Field */

/** Options that have a place of their own: columns on the Data page. */
const ELSEWHERE = ['target', 'text', 'ignore', 'no_header', 'split'];

/**
 * @param {readonly Option[]} table
 * @param {Settings} initial
 * @param {(settings: Settings, isGood: boolean) => void} onChange
 * @returns {{element: HTMLElement, settings(): Settings, check(): boolean}}
 */
export function optionForm(table, initial, onChange) {
  const basic = h('div', { class: 'fields' });
  const more = h('div', { class: 'fields' });
  const shown = table.filter((option) => !ELSEWHERE.includes(option.name));
  const fields = shown.map((option) => makeField(option, initial[option.name], changed));
  const folded = h('details', { class: 'more' }, h('summary', {}, word('train.more')), more);
  if (shown.some((option) => !option.basic && initial[option.name] !== undefined)) folded.open = true;
  arrange();

  function changed() {
    arrange();
    onChange(settings(), check());
  }

  /** Options of the other model are not there; a field that has the focus stays where it is. */
  function arrange() {
    const model = String(settings().model ?? 'linear');
    for (const [place, isBasic] of /** @type {const} */ ([[basic, true], [more, false]])) {
      const wanted = fields.filter((one) => one.option.basic === isBasic && [null, model].includes(one.option.only_of)).map((one) => one.element);
      if (wanted.some((element, i) => place.children[i] !== element) || place.childElementCount !== wanted.length) {
        const focused = document.activeElement;
        clear(place, wanted);
        if (focused instanceof HTMLElement && place.contains(focused)) focused.focus();
      }
    }
  }

  /** @returns {Settings} */
  function settings() {
    /** @type {Settings} */
    const found = {};
    const model = fields.find((one) => one.option.name === 'model')?.read() ?? 'linear';
    for (const { option, read } of fields) {
      const value = setting(option, read());
      if (value !== undefined && [null, model].includes(option.only_of)) found[option.name] = value;
    }
    return found;
  }

  function check() {
    let isGood = true;
    for (const { option, read, fail } of fields) {
      const wrong = complaint(option, read());
      fail(wrong ? word(wrong.key, wrong.values) : null);
      if (wrong) isGood = false;
    }
    return isGood;
  }

  return { element: h('div', { class: 'tight' }, basic, folded), settings, check };
}

/**
 * @param {Option} option
 * @param {string | number | boolean | undefined} value
 * @param {() => void} onChange
 * @returns {Field}
 */
function makeField(option, value, onChange) {
  const label = labelOf(option.name, language());
  const hint = helpOf(option, language());
  const given = value === undefined ? '' : String(value);
  if (option.name === 'model') {
    const options = option.choices.map((name) => ({ value: name, label: word(`train.model.${name}`) }));
    const control = choice({ label, options, value: given || String(option.default), onChange });
    control.element.append(h('p', { class: 'hint' }, hint));
    control.element.classList.add('wide');
    return { option, element: control.element, read: () => control.value, fail: () => {} };
  }
  if (option.choices.length) {
    const none = option.default === null ? [{ value: '', label: word('train.unset') }] : [];
    const options = [...none, ...option.choices.map((name) => ({ value: name, label: name }))];
    const control = select({ label, options, value: given || String(option.default ?? ''), hint, onChange });
    return { option, element: control.element, read: () => control.value, fail: control.fail };
  }
  // Numbers are typed as text: 1e-4 is one, and what is no number can be told.
  const unset = option.kind === 'text' ? word('train.unset') : word('train.auto');
  const placeholder = option.default === null ? unset : String(option.default);
  const input = h('input', { type: 'text', placeholder, autocomplete: 'off', spellcheck: 'false', inputmode: option.kind === 'text' ? null : 'decimal' });
  input.value = given;
  input.addEventListener('input', onChange);
  const { element, fail } = field(label, input, { hint });
  return { option, element, read: () => input.value, fail };
}
