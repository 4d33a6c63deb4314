// @ts-check
/** The first rows of a table, or images of each class. */

import { h } from '../../dom.js';
import { dataTable } from '../../widgets/table.js';
import { word } from '../../words.js';

/** @typedef {{row: number, label: string, width: number, height: number, channels: number, pixels: string}} Sample */

/** Cells with more letters are cut; the whole text is in their tooltip. */
const LONGEST = 120;

/**
 * @param {readonly Record<string, any>[]} rows
 * @param {string | null} target
 */
export function firstRows(rows, target) {
  const names = Object.keys(rows[0] ?? {});
  const ordered = target && names.includes(target) ? [target, ...names.filter((name) => name !== target)] : names;
  const columns = ordered.map((name) => ({
    key: name,
    label: name,
    numeric: name !== target && rows.every((row) => row[name] === null || row[name] === '' || Number.isFinite(Number(row[name]))),
    show: (/** @type {unknown} */ value) => cell(value),
  }));
  const { element } = dataTable({ caption: word('data.rows.caption', { rows: rows.length }), hideCaption: true, columns, rows });
  element.classList.add('rows');
  return element;
}

/** @param {unknown} value */
function cell(value) {
  if (value === null || value === undefined || value === '') return h('span', { class: 'muted' }, word('data.empty'));
  const text = String(value);
  return text.length > LONGEST ? h('span', { title: text }, `${text.slice(0, LONGEST)}…`) : text;
}

/** @param {readonly Sample[]} samples */
export function imageGrid(samples) {
  return h('ul', { class: 'pictures' }, samples.map((sample) => h('li', {}, picture(sample), h('span', {}, sample.label))));
}

/** @param {Sample} sample */
function picture({ row, label, width, height, channels, pixels }) {
  const canvas = h('canvas', { width, height, role: 'img', 'aria-label': word('data.image', { label, row: row + 1 }) });
  const bytes = Uint8Array.from(atob(pixels), (letter) => letter.charCodeAt(0));
  const context = canvas.getContext('2d');
  if (!context) return canvas;
  const image = context.createImageData(width, height);
  for (let i = 0; i < width * height; i += 1) {
    for (let c = 0; c < 3; c += 1) image.data[4 * i + c] = bytes[channels * i + (channels === 3 ? c : 0)] ?? 0;
    image.data[4 * i + 3] = 255;
  }
  context.putImageData(image, 0, 0);
  return canvas;
}
