// @ts-check
/** Points of the plane on the probabilities of a model: colours blended, borders drawn, letters on points. */

import { SERIES, resolve, seriesColour } from '../colours.js';
import { clear, s, set } from '../dom.js';
import { boundaries } from '../maths/boundaries.js';
import { word } from '../words.js';
import { frame } from './frame.js';

/** @typedef {import('../maths/point_sets.js').Point} Point */
/**
 * @typedef {object} Field the probabilities at the nodes of a grid over [-1, 1]², y upwards
 * @property {Float64Array} p (side · side, k)
 * @property {number} side
 * @property {number} k
 */
/**
 * @typedef {object} Scene
 * @property {readonly Point[]} points
 * @property {Field | null} field
 * @property {{x: number, y: number, label: number}} cursor
 * @property {'place' | 'remove'} mode what a press does
 */
/**
 * @typedef {object} Actions
 * @property {(x: number, y: number) => void} onPlace
 * @property {(index: number) => void} onRemove
 * @property {(index: number, x: number, y: number, done: boolean) => void} onDrag
 * @property {(x: number, y: number) => void} onHover
 * @property {(event: KeyboardEvent) => void} onKey
 */

const RADIUS = 8; // of a point, in pixels
const REACH = 0.055; // how near a press must be to a point, in the units of the plane

/** The letter of a class. */
export const letterOf = (/** @type {number} */ label) => String.fromCharCode(65 + label);

/**
 * The index of the point nearest to a place, -1 if none is within reach.
 * @param {readonly Point[]} points @param {number} x @param {number} y
 */
export function nearest(points, x, y) {
  let best = -1;
  let distance = REACH;
  points.forEach((point, i) => {
    const gap = Math.hypot(point.x - x, point.y - y);
    if (gap <= distance) [best, distance] = [i, gap];
  });
  return best;
}

/**
 * @param {{caption: string, description: string} & Actions} options `description` tells how it is used
 * @returns {{element: HTMLElement, surface: SVGSVGElement, update(scene: Scene): void}}
 */
export function regionChart({ caption, description, ...actions }) {
  /** @type {Scene} */
  let scene = { points: [], field: null, cursor: { x: 0, y: 0, label: 0 }, mode: 'place' };
  /** What is drawn already. @type {{points: readonly Point[] | null, field: Field | null, key: string}} */
  let drawn = { points: null, field: null, key: '' };
  const borders = s('path', { class: 'regions-border' });
  const marks = s('g');
  const cross = s('g', { class: 'regions-cursor' });
  const chart = frame({
    caption,
    description,
    aspect: 1,
    margin: { left: 0, right: 0, top: 0, bottom: 0 },
    role: 'application',
    draw,
    table: () => ({
      columns: [
        { key: 'label', label: word('explore.playground.class') },
        { key: 'x', label: 'x', numeric: true },
        { key: 'y', label: 'y', numeric: true },
      ],
      rows: scene.points.map(({ x, y, label }) => ({ label: letterOf(label), x, y })),
    }),
  });
  chart.element.classList.add('regions');
  chart.canvas.hidden = false;
  chart.svg.append(borders, marks, cross);
  set(chart.svg, { tabindex: 0, onkeydown: actions.onKey });
  listen(chart.svg, () => scene, actions);

  /** @param {import('./frame.js').Plot} plot */
  function draw({ width }) {
    const key = `${width} ${theme()}`;
    if (scene.points !== drawn.points || key !== drawn.key) {
      clear(marks, scene.points.map((point) => mark(point, width)));
    }
    if (scene.field !== drawn.field || key !== drawn.key) drawField(chart.canvas, borders, scene.field, width);
    drawCursor(cross, scene.cursor, width);
    drawn = { points: scene.points, field: scene.field, key };
  }

  return {
    element: chart.element,
    surface: chart.svg,
    update(next) {
      scene = next;
      chart.redraw();
    },
  };
}

/**
 * Presses and drags: a press on a point drags it, one elsewhere places; or, in that mode, removes.
 * @param {SVGSVGElement} svg @param {() => Scene} scene @param {Actions} actions
 */
function listen(svg, scene, actions) {
  let dragged = -1;
  /** @type {[number, number] | null} */
  let pressed = null;
  /** @param {PointerEvent} event @returns {[number, number]} */
  const placeOf = (event) => {
    const box = svg.getBoundingClientRect();
    return [(2 * (event.clientX - box.left)) / box.width - 1, 1 - (2 * (event.clientY - box.top)) / box.height];
  };
  svg.addEventListener('pointerdown', (event) => {
    if (event.button !== 0) return;
    pressed = placeOf(event);
    const { points, mode } = scene();
    dragged = mode === 'place' ? nearest(points, ...pressed) : -1;
    if (dragged >= 0) svg.setPointerCapture(event.pointerId);
  });
  svg.addEventListener('pointermove', (event) => {
    if (dragged >= 0) actions.onDrag(dragged, ...placeOf(event), false);
    else actions.onHover(...placeOf(event));
  });
  svg.addEventListener('pointerup', (event) => {
    const [x, y] = placeOf(event);
    const { points, mode } = scene();
    if (dragged >= 0) {
      actions.onDrag(dragged, x, y, true);
    } else if (pressed && Math.hypot(x - pressed[0], y - pressed[1]) < REACH) {
      const near = nearest(points, x, y);
      if (mode === 'place') actions.onPlace(x, y);
      else if (near >= 0) actions.onRemove(near);
    }
    [pressed, dragged] = [null, -1];
  });
  svg.addEventListener('pointercancel', () => {
    [pressed, dragged] = [null, -1];
  });
}

