// @ts-check
/** A text whose words are coloured by what the answer owes them. */

import { h } from '../../dom.js';
import { word } from '../../words.js';
import { signedText } from './signed.js';

/**
 * @param {string} text
 * @param {{text: string, spans: [number, number][], loss: number}[]} words with their places in
 *   code points, as the server counts
 * @param {{answer: string, against: string}} names
 */
export function highlighted(text, words, names) {
  if (words.length === 0) return null;
  const top = Math.max(...words.map(({ loss }) => Math.abs(loss)), Number.MIN_VALUE);
  const places = words
    .flatMap(({ spans, loss }) => spans.map(([from, to]) => ({ from, to, loss })))
    .sort((a, b) => a.from - b.from);
  const letters = [...text];
  const parts = [];
  let at = 0;
  for (const { from, to, loss } of places) {
    parts.push(letters.slice(at, from).join(''));
    const share = Math.round((100 * Math.abs(loss)) / top);
    parts.push(
      h(
        'span',
        { class: loss >= 0 ? 'word for' : 'word against', style: { '--share': `${share}%` }, title: signedText(loss) },
        letters.slice(from, to).join(''),
      ),
    );
    at = to;
  }
  parts.push(letters.slice(at).join(''));
  return h(
    'figure',
    {},
    h('blockquote', { class: 'highlighted', tabindex: '0' }, parts),
    h('figcaption', { class: 'muted' }, word('predict.words.caption', names)),
  );
}
