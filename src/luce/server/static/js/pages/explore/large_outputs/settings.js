// @ts-check
// What the page of large outputs is set to, and how the address says it.

/**
 * @typedef {object} Settings
 * @property {number} words
 * @property {number} width
 * @property {number} rows
 * @property {number} zipf
 * @property {string} cutoffs as typed
 * @property {number} shrink
 * @property {number} samples
 * @property {number} bytes
 * @property {string | null} counts words with their counts, as typed; null takes the example
 * @property {string} way from the root of the tree, a 0 or 1 for each step
 * @property {string} choices logits set by hand, `node:logit` joined by commas
 */

/** @type {Settings} */
export const DEFAULTS = {
  words: 30_000,
  width: 200,
  rows: 700,
  zipf: 1,
  cutoffs: '2000, 8000',
  shrink: 4,
  samples: 1024,
  bytes: 4,
  counts: null,
  way: '',
  choices: '',
};

/** @type {Record<string, [number, number]>} */
export const RANGES = {
  words: [10, 10_000_000],
  width: [1, 65_536],
  rows: [1, 10_000_000],
  zipf: [0, 2],
  shrink: [1, 16],
  samples: [1, 1_000_000],
  bytes: [1, 8],
};

/** Known sizes to begin with: what they are called in the words, and what they are. */
export const PRESETS = {
  small: { words: 10_000, width: 200, rows: 700, cutoffs: '1000, 4000', samples: 500, bytes: 4 },
  novels: { words: 30_000, width: 200, rows: 700, cutoffs: '2000, 8000', samples: 1024, bytes: 4 },
  llm: { words: 128_000, width: 4096, rows: 8192, cutoffs: '8000, 32000', samples: 8192, bytes: 2 },
  shop: { words: 10_000_000, width: 128, rows: 4096, cutoffs: '100000, 1000000', samples: 16_384, bytes: 4 },
};

/**
 * @param {ReadonlyMap<string, string>} params
 * @returns {Settings}
 */
export function read(params) {
  const settings = { ...DEFAULTS };
  for (const [name, [low, high]] of Object.entries(RANGES)) {
    const value = params.has(name) ? Number(params.get(name) || NaN) : NaN;
    if (!(value >= low && value <= high)) continue;
    const whole = name !== 'zipf' && name !== 'shrink';
    Object.assign(settings, { [name]: whole ? Math.round(value) : value });
  }
  settings.cutoffs = params.get('cutoffs') ?? settings.cutoffs;
  settings.counts = params.get('counts') ?? null;
  settings.way = (params.get('way') ?? '').replace(/[^01]/g, '');
  settings.choices = params.get('choices') ?? '';
  return settings;
}

/**
 * @param {Settings} settings
 * @returns {Record<string, string | number | null>}
 */
export function written(settings) {
  return Object.fromEntries(
    Object.entries(settings).map(([name, value]) => [
      name,
      value === DEFAULTS[/** @type {keyof Settings} */ (name)] ? null : value,
    ]),
  );
}

/**
 * Cutoffs as typed: increasing whole numbers below the number of words.
 * @param {string} text @param {number} words
 * @returns {number[] | null} null if they are not that
 */
export function parsedCutoffs(text, words) {
  const parts = text.split(/[\s,;，、；]+/).filter(Boolean).map(Number);
  const rising = parts.every((cut, i) => Number.isInteger(cut) && cut > (i ? parts[i - 1] : 0) && cut < words);
  return rising ? parts : null;
}

/** @typedef {{word: string, count: number}} Counted */

export const MOST_WORDS = 40;

/**
 * Words with counts, one a line (or between `~`): the last number of a line is its count.
 * @param {string} text
 * @returns {{words: Counted[], wrong: string[]}} wrong: lines that say nothing
 */
export function parsedCounts(text) {
  const words = /** @type {Counted[]} */ ([]);
  const wrong = [];
  for (const line of text.split(/[\n~]/).map((one) => one.trim()).filter(Boolean)) {
    const found = /^(.+?)[\s:：,，]+(\d{1,12})$/.exec(line);
    if (found && words.length < MOST_WORDS) words.push({ word: found[1], count: Number(found[2]) });
    else wrong.push(line);
  }
  return { words, wrong };
}

/**
 * Logits set by hand.
 * @param {string} text @param {number} nodes
 * @returns {Map<number, number>}
 */
export function parsedChoices(text, nodes) {
  const pairs = text.split(',').map((pair) => pair.split(':').map(Number));
  return new Map(
    pairs.flatMap(([node, z]) => (Number.isInteger(node) && node >= 0 && node < nodes && Math.abs(z) <= 10 ? [[node, z]] : [])),
  );
}

/** @param {ReadonlyMap<number, number>} choices */
export function writtenChoices(choices) {
  return [...choices].map(([node, z]) => `${node}:${z}`).join(',');
}
