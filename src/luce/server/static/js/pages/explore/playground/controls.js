// @ts-check
/** What the playground can be set to: points, model, training. */

import { letterOf } from '../../../charts/regions.js';
import { seriesColour } from '../../../colours.js';
import { clear, h } from '../../../dom.js';
import { MOST_DEGREE } from '../../../maths/features.js';
import { MOST_CLASSES, MOST_POINTS, SETS } from '../../../maths/point_sets.js';
import { choice } from '../../../widgets/choice.js';
import { checkbox, numberField, select } from '../../../widgets/field.js';
import { slider } from '../../../widgets/slider.js';
import { number, percent, word } from '../../../words.js';
import { BATCHES, PENALTIES, RATES, SPEEDS } from './settings.js';

/** @typedef {import('./settings.js').Settings} Settings */

/**
 * @param {Settings} settings
 * @param {{change: (changes: Partial<Settings>) => void, clear: () => void}} actions
 */
export function controls(settings, actions) {
  /** Widgets by the name of their setting, to be brought up to date. @type {Record<string, {value: any}>} */
  const widgets = {};
  /** @template {{element: HTMLElement, value: any}} W @param {keyof Settings} name @param {W} widget */
  const keep = (name, widget) => {
    widgets[name] = widget;
    return widget.element;
  };
  /** @param {'points' | 'classes' | 'noise' | 'degree' | 'units'} name @param {number} min @param {number} max @param {number} step */
  const range = (name, min, max, step) => {
    const onInput = (/** @type {number} */ value) => {
      const near = name === 'noise' ? value : Math.round(value);
      actions.change({ [name]: Math.max(min, Math.min(max, near)) });
    };
    const format = name === 'noise' ? (/** @type {number} */ value) => percent(value, 0) : undefined;
    return keep(name, slider({ label: word(`explore.playground.${name}`), min, max, step, value: settings[name], onInput, ...(format ? { format } : {}) }));
  };
  /** @param {'set' | 'optimizer'} name @param {readonly string[]} values @param {(value: string) => string} show */
  const pick = (name, values, show) =>
    keep(name, select({
      label: word(`explore.playground.${name}`),
      options: values.map((value) => ({ value, label: show(value) })),
      value: settings[name],
      onChange: (value) => actions.change({ [name]: value }),
    }));
  /** @param {'rate' | 'batch' | 'C' | 'speed'} name @param {readonly number[]} values @param {(value: number) => string} show */
  const step = (name, values, show) => {
    const some = values.includes(settings[name]) ? values : [...values, settings[name]];
    return keep(name, select({
      label: word(`explore.playground.${name}`),
      options: some.map((value) => ({ value: String(value), label: show(value) })),
      value: String(settings[name]),
      onChange: (value) => actions.change({ [name]: Number(value) }),
    }));
  };
  /** @template {string} V @param {'model' | 'activation' | 'mode'} name @param {readonly V[]} values @param {(value: V) => string} show */
  const bar = (name, values, show) =>
    keep(name, choice({
      label: word(`explore.playground.${name}`),
      options: values.map((value) => ({ value, label: show(value) })),
      value: settings[name],
      onChange: (value) => actions.change({ [name]: value }),
    }));

  const seed = numberField({
    label: word('explore.playground.seed'),
    value: settings.seed,
    min: 0,
    max: 999_999,
    step: 1,
    onInput: (value) => actions.change({ seed: value }),
  });
  widgets['seed'] = seed;
  const compare = checkbox({ label: word('explore.playground.compare'), checked: settings.compare, onChange: (checked) => actions.change({ compare: checked }) });
  widgets['compare'] = compare;

  const degree = range('degree', 2, MOST_DEGREE, 1);
  const units = h('div', { class: 'playground-units' }, range('units', 1, 32, 1), bar('activation', ['tanh', 'relu'], (value) => word(`explore.playground.activation.${value}`)));
  const labels = h('div', { class: 'letters segments' });
  const tools = h(
    'div',
    { class: 'playground-tools' },
    h('fieldset', { class: 'field choice' }, h('legend', {}, word('explore.playground.label')), labels),
    bar('mode', ['place', 'remove'], (value) => word(`explore.playground.mode.${value}`)),
    h('button', { type: 'button', onclick: actions.clear }, word('explore.playground.clear')),
  );
  const element = h(
    'div',
    { class: 'playground-controls' },
    group(word('explore.playground.points.group'),
      pick('set', SETS, (value) => word(`explore.playground.set.${value}`)),
      range('classes', 2, MOST_CLASSES, 1),
      range('points', 20, MOST_POINTS, 20),
      range('noise', 0, 1, 0.05),
      seed.element,
    ),
    group(word('explore.playground.model.group'), bar('model', ['linear', 'polynomial', 'hidden'], (value) => word(`explore.playground.model.${value}`)), degree, units, compare.element),
    group(word('explore.playground.training.group'),
      pick('optimizer', ['adam', 'sgd'], (value) => word(`explore.playground.optimizer.${value}`)),
      step('rate', RATES, (value) => number(value)),
      step('batch', BATCHES, (value) => (value ? number(value) : word('explore.playground.batch.all'))),
      step('C', PENALTIES, (value) => (value === Infinity ? word('explore.playground.C.none') : number(value))),
      step('speed', SPEEDS, (value) => word('explore.playground.speed.steps', { n: value })),
    ),
  );
  /** @type {HTMLInputElement[]} */
  let inputs = [];
  const update = (/** @type {Settings} */ now) => {
    for (const [name, widget] of Object.entries(widgets)) {
      const value = now[/** @type {keyof Settings} */ (name)];
      const next = ['rate', 'batch', 'C', 'speed'].includes(name) ? String(value) : value;
      if (widget.value !== next) widget.value = next;
    }
    degree.hidden = now.model !== 'polynomial';
    units.hidden = now.model !== 'hidden';
    if (inputs.length !== now.classes) {
      inputs = Array.from({ length: now.classes }, (_, j) => radio(j));
      clear(labels, inputs.map((input, j) => h('label', {}, input, swatch(j))));
    }
    inputs.forEach((input, j) => {
      input.checked = j === now.label;
    });
  };
  update(settings);
  return { element, tools, update };

  /** @param {number} label of the next point */
  function radio(label) {
    return h('input', { type: 'radio', name: 'playground-label', value: label, onchange: () => actions.change({ label }) });
  }

  /** @param {string} title @param {...(HTMLElement | null)} parts */
  function group(title, ...parts) {
    return h('section', { class: 'panel' }, h('h2', {}, title), parts);
  }
}

/** The letter of a class on its colour. @param {number} label */
function swatch(label) {
  return h('span', { class: 'swatch', style: { '--own': seriesColour(label) } }, letterOf(label));
}
