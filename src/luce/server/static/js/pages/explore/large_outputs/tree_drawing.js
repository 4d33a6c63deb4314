// @ts-check
/** A binary tree from the root down, with the way that was taken. */

import { clear, h, s, set } from '../../../dom.js';
import { percent } from '../../../words.js';

/**
 * @typedef {object} Drawn
 * @property {import('../../../maths/huffman.js').Tree} tree
 * @property {readonly {word: string}[]} words
 * @property {Float64Array} p of each word
 * @property {(node: number) => number} first the probability of a node's first child
 * @property {string} way
 */
/** @typedef {{way: string, x: number, depth: number, leaf: number, share: number}} Place */

const LEAF = 64; // pixels between two words
const LEVEL = 62; // and between two depths

/**
 * @param {{label: string, onGo: (way: string) => void, onKey: (event: KeyboardEvent) => void}} options
 */
export function treeDrawing({ label, onGo, onKey }) {
  const svg = s('svg', { 'aria-hidden': 'true', class: 'tree-svg' });
  const element = h('div', { class: 'tree scroll', tabindex: 0, role: 'application', 'aria-label': label, onkeydown: onKey }, svg);
  return {
    element,
    /** @param {Drawn} drawn */
    update(drawn) {
      const places = layout(drawn);
      const deepest = Math.max(...places.map((place) => place.depth));
      const leaves = places.filter((place) => place.leaf >= 0).length;
      const [width, height] = [leaves * LEAF + 16, deepest * LEVEL + 84];
      set(svg, { viewBox: `0 0 ${width} ${height}`, width, height });
      const byWay = new Map(places.map((place) => [place.way, place]));
      clear(svg, places.map((place) => edge(place, byWay.get(place.way.slice(0, -1)), drawn.way)), places.map((place) => node(place, drawn, onGo)));
      const here = byWay.get(drawn.way);
      const x = here ? atX(here) : 0;
      // what is walked to is seen, also where the tree is wider than its place
      if (x < element.scrollLeft + LEAF / 2 || x > element.scrollLeft + element.clientWidth - LEAF / 2) {
        element.scrollLeft = x - element.clientWidth / 2;
      }
    },
  };
}

/** @param {Place} place */
const atX = (place) => 8 + (place.x + 0.5) * LEAF;
/** @param {Place} place */
const atY = (place) => 34 + place.depth * LEVEL;

/**
 * Words stand side by side from left to right, each node in the middle above its children.
 * @param {Drawn} drawn
 * @returns {Place[]}
 */
function layout({ tree, p, first }) {
  const places = /** @type {Place[]} */ ([]);
  let next = 0;
  /** @param {number} node @param {string} way @param {number} share @returns {number} */
  const visit = (node, way, share) => {
    const middle = [0, 1].map((slot) => {
      const child = tree.children[2 * node + slot];
      const own = share * (slot ? 1 - first(node) : first(node));
      if (child < 0) return visit(-child, way + slot, own);
      places.push({ way: way + slot, x: next, depth: way.length + 1, leaf: child, share: p[child] });
      return next++;
    });
    const x = (middle[0] + middle[1]) / 2;
    places.push({ way, x, depth: way.length, leaf: -1, share });
    return x;
  };
  visit(0, '', 1);
  return places;
}

/** @param {Place} place @param {Place | undefined} above @param {string} way */
function edge(place, above, way) {
  if (!above || !place.way) return null;
  const on = way.startsWith(place.way);
  const [x1, y1, x2, y2] = [atX(above), atY(above), atX(place), atY(place)];
  const label = s('text', { class: 'tick', x: (x1 + x2) / 2 + (x2 < x1 ? -7 : 7), y: (y1 + y2) / 2, 'text-anchor': 'middle' }, place.way.slice(-1));
  return s('g', { class: on ? 'tree-edge on' : 'tree-edge' }, s('line', { x1, y1, x2, y2 }), label);
}

/** @param {Place} place @param {Drawn} drawn @param {(way: string) => void} onGo */
function node(place, { words, way }, onGo) {
  const state = place.way === way ? 'here' : way.startsWith(place.way) ? 'on' : '';
  const [x, y] = [atX(place), atY(place)];
  const share = percent(place.share, place.share < 0.1 ? 1 : 0);
  if (place.leaf < 0) {
    return s('g', { class: `tree-node ${state}`, onclick: () => onGo(place.way) }, s('circle', { cx: x, cy: y, r: 9 }), s('text', { class: 'tick', x: x + 13, y: y - 7 }, share));
  }
  const name = words[place.leaf].word;
  const short = name.length > 8 ? `${name.slice(0, 7)}…` : name;
  return s(
    'g',
    { class: `tree-node leaf ${state}`, onclick: () => onGo(place.way) },
    s('rect', { x: x - LEAF / 2 + 3, y: y - 11, width: LEAF - 6, height: 40, rx: 5 }),
    s('text', { class: 'name', x, y: y + 5, 'text-anchor': 'middle' }, short),
    s('text', { class: 'tick', x, y: y + 21, 'text-anchor': 'middle' }, share),
  );
}
