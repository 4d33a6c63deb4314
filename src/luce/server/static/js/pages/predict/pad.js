// @ts-check
/** A sheet of few large pixels to draw on: with mouse, pen or finger, and with the keyboard. */

import { h } from '../../dom.js';
import { word } from '../../words.js';
import { colourOf, paint } from '../model/picture.js';

/** @typedef {{width: number, height: number, colours: number, ground: number}} Sheet */

const UNDONE = 40;

/**
 * @param {object} options
 * @param {Sheet} options.sheet size in pixels, colours 1 or 3, and the ground: 0 dark, 255 light
 * @param {Uint8Array | null} options.start
 * @param {() => void} options.onChange
 */
export function drawingPad({ sheet, start, onChange }) {
  const { width, height, colours, ground } = sheet;
  const count = width * height * colours;
  let pixels = start ?? new Uint8Array(count).fill(ground);
  /** @type {Uint8Array[]} */
  const past = [];
  let radius = Math.max(0.6, 0.045 * Math.max(width, height));
  let erase = false;
  let example = false; // what is seen was not asked for: ink begins an empty sheet
  /** @type {[number, number]} */
  let cursor = [width >> 1, height >> 1];
  /** @type {[number, number] | null} */
  let last = null;

  const canvas = h('canvas', {
    class: 'pad',
    width,
    height,
    tabindex: '0',
    role: 'application',
    'aria-label': word('predict.pad', { width, height }),
    'aria-describedby': 'pad-keys',
    style: { aspectRatio: `${width} / ${height}` },
    onpointerdown: down,
    onpointermove: move,
    onpointerup: up,
    onpointercancel: up,
    onkeydown: key,
    onfocus: () => frame.classList.add('focused'),
    onblur: () => frame.classList.remove('focused'),
  });
  const mark = h('span', { class: 'pad-cursor', 'aria-hidden': 'true' });
  const frame = h('div', { class: 'pad-frame' }, canvas, mark);

  /** @param {PointerEvent} event @returns {[number, number]} in pixels of the sheet */
  function place(event) {
    const box = canvas.getBoundingClientRect();
    return [((event.clientX - box.left) / box.width) * width - 0.5, ((event.clientY - box.top) / box.height) * height - 0.5];
  }

  /** @param {PointerEvent} event */
  function down(event) {
    if (event.button !== 0) return;
    canvas.setPointerCapture(event.pointerId);
    remember();
    last = place(event);
    stroke(last, last, erase || event.shiftKey);
  }

  /** @param {PointerEvent} event */
  function move(event) {
    if (!last) return;
    for (const point of event.getCoalescedEvents?.() ?? [event]) {
      const next = place(point);
      stroke(last, next, erase || event.shiftKey);
      last = next;
    }
  }

  function up() {
    last = null;
  }

  /** @param {KeyboardEvent} event */
  function key(event) {
    const steps = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
    const step = /** @type {Record<string, number[]>} */ (steps)[event.key];
    if (step) {
      const from = cursor;
      const to = /** @type {[number, number]} */ ([
        Math.min(width - 1, Math.max(0, from[0] + (step[0] ?? 0))),
        Math.min(height - 1, Math.max(0, from[1] + (step[1] ?? 0))),
      ]);
      cursor = to;
      if (event.shiftKey) {
        remember();
        stroke(from, to, erase);
      }
      showCursor();
    } else if (event.key === ' ' || event.key === 'Enter') {
      remember();
      stroke(cursor, cursor, erase);
    } else if (event.key === 'Backspace' || event.key === 'Delete') {
      remember();
      stroke(cursor, cursor, true);
    } else if (event.key === 'z' && (event.ctrlKey || event.metaKey)) undo();
    else if (event.key === 'Escape') clearAll();
    else return;
    event.preventDefault();
  }

  function showCursor() {
    mark.style.left = `${(100 * (cursor[0] + 0.5)) / width}%`;
    mark.style.top = `${(100 * (cursor[1] + 0.5)) / height}%`;
    mark.style.width = `${100 / width}%`;
  }

  /**
   * A line of soft ink: full within the radius, fading over one pixel.
   * @param {[number, number]} from
   * @param {[number, number]} to
   * @param {boolean} away
   */
  function stroke(from, to, away) {
    const [dx, dy] = [to[0] - from[0], to[1] - from[1]];
    const length = dx * dx + dy * dy;
    if (example && !away) pixels = new Uint8Array(count).fill(ground);
    example = false;
    const ink = 255 - ground;
    for (let y = 0; y < height; y += 1) {
      for (let x = 0; x < width; x += 1) {
        const along = length === 0 ? 0 : Math.min(1, Math.max(0, ((x - from[0]) * dx + (y - from[1]) * dy) / length));
        const far = Math.hypot(x - from[0] - along * dx, y - from[1] - along * dy);
        const share = Math.min(1, Math.max(0, radius + 0.5 - far));
        if (share > 0) mixInto(y * width + x, share, away ? ground : ink);
      }
    }
    changed();
  }

  /**
   * @param {number} at
   * @param {number} share
   * @param {number} colour
   */
  function mixInto(at, share, colour) {
    for (let c = at * colours; c < (at + 1) * colours; c += 1) {
      const value = pixels[c] ?? 0;
      const mixed = Math.round(value + share * (colour - value));
      // Over ink that is there already a soft edge must not pale it, nor darken it twice.
      const soft = Math.round(ground + share * (colour - ground));
      pixels[c] = colour === ground ? mixed : further(value, soft);
    }
  }

  /** @param {number} a @param {number} b the one further from the ground */
  function further(a, b) {
    return Math.abs(a - ground) > Math.abs(b - ground) ? a : b;
  }

  function remember() {
    past.push(pixels.slice());
    if (past.length > UNDONE) past.shift();
  }

  function undo() {
    const before = past.pop();
    if (before) {
      pixels = before;
      example = false;
      changed();
    }
  }

  function clearAll() {
    setPixels(new Uint8Array(count).fill(ground));
  }

  /** @param {Uint8Array} next @param {boolean} [asExample] */
  function setPixels(next, asExample = false) {
    remember();
    pixels = next;
    example = asExample;
    changed();
  }

  /** Bring the ink's middle to the middle of the sheet: what models of digits are used to. */
  function centre() {
    let [mass, mx, my] = [0, 0, 0];
    pixels.forEach((value, i) => {
      const weight = Math.abs(value - ground);
      const at = Math.floor(i / colours);
      mass += weight;
      mx += weight * (at % width);
      my += weight * Math.floor(at / width);
    });
    if (mass === 0) return;
    const [dx, dy] = [Math.round((width - 1) / 2 - mx / mass), Math.round((height - 1) / 2 - my / mass)];
    const moved = new Uint8Array(count).fill(ground);
    for (let y = 0; y < height; y += 1) {
      for (let x = 0; x < width; x += 1) {
        const [nx, ny] = [x + dx, y + dy];
        if (nx < 0 || ny < 0 || nx >= width || ny >= height) continue;
        for (let c = 0; c < colours; c += 1) moved[(ny * width + nx) * colours + c] = pixels[(y * width + x) * colours + c] ?? 0;
      }
    }
    setPixels(moved);
  }

  function invert() {
    setPixels(pixels.map((value) => 255 - value));
  }

  function draw() {
    paint(canvas, (at) => colourOf(pixels, at, colours, null));
  }

  function changed() {
    draw();
    onChange();
  }

  draw();
  showCursor();
  return {
    element: frame,
    canvas,
    get pixels() {
      return pixels;
    },
    setPixels,
    undo,
    clear: clearAll,
    centre,
    invert,
    /** @param {number} next in pixels of the sheet */
    setRadius(next) {
      radius = next;
    },
    get radius() {
      return radius;
    },
    /** @param {boolean} next */
    setErase(next) {
      erase = next;
    },
  };
}
