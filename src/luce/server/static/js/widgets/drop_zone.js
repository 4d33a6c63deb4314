// @ts-check
/** A place to drop files, and a button for those who use keys or have nothing to drag. */

import { freshId, h, set } from '../dom.js';
import { word } from '../words.js';

/** @typedef {import('../dom.js').Child} Child */

/**
 * @param {{label: string, hint?: Child, accept?: string, multiple?: boolean,
 *   onFiles: (files: File[]) => void}} options accept: as in <input type=file>
 * @returns {{element: HTMLElement, input: HTMLInputElement}}
 */
export function dropZone({ label, hint, accept, multiple = false, onFiles }) {
  const id = freshId('drop');
  const input = h('input', { type: 'file', id, accept, multiple, class: 'sr' });
  input.addEventListener('change', () => {
    const files = [...(input.files ?? [])];
    input.value = ''; // so that the same file can be chosen again
    if (files.length) onFiles(files);
  });
  const element = h('div', { class: 'drop' }, input, h('label', { for: id }, h('strong', {}, label), h('span', {}, word('widget.dropOrChoose'))), hint ? h('p', { class: 'hint' }, hint) : null);
  let depth = 0; // dragenter and dragleave come for children as well
  /** @param {number} change */
  const enter = (change) => {
    depth = Math.max(0, depth + change);
    set(element, { 'data-over': depth > 0 ? 'yes' : null });
  };
  element.addEventListener('dragenter', () => enter(1));
  element.addEventListener('dragleave', () => enter(-1));
  element.addEventListener('dragover', (event) => event.preventDefault());
  element.addEventListener('drop', (event) => {
    event.preventDefault();
    enter(-depth);
    const files = [...(event.dataTransfer?.files ?? [])];
    if (files.length) onFiles(multiple ? files : files.slice(0, 1));
  });
  return { element, input };
}
