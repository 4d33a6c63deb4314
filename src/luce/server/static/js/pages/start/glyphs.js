// @ts-check
/** Small drawings of what the Explore pages show. */

import { s } from '../../dom.js';

/** Each on 48 by 36, in strokes; `f` fills. @type {Record<string, readonly {d: string, f?: boolean, c?: number}[]>} */
const DRAWINGS = {
  softmax: [{ d: 'M6 30V22h8v8zM20 30V6h8v24zM34 30V17h8v13z', f: true }],
  curves: [{ d: 'M4 30C18 30 20 6 44 6' }, { d: 'M4 24h20L42 8', c: 1 }],
  losses: [{ d: 'M6 6C8 24 20 29 44 30' }, { d: 'M6 16C18 28 30 30 44 30', c: 1 }],
  playground: [{ d: 'M8 30L40 8' }, { d: 'M14 8a3 3 0 1 0 .1 0M24 14a3 3 0 1 0 .1 0', f: true }, { d: 'M30 22h6v6h-6zM18 26h6v6h-6z', f: true, c: 1 }],
  large: [{ d: 'M24 6v6M24 12L12 19M24 12L36 19M12 19L6 28M12 19L17 28M36 19L31 28M36 19L42 28' }, { d: 'M24 4a2.5 2.5 0 1 0 .1 0', f: true }],
  calibration: [{ d: 'M6 31L42 5', c: 9 }, { d: 'M6 31C16 29 22 24 26 16S36 7 42 5' }],
};

/** @param {string} name */
export function glyph(name) {
  const parts = (DRAWINGS[name] ?? []).map(({ d, f, c = 0 }) => {
    const colour = `var(--c${c})`;
    return s('path', { d, style: f ? { fill: colour } : { stroke: colour, fill: 'none', 'stroke-width': 2.2, 'stroke-linecap': 'round' } });
  });
  return s('svg', { viewBox: '0 0 48 36', width: 56, height: 42, 'aria-hidden': 'true' }, parts);
}
