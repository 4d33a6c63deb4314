// @ts-check
/** A reliability diagram: stated confidence against what came true, with intervals, and where the rows are. */

import { clear, s } from '../dom.js';
import { percent, word } from '../words.js';
import { drawAxes, frame } from './frame.js';
import { makeScale } from './scale.js';

/** @typedef {import('../maths/calibration.js').Bin} Bin */

const STRIP = 46; // pixels of the histogram of confidence below
const PARTS = 25; // of the histogram, of equal width whatever the bins

/**
 * @param {{caption: string, description?: string}} options
 * @returns {{element: HTMLElement, update(bins: readonly Bin[], confidence: Float64Array): void}}
 */
export function reliabilityChart({ caption, description = '' }) {
  /** @type {readonly Bin[]} */
  let bins = [];
  let parts = new Float64Array(PARTS); // rows in each part of the histogram
  const axes = s('g');
  const diagonal = s('line', { class: 'rule' });
  const marks = s('g');
  const strip = s('g');
  const chart = frame({
    caption,
    description,
    aspect: 1.06,
    maxWidth: 520,
    margin: { left: 56, right: 16, top: 30, bottom: 44 + STRIP },
    draw,
    table: () => ({
      columns: [
        { key: 'confidence', label: word('reliability.confidence'), numeric: true, show: (value) => percent(value, 1) },
        { key: 'accuracy', label: word('reliability.accuracy'), numeric: true, show: (value) => percent(value, 1) },
        { key: 'accuracyLow', label: word('reliability.from'), numeric: true, show: (value) => percent(value, 1) },
        { key: 'accuracyHigh', label: word('reliability.to'), numeric: true, show: (value) => percent(value, 1) },
        { key: 'count', label: word('reliability.rows'), numeric: true },
      ],
      rows: bins.map((bin) => ({ ...bin })),
    }),
  });
  chart.element.classList.add('reliability');
  chart.svg.append(axes, diagonal, marks, strip);

  /** @param {import('./frame.js').Plot} plot */
  function draw({ box, height }) {
    const x = makeScale([0, 1], [box.left, box.right]);
    const y = makeScale([0, 1], [box.bottom, box.top]);
    const share = (/** @type {number} */ value) => percent(value, 0);
    drawAxes(axes, {
      box, x, y,
      xLabel: word('reliability.confidence'),
      yLabel: word('reliability.accuracy'),
      xFormat: share,
      yFormat: share,
    });
    for (const [key, value] of Object.entries({ x1: x.at(0), y1: y.at(0), x2: x.at(1), y2: y.at(1) })) {
      diagonal.setAttribute(key, String(value));
    }
    clear(marks, bins.map((bin) => drawBin(bin, x, y)));
    const most = Math.max(1, ...parts);
    const wide = (box.right - box.left) / PARTS;
    clear(strip, Array.from(parts, (count, i) => {
      const tall = count ? Math.max(1, (count / most) * (STRIP - 6)) : 0;
      return s('rect', { class: 'reliability-count', x: box.left + i * wide, y: height - tall, width: wide - 1, height: tall });
    }));
  }

  return {
    element: chart.element,
    update(next, confidence) {
      bins = next;
      parts = new Float64Array(PARTS);
      for (const one of confidence) parts[Math.min(PARTS - 1, Math.floor(one * PARTS))] += 1;
      chart.redraw();
    },
  };
}

/**
 * A bin: its gap to the diagonal, the interval of its accuracy, and a dot.
 * @param {Bin} bin @param {import('./scale.js').Scale} x @param {import('./scale.js').Scale} y
 */
function drawBin({ confidence, accuracy, accuracyLow, accuracyHigh }, x, y) {
  const at = x.at(confidence);
  return s(
    'g',
    {},
    s('line', { class: 'reliability-gap', x1: at, x2: at, y1: y.at(confidence), y2: y.at(accuracy) }),
    s('line', { class: 'reliability-interval', x1: at, x2: at, y1: y.at(accuracyLow), y2: y.at(accuracyHigh) }),
    s('circle', { class: 'reliability-dot', cx: at, cy: y.at(accuracy), r: 4.5 }),
  );
}
