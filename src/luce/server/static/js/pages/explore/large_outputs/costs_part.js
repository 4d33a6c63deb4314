// @ts-check
/** Multiply-adds and bytes of five output layers, for sizes that one types. */

import { barChart } from '../../../charts/bars.js';
import { lineChart } from '../../../charts/line.js';
import { h } from '../../../dom.js';
import { HEADS, costs, fusedBytes } from '../../../maths/costs.js';
import { choice } from '../../../widgets/choice.js';
import { numberField, textField } from '../../../widgets/field.js';
import { slider } from '../../../widgets/slider.js';
import { dataTable } from '../../../widgets/table.js';
import { language, number, word } from '../../../words.js';
import { PRESETS, RANGES, parsedCutoffs } from './settings.js';

/** @typedef {import('./settings.js').Settings} Settings */
/** @typedef {import('../../../maths/costs.js').HeadName} HeadName */

const PAUSE = 150; // milliseconds after the last key until large trees are built

/**
 * @param {Settings} settings
 * @param {(changes: Partial<Settings>) => void} change
 */
export function costsPart(settings, change) {
  let timer = 0;
  let cuts = /** @type {number[]} */ ([]); // the last ones that can be
  /** @param {Partial<Settings>} changes */
  const changed = (changes) => {
    change(changes);
    clearTimeout(timer);
    timer = window.setTimeout(update, PAUSE);
  };
  /** @param {'words' | 'width' | 'rows' | 'samples' | 'shrink'} name */
  const numeric = (name) => {
    const [min, max] = RANGES[name];
    const step = name === 'shrink' ? 0.5 : 1;
    return numberField({ label: word(`explore.large.${name}`), value: settings[name], min, max, step, onInput: (value) => changed({ [name]: value }) });
  };
  const fields = { words: numeric('words'), width: numeric('width'), rows: numeric('rows'), samples: numeric('samples'), shrink: numeric('shrink') };
  const cutoffs = textField({ label: word('explore.large.cutoffs'), value: settings.cutoffs, hint: word('explore.large.cutoffs.hint'), onInput: (value) => changed({ cutoffs: value }) });
  const bytes = choice({
    label: word('explore.large.bytes'),
    options: [{ value: '4', label: word('explore.large.bytes.4') }, { value: '2', label: word('explore.large.bytes.2') }],
    value: settings.bytes === 2 ? '2' : '4',
    onChange: (value) => changed({ bytes: Number(value) }),
  });
  const zipf = slider({ label: word('explore.large.zipf'), min: 0, max: 2, step: 0.05, value: settings.zipf, onInput: (value) => changed({ zipf: Math.max(0, Math.min(2, value)) }) });
  const presets = Object.entries(PRESETS).map(([name, sizes]) =>
    h('button', {
      type: 'button',
      class: 'small',
      onclick: () => {
        for (const [field, widget] of Object.entries(fields)) {
          const value = Object.entries(sizes).find(([key]) => key === field)?.[1];
          if (typeof value === 'number') widget.value = value;
        }
        cutoffs.value = sizes.cutoffs;
        bytes.value = String(sizes.bytes);
        changed(sizes);
      },
    }, word(`explore.large.preset.${name}`)),
  );

  const bars = barChart({ caption: word('explore.large.bars'), labels: HEADS.map(name), values: HEADS.map(() => 0), horizontal: true, min: 0, format: amount, valueLabel: word('explore.large.products') });
  const table = dataTable({ caption: word('explore.large.table'), columns: columns(), rows: [] });
  const fused = h('p', { class: 'hint' });
  const curve = lineChart({
    caption: word('explore.large.curve'),
    x: { label: word('explore.large.words'), scale: 'log' },
    y: { label: word('explore.large.products'), scale: 'log' },
    series: [],
    height: 300,
  });
  const element = h('div', { class: 'stack' },
    h('div', { class: 'row', role: 'group', 'aria-label': word('explore.large.presets') }, presets),
    h('div', { class: 'split' },
    h('div', {},
      h('section', { class: 'panel large-controls' },
        fields.words.element, fields.width.element, fields.rows.element, bytes.element, zipf.element,
        h('p', { class: 'hint' }, word('explore.large.zipf.hint')),
        cutoffs.element, fields.shrink.element, fields.samples.element,
      ),
    ),
      h('div', { class: 'stack' }, bars.element, curve.element, fused),
    ),
    table.element,
  );
  update();
  return { element, stop: () => clearTimeout(timer) };

  function update() {
    const typed = parsedCutoffs(settings.cutoffs, settings.words);
    cuts = typed ?? cuts.filter((cut) => cut < settings.words);
    cutoffs.fail(typed ? null : word('explore.large.cutoffs.wrong', { most: settings.words - 1 }));
    const sizes = { ...settings, cutoffs: cuts };
    const found = costs(sizes);
    bars.update({ values: HEADS.map((head) => found[head].products) });
    table.update(HEADS.map((head) => rowOf(head, found)));
    fused.textContent = word('explore.large.fused', { bytes: size(fusedBytes(found.full.logits, settings.bytes)), plain: size(found.full.logits * settings.bytes) });
    const places = decades(settings.words);
    const at = places.map((words) => costs({ ...sizes, words, cutoffs: sizes.cutoffs.map((cut) => Math.round((cut / settings.words) * words)).filter((cut, i, all) => cut > (i ? all[i - 1] : 0) && cut < words) }));
    const power = Math.max(0, 3 * Math.floor(Math.log10(Math.max(...at.map((one) => one.full.products))) / 3) - 3);
    const unit = 10 ** power; // short numbers at the axis
    curve.update({
      y: { label: word('explore.large.productsIn', { unit: `10${superscript(power)}` }), scale: 'log' },
      series: HEADS.map((head) => ({ name: name(head), x: places, y: at.map((one) => one[head].products / unit) })),
      rules: [{ value: settings.words, axis: 'x', label: word('explore.large.now') }],
    });
  }

  /** @param {HeadName} head @param {Record<HeadName, import('../../../maths/costs.js').Cost>} found */
  function rowOf(head, found) {
    const cost = found[head];
    return {
      head: name(head),
      products: cost.products,
      less: found.full.products / cost.products,
      parameters: cost.parameters,
      training: 4 * cost.parameters * settings.bytes, // weights, gradient and the two means of Adam
      logits: cost.logits * settings.bytes + cost.tables,
      answer: cost.answer,
    };
  }
}

