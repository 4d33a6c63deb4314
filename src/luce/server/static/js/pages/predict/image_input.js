// @ts-check
/** An image to draw, to drop or to choose. */

import { upload } from '../../api.js';
import { add, clear, h } from '../../dom.js';
import { checkbox } from '../../widgets/field.js';
import { dropZone } from '../../widgets/drop_zone.js';
import { slider } from '../../widgets/slider.js';
import { word } from '../../words.js';
import { isAbort, problem } from '../model/loading.js';
import { base64, bytes, darkBorder } from '../model/picture.js';
import { drawingPad } from './pad.js';

/**
 * @param {object} options
 * @param {string} options.id of the model
 * @param {any} options.form the answer of /form
 * @param {string | null} options.start pixels in base 64
 * @param {AbortSignal} options.signal
 * @param {() => void} options.onChange
 */
export function imageInput({ id, form, start, signal, onChange }) {
  const [height, width, colours = 1] = form.image_shape;
  const ground = form.dark_ground ? 0 : 255;
  const pad = drawingPad({ sheet: { width, height, colours, ground }, start: start === null ? null : known(start, width * height * colours), onChange });
  const note = h('div', { 'aria-live': 'polite' });
  const pen = slider({
    label: word('predict.pen'),
    min: 0.3,
    max: Math.max(1, Math.max(width, height) / 6),
    step: 0.1,
    value: Number(pad.radius.toFixed(1)),
    onInput: pad.setRadius,
  });
  const eraser = checkbox({ label: word('predict.erase'), onChange: pad.setErase });
  const button = (/** @type {string} */ key, /** @type {() => void} */ run) =>
    h('button', { type: 'button', class: 'small', onclick: run }, word(key));
  const drop = dropZone({
    label: word('predict.drop'),
    hint: word('predict.drop.hint', { width, height }),
    accept: '.png,.jpg,.jpeg,.webp,.bmp',
    onFiles: ([file]) => file && read(file),
  });

  /** @param {File} file */
  async function read(file) {
    clear(note);
    try {
      const image = await upload(file, () => {}, { path: `/api/models/${id}/image`, name: 'image', signal });
      const pixels = bytes(image.data);
      // A photograph of ink on paper is turned into what the model has learnt from.
      const turned = colours === 1 && darkBorder(pixels, width, height) !== form.dark_ground;
      pad.setPixels(turned ? pixels.map((value) => 255 - value) : pixels);
      if (turned) add(note, [h('p', { class: 'hint' }, word('predict.inverted'))]);
    } catch (error) {
      if (!isAbort(error)) add(note, [problem(error)]);
    }
  }

  const element = h(
    'div',
    { class: 'stack' },
    pad.element,
    h('p', { class: 'hint', id: 'pad-keys' }, word('predict.pad.keys')),
    h(
      'div',
      { class: 'row' },
      button('predict.clear', pad.clear),
      button('predict.undo', pad.undo),
      button('predict.centre', pad.centre),
      button('predict.invert', pad.invert),
    ),
    h('div', { class: 'fields' }, pen.element, eraser.element),
    drop.element,
    note,
  );
  return {
    element,
    get body() {
      return { pixels: base64(pad.pixels) };
    },
    /** What the URL keeps; nothing of an image that is too large for it. */
    get state() {
      const blank = pad.pixels.every((value) => value === ground);
      return { pixels: blank || pad.pixels.length > 1200 ? null : base64(pad.pixels) };
    },
    get blank() {
      return pad.pixels.every((value) => value === ground);
    },
    beyond: [],
    /** @param {any} input as /sample tells it @param {boolean} example the first stroke replaces it */
    load(input, example) {
      pad.setPixels(bytes(input.pixels), example);
    },
    put() {},
    textOf: () => '',
  };
}

/**
 * Pixels of an address, if they are as many as there must be.
 * @param {string} text
 * @param {number} count
 */
function known(text, count) {
  try {
    const pixels = bytes(text);
    return pixels.length === count ? pixels : null;
  } catch {
    return null;
  }
}
