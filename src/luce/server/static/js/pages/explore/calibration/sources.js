// @ts-check
// Logits whose labels are known: of a real model, or made up.

import { madeLogits } from '../../../maths/made_logits.js';

/** @typedef {import('../../../maths/calibration.js').Rows} Rows */

/** @type {Promise<Rows> | null} */
let digits = null;

/**
 * @param {import('./settings.js').Settings} settings
 * @returns {Promise<Rows>}
 */
export async function rowsOf(settings) {
  if (settings.source === 'made') return madeLogits(settings);
  digits ??= load();
  return digits;
}

/** The logits of a luce model on rows of its digits that it has not seen, in hundredths. */
async function load() {
  const answer = await fetch(new URL('../../../../data/digits_logits.json', import.meta.url));
  const { labels, hundredths, classes } = await answer.json();
  return {
    logits: Float64Array.from(hundredths.flat(), (z) => z / 100),
    labels: Int32Array.from(labels),
    classes,
  };
}

/**
 * Every other row: those that the temperature is learnt on, and those that it is judged by.
 * @param {Rows} rows @param {0 | 1} part
 * @returns {Rows}
 */
export function half({ logits, labels, classes }, part) {
  const chosen = Array.from({ length: labels.length }, (_, row) => row).filter((row) => row % 2 === part);
  return {
    logits: Float64Array.from(chosen.flatMap((row) => Array.from({ length: classes }, (_, j) => logits[row * classes + j]))),
    labels: Int32Array.from(chosen, (row) => labels[row]),
    classes,
  };
}
