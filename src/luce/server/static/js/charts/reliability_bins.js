// @ts-check
/** Stated probabilities against what came true, bin by bin, with 95 % intervals. */

import { clear, h, s } from '../dom.js';
import { number, percent, word } from '../words.js';
import { drawAxes, frame } from './frame.js';
import { makeScale } from './scale.js';

/**
 * @typedef {object} Bin
 * @property {number} count
 * @property {number} confidence mean of the stated probabilities
 * @property {number} accuracy share that came true
 * @property {number} accuracy_low
 * @property {number} accuracy_high
 */

/**
 * @param {object} options
 * @param {string} options.caption
 * @param {readonly Bin[]} options.bins
 * @param {readonly Bin[]} [options.before] of the same rows without the calibration
 * @returns {HTMLElement}
 */
export function reliabilityBins({ caption, bins, before = [] }) {
  const axes = s('g');
  const marks = s('g', { class: 'reliability-marks' });
  const chart = frame({ caption, aspect: 1, maxWidth: 420, margin: { left: 48, top: 30, right: 16 }, draw, table: () => table(bins) });
  chart.svg.append(axes, marks);

  /** @param {import('./frame.js').Plot} plot */
  function draw({ box }) {
    const x = makeScale([0, 100], [box.left, box.right]);
    const y = makeScale([0, 100], [box.bottom, box.top]);
    drawAxes(axes, { box, x, y, xLabel: word('model.reliability.stated'), yLabel: word('model.reliability.true') });
    clear(
      marks,
      s('line', { class: 'rule', x1: x.at(0), x2: x.at(100), y1: y.at(0), y2: y.at(100) }),
      before.map((bin) => {
        const [cx, cy] = [x.at(100 * bin.confidence), y.at(100 * bin.accuracy)];
        return s('rect', { class: 'before', x: cx - 4, y: cy - 4, width: 8, height: 8 }, s('title', {}, told(bin)));
      }),
      bins.map((bin) => {
        const at = x.at(100 * bin.confidence);
        return [
          s('line', { class: 'interval', x1: at, x2: at, y1: y.at(100 * bin.accuracy_low), y2: y.at(100 * bin.accuracy_high) }),
          s('circle', { class: 'bin', cx: at, cy: y.at(100 * bin.accuracy), r: 4.5 }, s('title', {}, told(bin))),
        ];
      }),
    );
  }

  if (before.length > 0) {
    clear(chart.legend, key('bin', word('model.reliability.after')), key('before', word('model.reliability.before')));
  }
  return chart.element;
}

/**
 * @param {string} kind
 * @param {string} name
 */
function key(kind, name) {
  const mark = kind === 'bin' ? s('circle', { class: kind, cx: 6, cy: 6, r: 4.5 }) : s('rect', { class: kind, x: 2, y: 2, width: 8, height: 8 });
  return h('span', { class: 'key' }, s('svg', { width: 12, height: 12, class: 'reliability-marks', 'aria-hidden': 'true' }, mark), name);
}

/** @param {Bin} bin */
function told(bin) {
  return word('model.reliability.bin', { stated: percent(bin.confidence), came: percent(bin.accuracy), n: bin.count });
}

/** @param {readonly Bin[]} bins @returns {import('./frame.js').Table} */
function table(bins) {
  return {
    columns: [
      { key: 'stated', label: word('model.reliability.mean'), numeric: true },
      { key: 'came', label: word('model.reliability.came'), numeric: true },
      { key: 'interval', label: word('model.reliability.interval'), numeric: true },
      { key: 'count', label: word('model.count'), numeric: true },
    ],
    rows: bins.map((bin) => ({
      stated: percent(bin.confidence),
      came: percent(bin.accuracy),
      interval: `${percent(bin.accuracy_low)} – ${percent(bin.accuracy_high)}`,
      count: number(bin.count),
    })),
  };
}
