// @ts-check
/** Probabilities as bars, the most probable class first; a table at the same time. */

import { clear, h } from '../../dom.js';
import { percent, word } from '../../words.js';

const FEW = 10;

/**
 * @param {readonly string[]} classes
 * @returns {{element: HTMLElement, update(p: readonly number[]): void}}
 */
export function probabilityBars(classes) {
  const body = h('tbody', {});
  let all = false;
  /** @type {readonly number[]} */
  let shown = [];
  const more = h('button', { type: 'button', class: 'quiet small', onclick: toggle }, '');
  more.hidden = classes.length <= FEW;
  const element = h(
    'div',
    {},
    // A hidden caption would count as the first row, and the columns lose their widths.
    h('table', { class: 'bars probabilities', 'aria-label': word('predict.probabilities') }, body),
    more,
  );

  function toggle() {
    all = !all;
    update(shown);
  }

  /** @param {readonly number[]} p */
  function update(p) {
    shown = p;
    const order = p.map((_, code) => code).sort((a, b) => (p[b] ?? 0) - (p[a] ?? 0));
    // So few classes that all can be seen keep their places: bars that jump cannot be watched.
    const places = classes.length <= FEW ? p.map((_, code) => code) : order.slice(0, all ? order.length : FEW);
    more.textContent = word(all ? 'predict.bars.fewer' : 'predict.bars.all', { n: classes.length });
    clear(
      body,
      places.map((code) => {
        const share = p[code] ?? 0;
        return h(
          'tr',
          { class: code === order[0] ? 'best' : '' },
          h('th', { scope: 'row', title: classes[code] ?? '' }, classes[code] ?? ''),
          h('td', { class: 'bar', 'aria-hidden': 'true' }, h('span', { style: { width: `${100 * share}%` } })),
          h('td', { class: 'numeric' }, percent(share)),
        );
      }),
    );
  }

  return { element, update };
}