const toX = (/** @type {number} */ x, /** @type {number} */ size) => ((x + 1) / 2) * size;
const toY = (/** @type {number} */ y, /** @type {number} */ size) => ((1 - y) / 2) * size;

/** @param {Point} point @param {number} size */
function mark({ x, y, label }, size) {
  const place = `translate(${toX(x, size).toFixed(1)} ${toY(y, size).toFixed(1)})`;
  return s(
    'g',
    { class: 'regions-point', transform: place, style: { '--own': seriesColour(label) } },
    s('circle', { r: RADIUS }),
    s('text', { dy: '0.36em' }, letterOf(label)),
  );
}

/** @param {SVGGElement} cross @param {Scene['cursor']} cursor @param {number} size */
function drawCursor(cross, { x, y, label }, size) {
  const [left, top] = [toX(x, size), toY(y, size)];
  clear(
    cross,
    s('path', { d: `M0 ${top}H${size}M${left} 0V${size}` }),
    s('circle', { cx: left, cy: top, r: RADIUS + 3, style: { stroke: seriesColour(label) } }),
  );
}

/**
 * The field in blended colours. Mixing is done with amounts of light and not with the numbers that
 * encode them, so that half red and half green is not darker than either.
 * @param {HTMLCanvasElement} canvas @param {SVGPathElement} borders @param {Field | null} field
 * @param {number} size
 */
function drawField(canvas, borders, field, size) {
  const context = canvas.getContext('2d');
  if (!context) return;
  if (!field) {
    context.clearRect(0, 0, canvas.width, canvas.height);
    borders.setAttribute('d', '');
    return;
  }
  const { p, side, k } = field;
  if (canvas.width !== side) canvas.width = canvas.height = side;
  // a node is the middle of a pixel, so the outer half pixels lie outside
  const pixel = size / (side - 1);
  const place = { left: `${-pixel / 2}px`, top: `${-pixel / 2}px`, width: `${pixel * side}px`, height: `${pixel * side}px` };
  set(canvas, { style: place });
  const { paper, own } = palette();
  const strength = paper[1] > 0.5 ? 1 : 0.4; // a little light is seen well on dark paper
  const image = context.createImageData(side, side);
  for (let row = 0; row < side; row++) {
    for (let column = 0; column < side; column++) {
      const node = ((side - 1 - row) * side + column) * k; // the canvas counts rows downwards
      let top = 0;
      for (let j = 0; j < k; j++) top = Math.max(top, p[node + j]);
      const tint = strength * (0.14 + 0.46 * ((top * k - 1) / (k - 1))); // paler where all are alike
      const at = 4 * (row * side + column);
      for (let c = 0; c < 3; c++) {
        let blend = 0;
        for (let j = 0; j < k; j++) blend += p[node + j] * own[j][c];
        image.data[at + c] = 255 * Math.sqrt(paper[c] + tint * (blend - paper[c]));
      }
      image.data[at + 3] = 255;
    }
  }
  context.putImageData(image, 0, 0);
  const lines = boundaries(p, side, k).map(
    ([x1, y1, x2, y2]) => `M${f(x1 * pixel)} ${f(size - y1 * pixel)}L${f(x2 * pixel)} ${f(size - y2 * pixel)}`,
  );
  borders.setAttribute('d', lines.join(''));
}

/** What tells the themes apart. */
const theme = () => getComputedStyle(document.documentElement).backgroundColor;

/** @type {{theme: string, paper: number[], own: number[][]} | null} */
let known = null;
/** The colours of the theme of now; asking for them is slow, so they are kept until it changes. */
function palette() {
  if (known?.theme !== theme()) {
    const own = Array.from({ length: SERIES }, (_, j) => light(resolve(seriesColour(j))));
    known = { theme: theme(), paper: light(resolve('var(--paper)')), own };
  }
  return known;
}

/** @param {number} x */
const f = (x) => x.toFixed(1);

/** Amounts of light of an encoded colour; a square is near enough to sRGB's curve for mixing. */
const light = (/** @type {import('../colours.js').Rgb} */ colour) => colour.map((c) => (c / 255) ** 2);
