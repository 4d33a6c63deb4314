// @ts-check
/** The help with the keyboard. */

import { h } from './dom.js';
import { checkbox } from './widgets/field.js';
import { dialog } from './widgets/dialog.js';
import { word } from './words.js';

/** Keys of every page, and the words that tell what they do. */
const EVERYWHERE = /** @type {const} */ ([
  ['?', 'shell.help.help'],
  ['[ ]', 'shell.help.next'],
  ['Shift L', 'shell.help.language'],
  ['Shift T', 'shell.help.theme'],
  ['Tab', 'shell.help.tab'],
  ['↑ ↓ ← →', 'shell.help.arrows'],
]);

/** @param {import('./page.js').Page | null} page the page that is open */
export function showKeys(page) {
  // Who speaks to the computer, or often hits a key by chance, can turn single keys off.
  const active = checkbox({
    label: word('shell.help.on'),
    checked: localStorage.getItem('luce-keys') !== 'off',
    onChange: (on) => localStorage.setItem('luce-keys', on ? 'on' : 'off'),
  });
  dialog({
    title: word('shell.help.title'),
    body: [
      page?.keys?.length ? [h('h3', {}, word('shell.help.here')), list(page.keys)] : null,
      h('h3', {}, word('shell.help.everywhere')),
      list(EVERYWHERE),
      active.element,
    ],
  });
}

/** @param {readonly (readonly [string, string])[]} keys */
function list(keys) {
  return h('dl', { class: 'keys' }, keys.map(([key, words]) => h('div', {}, h('dt', {}, key.split(' ').map((one) => h('kbd', {}, one))), h('dd', {}, word(words)))));
}
