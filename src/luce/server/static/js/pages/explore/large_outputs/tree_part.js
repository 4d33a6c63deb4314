// @ts-check
/** Huffman's tree of words that one types, and the way to a word as a product of choices. */

import { treeDrawing } from './tree_drawing.js';
import { h } from '../../../dom.js';
import { sigmoid } from '../../../maths/activations.js';
import { huffman, leafProbabilities } from '../../../maths/huffman.js';
import { slider } from '../../../widgets/slider.js';
import { textField } from '../../../widgets/field.js';
import { dataTable } from '../../../widgets/table.js';
import { fixed, number, percent, word } from '../../../words.js';
import { MOST_WORDS, parsedChoices, parsedCounts, writtenChoices } from './settings.js';

/** @typedef {import('./settings.js').Settings} Settings */
/** @typedef {import('./settings.js').Counted} Counted */

const FARTHEST = 6; // of a choice's logit

/**
 * @param {Settings} settings
 * @param {(changes: Partial<Settings>) => void} change
 * @returns {HTMLElement}
 */
export function treePart(settings, change) {
  let words = parsedCounts(settings.counts ?? word('explore.large.example')).words;
  let tree = huffman(words.map((one) => one.count));
  let choices = parsedChoices(settings.choices, words.length - 1);

  const counts = textField({
    label: word('explore.large.counts'),
    value: (settings.counts ?? word('explore.large.example')).replaceAll('~', '\n'),
    lines: 9,
    hint: word('explore.large.counts.hint', { most: MOST_WORDS }),
    onInput: retype,
  });
  const drawing = treeDrawing({ label: word('explore.large.tree.use'), onGo: go, onKey });
  const left = h('button', { type: 'button', onclick: () => step('0') }, word('explore.large.left'));
  const right = h('button', { type: 'button', onclick: () => step('1') }, word('explore.large.right'));
  const up = h('button', { type: 'button', onclick: () => go(settings.way.slice(0, -1)) }, word('explore.large.up'));
  const root = h('button', { type: 'button', onclick: () => go('') }, word('explore.large.root'));
  const logit = slider({ label: word('explore.large.logit'), min: -FARTHEST, max: FARTHEST, step: 0.1, value: 0, onInput: bend });
  const again = h('button', { type: 'button', onclick: () => setChoices(new Map()) }, word('explore.large.asCounted'));
  const product = h('p', { class: 'tree-product numbers', 'aria-live': 'polite' });
  const table = dataTable({ caption: word('explore.large.codes'), columns: columns(), rows: [], onRow: (row) => go(row.code) });
  const note = h('p', { class: 'hint' });
  const element = h('div', { class: 'split' },
    h('section', { class: 'panel' }, counts.element),
    h('div', { class: 'tree-walk' },
      drawing.element,
      h('div', { class: 'row' }, left, right, up, root),
      product,
      h('div', { class: 'panel large-controls' }, logit.element, h('p', { class: 'hint' }, word('explore.large.logit.hint')), again),
      table.element,
      note,
    ),
  );
  settings.way = possible(settings.way);
  draw();
  return element;

  /** @param {string} typed */
  function retype(typed) {
    const parsed = parsedCounts(typed);
    const few = parsed.words.length < 2;
    counts.fail(parsed.wrong.length ? word('explore.large.counts.wrong', { line: parsed.wrong[0] }) : few ? word('explore.large.counts.few') : null);
    if (few) return;
    words = parsed.words;
    tree = huffman(words.map((one) => one.count));
    choices = new Map();
    const way = possible(settings.way);
    change({ counts: words.map((one) => `${one.word} ${one.count}`).join('~'), choices: '', way });
    draw();
  }

  /** The first part of a way that is one in this tree. @param {string} way */
  function possible(way) {
    let node = 0;
    for (let at = 0; at < way.length; at++) {
      const child = tree.children[2 * node + Number(way[at])];
      if (child >= 0) return way.slice(0, at + 1);
      node = -child;
    }
    return way;
  }

  /** @param {string} way */
  function go(way) {
    change({ way: possible(way) });
    draw();
  }

  /** @param {'0' | '1'} turn */
  function step(turn) {
    if (place().leaf < 0) go(settings.way + turn);
  }

  /** @param {KeyboardEvent} event */
  function onKey(event) {
    const actions = {
      ArrowLeft: () => step('0'),
      ArrowRight: () => step('1'),
      ArrowUp: () => go(settings.way.slice(0, -1)),
      ArrowDown: () => step(first(place().node) >= 0.5 ? '0' : '1'),
      Home: () => go(''),
    };
    const action = Object.entries(actions).find(([key]) => key === event.key)?.[1];
    if (!action || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    action();
  }

  /** @param {number} z */
  function bend(z) {
    const { node, leaf } = place();
    if (leaf >= 0) return;
    setChoices(new Map([...choices, [node, Math.max(-10, Math.min(10, z))]]));
  }

  /** @param {Map<number, number>} next */
  function setChoices(next) {
    choices = next;
    change({ choices: writtenChoices(choices) });
    draw();
  }

  /** Where the way ends: nodes on it, and the word, or -1. */
  function place() {
    const nodes = [0];
    let leaf = -1;
    for (const turn of settings.way) {
      const child = tree.children[2 * nodes[nodes.length - 1] + Number(turn)];
      if (child >= 0) leaf = child;
      else nodes.push(-child);
    }
    return { nodes, node: nodes[nodes.length - 1], leaf };
  }

  /** The visits of a child. @param {number} child */
  function visits(child) {
    const total = words.reduce((sum, one) => sum + one.count, 0) || 1;
    return child >= 0 ? words[child].count / total : tree.visits[-child];
  }

  /** The logit of the first child: set by hand, or that of the counts. @param {number} node */
  function logitOf(node) {
    const [a, b] = [visits(tree.children[2 * node]), visits(tree.children[2 * node + 1])];
    return choices.get(node) ?? (a + b > 0 ? Math.log(a / b) : 0);
  }

  /** @param {number} node */
  function first(node) {
    return sigmoid(logitOf(node));
  }

  function draw() {
    const { nodes, node, leaf } = place();
    const p = leafProbabilities(tree, first);
    drawing.update({ tree, words, p, first, way: settings.way });
    const factors = [...settings.way].map((turn, i) => (turn === '0' ? first(nodes[i]) : 1 - first(nodes[i])));
    const reached = factors.reduce((a, b) => a * b, 1);
    const words_ = factors.map((factor) => number(factor, 3)).join(' × ') || '1';
    product.textContent = word(leaf >= 0 ? 'explore.large.product.word' : factors.length ? 'explore.large.product.node' : 'explore.large.product.root', {
      word: leaf >= 0 ? words[leaf].word : '',
      factors: words_,
      p: number(reached, 3),
      steps: factors.length,
      words: words.length,
    });
    for (const button of [left, right]) button.disabled = leaf >= 0;
    for (const button of [up, root]) button.disabled = settings.way === '';
    for (const input of logit.element.querySelectorAll('input')) input.disabled = leaf >= 0;
    const z = Number(logitOf(node).toFixed(3));
    if (leaf < 0 && Math.abs(logit.value - z) > 1e-3) logit.value = z;
    again.disabled = choices.size === 0;
    const codes = tree.paths.map((path) => path.slots.join(''));
    const order = words.map((_, i) => i).sort((a, b) => words[b].count - words[a].count || a - b);
    table.update(order.map((i) => ({ word: words[i].word, count: words[i].count, code: codes[i], length: codes[i].length, p: p[i] })));
    const total = words.reduce((sum, one) => sum + one.count, 0) || 1;
    const mean = words.reduce((sum, one, i) => sum + (one.count / total) * codes[i].length, 0);
    const entropy = words.reduce((sum, { count }) => sum - (count ? (count / total) * Math.log2(count / total) : 0), 0);
    note.textContent = word('explore.large.average', { mean: fixed(mean, 3), entropy: fixed(entropy, 3), sum: fixed(p.reduce((a, b) => a + b, 0), 6) });
  }
}

function columns() {
  return [
    { key: 'word', label: word('explore.large.word') },
    { key: 'count', label: word('explore.large.count'), numeric: true },
    { key: 'code', label: word('explore.large.code') },
    { key: 'length', label: word('explore.large.length'), numeric: true },
    { key: 'p', label: word('explore.large.probability'), numeric: true, show: (/** @type {number} */ p) => percent(p, 2) },
  ];
}