/** @param {HeadName} head */
function name(head) {
  return word(`explore.large.head.${head}`);
}

function columns() {
  const count = (/** @type {number} */ x) => number(x, 3);
  return [
    { key: 'head', label: word('explore.large.head') },
    { key: 'products', label: word('explore.large.products'), numeric: true, show: amount },
    { key: 'less', label: word('explore.large.less'), numeric: true, show: (/** @type {number} */ x) => word('explore.large.times', { x: count(x) }) },
    { key: 'parameters', label: word('explore.large.parameters'), numeric: true, show: amount },
    { key: 'training', label: word('explore.large.training'), numeric: true, show: size },
    { key: 'logits', label: word('explore.large.logits'), numeric: true, show: size },
    { key: 'answer', label: word('explore.large.answer'), numeric: true, show: amount },
  ];
}

/** A count; a large one as the language says it: 4.2 billion, 42亿. @param {number} x */
function amount(x) {
  if (x < 1e6) return number(Math.round(x));
  const style = /** @type {const} */ ({ notation: 'compact', compactDisplay: 'long', maximumSignificantDigits: 3 });
  return new Intl.NumberFormat(language() === 'zh' ? 'zh-CN' : 'en', style).format(x);
}

/** @param {number} power */
function superscript(power) {
  return String(power).replace(/\d/g, (digit) => '⁰¹²³⁴⁵⁶⁷⁸⁹'[Number(digit)] ?? '');
}

/** Bytes in a unit that fits. @param {number} bytes */
function size(bytes) {
  const units = ['B', 'kB', 'MB', 'GB', 'TB', 'PB'];
  const step = bytes < 1000 ? 0 : Math.min(5, Math.floor(Math.log10(bytes) / 3));
  return `${number(bytes / 1000 ** step, 3)} ${units[step]}`;
}

/** Vocabularies at half decades, with the one that was typed. @param {number} words */
function decades(words) {
  const top = Math.max(6, Math.ceil(Math.log10(words)));
  const all = Array.from({ length: 2 * (top - 2) + 1 }, (_, i) => Math.round(10 ** (2 + i / 2)));
  return [...new Set([...all, words])].sort((a, b) => a - b);
}
