// @ts-check
/** Formulas from function calls, as MathML: the browser sets and reads them out itself. */

import { add, set } from '../../../dom.js';

const MATHML = 'http://www.w3.org/1998/Math/MathML';

/** @typedef {import('../../../dom.js').Child} Child */

/** @param {string} tag @param {Record<string, any>} attributes @param {...Child} children @returns {MathMLElement} */
export function m(tag, attributes, ...children) {
  const element = document.createElementNS(MATHML, tag);
  set(/** @type {any} */ (element), attributes);
  add(element, children);
  return /** @type {MathMLElement} */ (element);
}

/** A whole formula on its own line. @param {...Child} children */
export function formula(...children) {
  return m('math', { display: 'block', class: 'formula' }, row(...children));
}

/** A formula within a sentence. @param {...Child} children */
export function inline(...children) {
  return m('math', {}, row(...children));
}

/** @param {...Child} children */
export function row(...children) {
  return m('mrow', {}, children.map(part));
}

/** @param {Child} above @param {Child} below */
export function frac(above, below) {
  return m('mfrac', {}, part(above), part(below));
}

/** @param {Child} base @param {Child} exponent */
export function sup(base, exponent) {
  return m('msup', {}, part(base), part(exponent));
}

/** @param {Child} base @param {Child} index */
export function sub(base, index) {
  return m('msub', {}, part(base), part(index));
}

/** @param {string} sign */
export function op(sign) {
  return m('mo', { stretchy: /[()[\]|]/.test(sign) ? 'false' : null }, sign);
}

/** Words within a formula. @param {string} text */
export function text(text) {
  return m('mtext', {}, text);
}

/** The logarithm, with the space that follows the name of a function. */
export function log() {
  return row(m('mi', {}, 'log'), m('mspace', { width: '0.2em' }));
}

/** A sum over an index. @param {string} index */
export function sumOver(index) {
  return m('munder', {}, op('∑'), m('mi', {}, index));
}

/**
 * Letters become names, numbers numbers, and signs operators; elements stay what they are.
 * @param {Child} child @returns {Child}
 */
function part(child) {
  if (typeof child === 'number') return m('mn', {}, child);
  if (typeof child !== 'string') return Array.isArray(child) ? row(...child) : child;
  if (/^[−\d.,\u202f×⁰¹²³⁴⁵⁶⁷⁸⁹⁻∞%]+$/.test(child) && /[\d∞]/.test(child)) return m('mn', {}, child);
  if (/^[=+−×·/()[\]|,≤≥<>→…⋯∂Δ′∑≈]+$/.test(child)) return op(child);
  return m('mi', {}, child);
}
