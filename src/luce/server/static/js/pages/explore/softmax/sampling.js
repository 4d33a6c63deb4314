// @ts-check
/** Classes drawn with these probabilities: how often each comes, and how often it should. */

import { clear, h } from '../../../dom.js';
import { counts, draw, uniforms } from '../../../maths/sampling.js';
import { choice } from '../../../widgets/choice.js';
import { codeBlock } from '../../../widgets/code.js';
import { numberField } from '../../../widgets/field.js';
import { number, percent, word } from '../../../words.js';
import { columns } from '../parts/columns.js';
import { formatNumber } from '../parts/store.js';
import { chanceDomain } from '../parts/domains.js';

/** @typedef {import('./state.js').SoftmaxStore} SoftmaxStore */

const SIZES = [10, 100, 1000, 10000];
const FIRST = 24; // draws that are written out

/** @param {HTMLElement} place @param {SoftmaxStore} store */
export function samplingPanel(place, store) {
  const { state } = store;
  const chart = columns(
    {
      caption: word('explore.softmax.sampling.caption'),
      description: word('explore.softmax.sampling.how'),
      valueLabel: word('explore.softmax.sampling.share'),
      markLabel: word('explore.probability'),
      format: (share) => percent(share),
      onSelect: (i) => store.change({ i }),
    },
    { values: [], domain: [0, 1] },
  );
  const size = choice({
    label: word('explore.softmax.sampling.n'),
    options: SIZES.map((n) => ({ value: String(n), label: number(n) })),
    value: String(state.n),
    onChange: (n) => store.change({ n: Number(n) }),
  });
  const seed = numberField({
    label: word('explore.softmax.sampling.seed'),
    value: state.seed,
    min: 0,
    max: Number.MAX_SAFE_INTEGER,
    step: 1,
    onInput: (value) => Number.isInteger(value) && store.change({ seed: value }),
  });
  const again = h('button', { type: 'button', class: 'primary', onclick: () => store.change({ seed: state.seed + 1 }) }, word('explore.softmax.sampling.again'));
  const says = h('p', { class: 'numbers' });
  const first = h('p', { class: 'draws mono' });
  const snippet = codeBlock({ label: 'Python', code: '' });
  clear(place,
    h('div', { class: 'columns' },
      h('div', { class: 'stack-small' },
        h('p', {}, word('explore.softmax.sampling.text')),
        size.element,
        h('div', { class: 'row end' }, seed.element, again),
        says,
        first,
      ),
      h('div', {}, chart.element),
    ),
    snippet.element,
  );
  let seen = '';
  let drawnFor = '';
  /** @type {Float64Array} */
  let variates = new Float64Array(0);
  return store.listen(({ z, T, p, i, n, seed: start, row }) => {
    const now = `${z} ${T} ${n} ${start} ${i}`;
    if (now === seen) return;
    seen = now;
    if (document.activeElement !== seed.input) seed.value = start;
    size.value = String(n);
    if (Number.isNaN(row.top)) {
      clear(says, word('explore.softmax.none'));
      return;
    }
    if (drawnFor !== `${start} ${n}`) {
      drawnFor = `${start} ${n}`;
      variates = uniforms(start, n);
    }
    const drawn = draw(p, variates);
    const shares = Float64Array.from(counts(drawn, z.length), (count) => count / n);
    let apart = 0;
    shares.forEach((share, j) => (apart = Math.max(apart, Math.abs(share - Number(p[j])))));
    chart.update({ values: shares, marks: p, selected: i, domain: chanceDomain([...shares, ...p]) });
    const error = Math.sqrt((Number(p[i]) * (1 - Number(p[i]))) / n);
    clear(says, word('explore.softmax.sampling.says', { i: i + 1, share: percent(shares[i], 2), p: percent(p[i], 2), error: percent(error, 2), apart: percent(apart, 2) }));
    clear(first, Array.from(drawn.subarray(0, FIRST), (each) => each + 1).join(' '), n > FIRST ? ' …' : '');
    snippet.update(python(z, T, n, start));
  });
}

/** What draws the same in Python, where classes are counted from 0.
 * @param {number[]} z @param {number} T @param {number} n @param {number} seed */
function python(z, T, n, seed) {
  const list = z.map((each) => (Number.isFinite(each) ? formatNumber(each) : `float("${formatNumber(each)}")`)).join(', ');
  if (T === 0) return `import luce\nluce.hardmax([${list}], ties="share")`;
  const temperature = T === 1 ? '' : `temperature=${formatNumber(T)}, `;
  return `import luce\nluce.sample_categorical([${list}], ${temperature}size=${n}, rng=${seed})`;
}
