// @ts-check
/** Parts of a page that wait for an answer, and what is shown meanwhile and instead. */

import { clear, h } from '../../dom.js';
import { word } from '../../words.js';

/**
 * Fill an element with what a promise brings; a newer call for the same element wins.
 * @param {HTMLElement} panel
 * @param {() => Promise<import('../../dom.js').Child>} load
 */
export async function fill(panel, load) {
  const turn = (turns.get(panel) ?? 0) + 1;
  turns.set(panel, turn);
  panel.setAttribute('aria-busy', 'true');
  if (!panel.hasChildNodes()) clear(panel, h('p', { class: 'muted' }, word('model.loading')));
  let shown;
  try {
    shown = await load();
  } catch (error) {
    if (isAbort(error)) return;
    shown = problem(error);
  }
  if (turns.get(panel) !== turn) return;
  clear(panel, shown);
  panel.removeAttribute('aria-busy');
}

/** @type {WeakMap<HTMLElement, number>} */
const turns = new WeakMap();

/** @param {unknown} error */
export function problem(error) {
  return h('p', { class: 'note bad', role: 'alert' }, error instanceof Error ? error.message : String(error));
}

/** @param {unknown} error */
export function isAbort(error) {
  return error instanceof DOMException && error.name === 'AbortError';
}

/**
 * Questions of which only the last one's answer counts: a new one takes the old one back.
 * @template {unknown[]} A
 * @template R
 * @param {AbortSignal} signal of the page
 * @param {(signal: AbortSignal, ...args: A) => Promise<R>} ask
 * @param {(answer: R) => void} show
 * @param {(error: unknown) => void} fail
 * @returns {(...args: A) => Promise<void>}
 */
export function latest(signal, ask, show, fail) {
  /** @type {AbortController | null} */
  let current = null;
  return async (...args) => {
    current?.abort();
    const mine = new AbortController();
    current = mine;
    try {
      const answer = await ask(AbortSignal.any([signal, mine.signal]), ...args);
      if (current === mine) show(answer);
    } catch (error) {
      if (!isAbort(error) && current === mine) fail(error);
    }
  };
}
