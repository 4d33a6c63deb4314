// @ts-check
/** Losses over the lead of the right class, and their pull: which one forgives a sure mistake. */

import { lineChart } from '../../../charts/line.js';
import { h } from '../../../dom.js';
import { crossEntropy, squaredError } from '../../../maths/losses.js';
import { word } from '../../../words.js';
import { question } from '../parts/question.js';

/** @typedef {import('./state.js').LossStore} LossStore */

const REACH = 8;
const POINTS = 161;

/** @param {LossStore} store */
export function comparison(store) {
  const { state } = store;
  const x = Float64Array.from({ length: POINTS }, (_, n) => -REACH + (2 * REACH * n) / (POINTS - 1));
  const common = { x: { label: word('explore.losses.margin'), min: -REACH, max: REACH }, height: 280 };
  const values = lineChart({ ...common, caption: word('explore.losses.curves.loss'), y: { label: word('explore.losses.loss'), min: 0, max: 8 }, series: [{ name: '', x, y: x }] });
  const pulls = lineChart({ ...common, caption: word('explore.losses.curves.pull'), y: { label: word('explore.losses.pull'), min: 0 }, series: [{ name: '', x, y: x }] });
  let seen = '';
  store.listen(({ smoothing, gamma, T, z, y }) => {
    let rival = -Infinity;
    z.forEach((each, j) => (rival = j === y ? rival : Math.max(rival, each)));
    const lead = Number(z[y]) - rival;
    const rules = Math.abs(lead) <= REACH ? [{ axis: /** @type {const} */ ('x'), value: lead, label: '' }] : [];
    const now = `${smoothing} ${gamma} ${T}`;
    if (now === seen) {
      values.update({ rules });
      pulls.update({ rules });
      return;
    }
    seen = now;
    const kinds = [
      { name: word('explore.losses.kind.ce'), of: (/** @type {number} */ d) => crossEntropy([d, 0], [1, 0], { smoothing, temperature: T }) },
      { name: word('explore.losses.focal', { gamma: gamma || 2 }), of: (/** @type {number} */ d) => crossEntropy([d, 0], [1, 0], { smoothing, temperature: T, gamma: gamma || 2 }) },
      { name: word('explore.losses.kind.squared'), of: (/** @type {number} */ d) => squaredError([d, 0], [1, 0], { smoothing, temperature: T }) },
    ];
    const found = kinds.map(({ name, of }) => ({ name, points: Array.from(x, of) }));
    values.update({ rules, series: found.map(({ name, points }) => ({ name, x, y: points.map(({ loss }) => loss) })) });
    pulls.update({ rules, series: found.map(({ name, points }) => ({ name, x, y: points.map(({ grad }) => Math.abs(Number(grad[0]))) })) });
  });
  return h('section', {},
    h('h2', {}, word('explore.losses.curves')),
    h('p', { class: 'prose' }, word('explore.losses.curves.text')),
    h('div', { class: 'columns' }, values.element, pulls.element),
    question({
      say: (part) => word(`explore.losses.q.${part}`),
      answers: ['a', 'b', 'c'],
      right: 'a',
      answered: state.answer,
      onAnswer: (answer) => store.change({ answer, kind: 'squared', z: state.z.map((_, j) => (j === state.y ? -6 : j === (state.y + 1) % state.z.length ? 2 : 0)) }),
    }),
  );
}
