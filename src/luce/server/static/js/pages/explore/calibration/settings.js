// @ts-check
// What the calibration page is set to, and how the address says it.

/**
 * @typedef {object} Settings
 * @property {'digits' | 'made'} source
 * @property {number} T
 * @property {number} bins
 * @property {'mass' | 'width'} binning
 * @property {number} rows of the made model
 * @property {number} classes
 * @property {number} sureness by what its logits are multiplied
 * @property {number} tilt what is added to the logits of its first class
 * @property {number} seed
 */

export const LEAST_T = 0.1;
export const MOST_T = 10;

/** @type {Settings} */
export const DEFAULTS = {
  source: 'made',
  T: 1,
  bins: 10,
  binning: 'width',
  rows: 2000,
  classes: 4,
  sureness: 2.5,
  tilt: 0,
  seed: 1,
};

/** @type {Record<string, [number, number]>} */
export const RANGES = {
  T: [LEAST_T, MOST_T],
  bins: [2, 30],
  rows: [100, 5000],
  classes: [2, 10],
  sureness: [0.1, 10],
  tilt: [0, 4],
  seed: [0, 999_999],
};

/**
 * @param {ReadonlyMap<string, string>} params
 * @returns {Settings}
 */
export function read(params) {
  const settings = { ...DEFAULTS };
  if (params.get('source') === 'digits') settings.source = 'digits';
  if (params.get('binning') === 'mass') settings.binning = 'mass';
  for (const [name, [low, high]] of Object.entries(RANGES)) {
    const value = params.has(name) ? Number(params.get(name) || NaN) : NaN;
    if (!(value >= low && value <= high)) continue;
    const whole = ['bins', 'rows', 'classes', 'seed'].includes(name);
    Object.assign(settings, { [name]: whole ? Math.round(value) : value });
  }
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
