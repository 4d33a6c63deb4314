// @ts-check
/** Numbers with their sign. */

import { fixed, number } from '../../words.js';

/**
 * Two decimals; what they would show as nothing keeps its first digit, and its sign its sense.
 * @param {number} x
 */
export function signedText(x) {
  return (x > 0 ? '+' : '') + (x !== 0 && Math.abs(x) < 0.005 ? number(x, 1) : fixed(x, 2));
}
