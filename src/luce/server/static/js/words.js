// @ts-check
/** The page's words in the reader's language, and numbers as that language writes them. */

export const LANGUAGES = /** @type {const} */ (['en', 'zh']);
/** @typedef {'en' | 'zh'} Language */

const LOADERS = {
  en: () => import('./words/en.js'),
  zh: () => import('./words/zh.js'),
};

/** @type {Record<string, string>} */
let words = {};
/** @type {Language} */
let spoken = 'en';

/** @returns {Language} */
export function language() {
  return spoken;
}

/**
 * Load a language; everything that is shown afterwards speaks it.
 * @param {Language} name
 */
export async function setLanguage(name) {
  words = (await LOADERS[name]()).words;
  spoken = name;
}

/**
 * Words in use, for tests without a browser.
 * @param {Language} name
 * @param {Record<string, string>} dictionary
 */
export function useWords(name, dictionary) {
  words = dictionary;
  spoken = name;
}

/**
 * The words of a key. `{n}` is a place for a value, `{n|row|rows}` one of two words by its number.
 * @param {string} key
 * @param {Record<string, string | number>} [values] numbers are written as the language does
 * @returns {string}
 */
export function word(key, values = {}) {
  const text = words[key];
  if (text === undefined) {
    console.error(`No words for ${key} in ${spoken}`);
    return key;
  }
  return text.replace(/\{(\w+)(?:\|([^|}]*)\|([^}]*))?\}/g, (_, name, one, many) => {
    const value = values[name];
    if (one !== undefined) return Number(value) === 1 ? one : many;
    return typeof value === 'number' ? number(value) : String(value);
  });
}

/** @returns {boolean} whether there are words for a key */
export function hasWord(/** @type {string} */ key) {
  return key in words;
}

/**
 * A number for people: whole numbers in full, others with so many significant digits, very large
 * and very small ones with a power of ten, with a true minus sign.
 * @param {number | null | undefined} x null is a number that there is not
 * @param {number} [digits]
 * @returns {string}
 */
export function number(x, digits = 4) {
  if (x === null || x === undefined) return '–';
  if (Number.isNaN(x)) return 'NaN';
  if (!Number.isFinite(x)) return x > 0 ? '∞' : '−∞';
  const size = Math.abs(x);
  if (size !== 0 && (size < 1e-4 || size >= 1e15 || (size >= 1e7 && !Number.isInteger(x)))) {
    const [mantissa, exponent] = x.toExponential(Math.max(digits - 2, 0)).split('e');
    const plain = String(Number(mantissa)).replace('-', '−');
    return `${plain}\u202f×\u202f10${superscript(Number(exponent))}`;
  }
  const options = Number.isInteger(x) ? {} : { maximumSignificantDigits: Math.max(digits, wholeDigits(size)) };
  return formatter(options).format(x === 0 ? 0 : x).replace('-', '−'); // 0, not −0
}

/**
 * A number with a fixed count of digits after the point, for columns that must align.
 * @param {number | null | undefined} x
 * @param {number} digits
 * @returns {string}
 */
export function fixed(x, digits) {
  if (x === null || x === undefined || !Number.isFinite(x)) return number(x);
  const options = { minimumFractionDigits: digits, maximumFractionDigits: digits };
  return formatter(options).format(x).replace('-', '−');
}

/**
 * A share as per cent; what is not quite 0 or 100 is not shown as if it were. U+202F is a narrow
 * blank at which no line breaks.
 * @param {number | null | undefined} share between 0 and 1
 * @param {number} [digits] after the point
 * @returns {string}
 */
export function percent(share, digits = 1) {
  if (share === null || share === undefined || !Number.isFinite(share)) return number(share);
  const least = 10 ** -digits;
  if (share > 0 && share * 100 < least / 2) return `<\u202f${fixed(least, digits)}\u202f%`;
  if (share < 1 && share * 100 > 100 - least / 2) return `>\u202f${fixed(100 - least, digits)}\u202f%`;
  return `${fixed(share * 100, digits)}\u202f%`;
}

/** @type {Map<string, Intl.NumberFormat>} */
const formatters = new Map();
/** @param {Intl.NumberFormatOptions} options */
function formatter(options) {
  const key = spoken + JSON.stringify(options);
  let found = formatters.get(key);
  if (!found) {
    found = new Intl.NumberFormat(spoken === 'zh' ? 'zh-CN' : 'en', options);
    formatters.set(key, found);
  }
  return found;
}

/** @param {number} size */
function wholeDigits(size) {
  return size < 1 ? 1 : Math.floor(Math.log10(size)) + 1;
}

/** @param {number} exponent */
function superscript(exponent) {
  return String(exponent).replace(/[-\d]/g, (c) => (c === '-' ? '⁻' : '⁰¹²³⁴⁵⁶⁷⁸⁹'[Number(c)] ?? c));
}
