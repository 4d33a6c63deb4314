// @ts-check
/** Numbers with their sign. */

import { fixed } from '../../words.js';

/** @param {number} x */
export function signedText(x) {
  return (x > 0 ? '+' : '') + fixed(x, 2);
}
