// @ts-check
/** A range and a number field that show one value: drag it, step it by keys, or type it. */

import { freshId, h } from '../dom.js';
import { word } from '../words.js';

const STEPS = 200; // of a logarithmic range

/**
 * @param {{label: string, min: number, max: number, step: number, value: number,
 *   scale?: 'linear' | 'log', format?: (value: number) => string, onInput: (value: number) => void}} options
 *   scale: 'log' makes equal ways equal ratios (min must be above 0); format: what a screen reader
 *   says. The number field takes what lies beyond the ends of the range as well, if it is finite.
 * @returns {{element: HTMLElement, value: number}}
 */
export function slider({ label, min, max, step, value, scale = 'linear', format, onInput }) {
  const log = scale === 'log';
  // On a logarithmic range whole steps are counted: sums of logarithms would miss its upper end.
  const toRange = (/** @type {number} */ x) => (log ? (STEPS * Math.log(x / min)) / Math.log(max / min) : x);
  const ofRange = (/** @type {number} */ x) => (log ? round(min * (max / min) ** (x / STEPS)) : x);
  const id = freshId('slider');
  const range = h('input', {
    type: 'range',
    id,
    min: log ? 0 : min,
    max: log ? STEPS : max,
    step: log ? 1 : step,
  });
  const number = h('input', { type: 'number', step: 'any', inputmode: 'decimal', 'aria-label': word('widget.exactly', { label }) });
  let now = value;
  const show = (/** @type {Element | null} */ except) => {
    if (except !== range) range.value = String(toRange(now));
    if (except !== number) number.value = String(now);
    const share = (Math.min(max, Math.max(min, now)) - min) / (max - min || 1);
    range.style.setProperty('--share', String(log ? (Math.log(Math.max(now, min)) - Math.log(min)) / (Math.log(max) - Math.log(min)) : share));
    if (format || log) range.setAttribute('aria-valuetext', format ? format(now) : String(now));
  };
  range.addEventListener('input', () => {
    now = ofRange(range.valueAsNumber);
    show(range);
    onInput(now);
  });
  number.addEventListener('input', () => {
    if (!Number.isFinite(number.valueAsNumber) || (log && number.valueAsNumber <= 0)) return;
    now = number.valueAsNumber;
    show(number);
    onInput(now);
  });
  number.addEventListener('blur', () => show(null));
  show(null);
  return {
    element: h('div', { class: 'field slider' }, h('label', { for: id }, label), h('div', { class: 'pair' }, range, number)),
    get value() {
      return now;
    },
    set value(next) {
      now = next;
      show(null);
    },
  };
}

/** Three significant digits are what a hand can set on a range. @param {number} x */
function round(x) {
  return Number(x.toPrecision(3));
}
