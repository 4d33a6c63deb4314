// @ts-check
/** Predict, then see: a question with a few answers; the page then shows what is right, and why. */

import { clear, h, set } from '../../../dom.js';
import { word } from '../../../words.js';

/**
 * @param {{say: (part: string) => string, answers: readonly string[], right: string,
 *   answered?: string | undefined, onAnswer?: (answer: string) => void}} options say gives the words
 *   of the question (`ask`), of each answer, and of the reason (`why`); onAnswer may show it
 * @returns {HTMLElement}
 */
export function question({ say, answers, right, answered, onAnswer }) {
  const verdict = h('p', { class: 'verdict', role: 'status' });
  const buttons = answers.map((answer) =>
    h('button', { type: 'button', onclick: () => choose(answer) }, say(answer)),
  );
  /** @param {string} answer */
  function reveal(answer) {
    buttons.forEach((button, i) =>
      set(button, { 'aria-pressed': String(answers[i] === answer), class: answers[i] === right ? 'right' : null }),
    );
    clear(verdict, h('strong', {}, word(answer === right ? 'explore.right' : 'explore.wrong')), ' ', say('why'));
  }
  /** @param {string} answer */
  function choose(answer) {
    reveal(answer);
    onAnswer?.(answer);
  }
  if (answered && answers.includes(answered)) reveal(answered);
  return h('section', { class: 'question', 'aria-label': word('explore.predict') },
    h('p', { class: 'ask' }, word('explore.predict')),
    h('p', {}, say('ask')),
    h('div', { class: 'answers' }, buttons),
    verdict,
  );
}
