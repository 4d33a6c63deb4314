// @ts-check
/**
 * What a page shows, and how it follows: changes are gathered, drawn once in the next frame, and
 * written to the address a few times a second (browsers refuse more).
 */

const PAUSE = 300; // milliseconds between two changes of the address

/**
 * @template {Record<string, any>} S
 * @typedef {object} Store
 * @property {S} state
 * @property {(changes: Partial<S>) => void} change
 * @property {(listener: (state: S) => void) => () => void} listen is called at once, then after
 *   changes; returns what ends it
 * @property {() => void} close
 */

/**
 * @template {Record<string, any>} S
 * @param {import('../../../page.js').View} view
 * @param {S} state
 * @param {(state: S) => Record<string, string | number | null>} address what the address says of it
 * @param {(state: S) => void} [derive] fills in what follows from the rest, before listeners hear
 * @returns {Store<S>}
 */
export function makeStore(view, state, address, derive = () => {}) {
  /** @type {Set<(state: S) => void>} */
  const listeners = new Set();
  let frame = 0;
  let timer = 0;
  let saved = -Infinity;
  const draw = () => {
    frame = 0;
    derive(state);
    for (const listener of listeners) listener(state);
  };
  const save = () => {
    timer = 0;
    saved = performance.now();
    view.set(address(state));
  };
  derive(state);
  return {
    state,
    change(changes) {
      Object.assign(state, changes);
      if (!frame) frame = requestAnimationFrame(draw);
      const wait = PAUSE - (performance.now() - saved);
      if (!timer) timer = window.setTimeout(afterwards, Math.max(0, wait), save);
    },
    listen(listener) {
      listeners.add(listener);
      listener(state);
      return () => listeners.delete(listener);
    },
    close() {
      cancelAnimationFrame(frame);
      clearTimeout(timer);
      listeners.clear();
    },
  };
}

/**
 * Do it when no picture is due: a change of the address takes as long as a quarter of one. Not
 * every browser tells when that is.
 * @param {() => void} action
 */
function afterwards(action) {
  if (window.requestIdleCallback) window.requestIdleCallback(action, { timeout: PAUSE });
  else action();
}

/** Numbers of a list in the address: `2,1,-inf`. Null if one of them is no number.
 * @param {string} text @returns {number[] | null} */
export function parseNumbers(text) {
  const words = text.trim().split(/[\s,;，、]+/).filter(Boolean);
  const numbers = words.map(parseNumber);
  return numbers.length && !numbers.includes(null) ? /** @type {number[]} */ (numbers) : null;
}

/** @param {string} word @returns {number | null} */
function parseNumber(word) {
  const plain = word.replace('−', '-').toLowerCase();
  const infinite = /^([+-]?)(inf|infinity|∞)$/.exec(plain);
  if (infinite) return infinite[1] === '-' ? -Infinity : Infinity;
  if (plain === 'nan') return NaN;
  return /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/.test(plain) ? Number(plain) : null;
}

/** @param {ArrayLike<number>} numbers @returns {string} */
export function formatNumbers(numbers) {
  return Array.from(numbers, formatNumber).join(',');
}

/** The shortest text that stands for just this number. @param {number} x @returns {string} */
export function formatNumber(x) {
  if (Number.isFinite(x)) return String(x).replace('e+', 'e');
  return Number.isNaN(x) ? 'nan' : x > 0 ? 'inf' : '-inf';
}

/** A number of the address within limits, or what stands for it.
 * @param {string | undefined} text @param {number} otherwise @param {number} low @param {number} high */
export function within(text, otherwise, low, high) {
  const x = text === undefined ? null : parseNumber(text);
  return x === null || !(x >= low && x <= high) ? otherwise : x;
}
