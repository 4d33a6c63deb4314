// @ts-check
/** What both models say at the cursor: logits, sigmoids that do not add up, and probabilities. */

import { letterOf } from '../../../charts/regions.js';
import { seriesColour } from '../../../colours.js';
import { clear, h } from '../../../dom.js';
import { sigmoid } from '../../../maths/activations.js';
import { fixed, number, percent, word } from '../../../words.js';

/** @typedef {import('./settings.js').Settings} Settings */

export function readout() {
  const caption = h('caption', {});
  const head = h('tr');
  const body = h('tbody');
  const foot = h('tr');
  const table = h('table', { class: 'playground-reading' }, caption, h('thead', {}, head), body, h('tfoot', {}, foot));
  const element = h('div', { class: 'scroll', tabindex: 0, role: 'region', 'aria-label': word('explore.playground.reading') }, table);
  return {
    element,
    /**
     * @param {Settings} settings
     * @param {ReturnType<import('./session.js').Session['at']>} found
     */
    update({ x, y, classes }, found) {
      caption.textContent = word('explore.playground.at', { x: fixed(x, 2), y: fixed(y, 2) });
      const { softmax, sigmoid: rest } = found;
      const alone = rest ? rest.logits.map((z) => sigmoid(z)) : null;
      const names = ['class', 'logit', 'p', ...(rest ? ['alone', 'share'] : [])];
      clear(head, names.map((name, i) => h('th', { scope: 'col', class: i ? `numeric ${name}` : null }, word(`explore.playground.${name}`))));
      clear(body, Array.from({ length: classes }, (_, j) =>
        h('tr', {},
          h('th', { scope: 'row' }, h('span', { class: 'swatch', style: { '--own': seriesColour(j) } }, letterOf(j))),
          h('td', { class: 'numeric logit' }, fixed(softmax.logits[j], 2)),
          bar(softmax.p[j], j),
          rest && alone ? [bar(alone[j], j), bar(rest.p[j], j)] : null,
        ),
      ));
      const sum = alone ? alone.reduce((a, b) => a + b, 0) : 0;
      clear(
        foot,
        h('th', { scope: 'row' }, word('explore.playground.sum')),
        h('td', { class: 'logit' }),
        h('td', { class: 'numeric' }, number(1)),
        rest ? [h('td', { class: 'numeric' }, fixed(sum, 2)), h('td', { class: 'numeric' }, number(1))] : null,
      );
    },
  };
}

/**
 * A share as a bar with its number.
 * @param {number} share @param {number} label
 */
function bar(share, label) {
  const style = { width: `${100 * share}%`, '--own': seriesColour(label) };
  return h('td', { class: 'numeric' }, h('span', { class: 'meter' }, h('span', { style })), percent(share));
}
