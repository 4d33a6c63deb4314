// @ts-check
/** Tab 3: do the stated probabilities come true? For the answer, and for each class. */

import { get } from '../../api.js';
import { reliabilityBins } from '../../charts/reliability_bins.js';
import { h } from '../../dom.js';
import { select } from '../../widgets/field.js';
import { percent, word } from '../../words.js';
import { fill } from './loading.js';

/**
 * @param {import('./rows.js').Shown} shown
 * @param {any} figures
 * @returns {HTMLElement}
 */
export function reliability(shown, figures) {
  const { view, classes } = shown;
  const drawing = h('div', {});
  const of = select({
    label: word('model.reliability.of'),
    options: [
      { value: '', label: word('model.reliability.answer') },
      ...classes.map((name, code) => ({ value: String(code), label: name })),
    ],
    value: view.params.get('class') ?? '',
    onChange: (code) => open(code),
  });
  const open = (/** @type {string} */ code) => {
    view.set({ class: code || null });
    void fill(drawing, async () => {
      const query = code === '' ? '' : `?class=${encodeURIComponent(code)}`;
      const tree = await get(`/api/models/${shown.id}/reliability${query}`, { signal: view.signal });
      const caption = tree.class === null ? answerCaption(figures) : word('model.reliability.class', { name: classes[tree.class] ?? '' });
      return reliabilityBins({ caption, bins: tree.bins, before: tree.before ?? [] });
    });
  };
  open(of.value);
  return h(
    'div',
    { class: 'stack' },
    h('p', {}, word('model.reliability.lead')),
    h('div', { class: 'model-choice' }, of.element),
    drawing,
  );
}

/** @param {any} figures */
function answerCaption(figures) {
  const error = percent(figures.calibration_error.value);
  if (!figures.uncalibrated) return word('model.reliability.caption', { error });
  const before = percent(figures.uncalibrated.calibration_error.value);
  return word('model.reliability.caption.before', { error, before });
}
