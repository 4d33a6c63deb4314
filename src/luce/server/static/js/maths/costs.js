// @ts-check
// What an output layer over k words costs: multiply-adds and numbers held, by the formulas of the
// heads of luce.nn. Every figure is a count, none a measurement; the tests compare them with the
// parameters that the heads hold and with the products that PyTorch counts while they run.

import { huffmanCost } from './huffman.js';

/**
 * @typedef {object} Sizes
 * @property {number} words k
 * @property {number} width d, of the hidden rows
 * @property {number} rows n, of a batch
 * @property {number} zipf the word of rank r occurs in proportion to r^-zipf
 * @property {number[]} cutoffs of the adaptive head
 * @property {number} shrink by what its vectors narrow from cluster to cluster
 * @property {number} samples drawn by the sampled head in each step
 * @property {number} bytes of a number
 */

/**
 * @typedef {object} Cost
 * @property {number} parameters numbers that are learnt
 * @property {number} products multiply-adds of a training step's forward pass over the batch
 * @property {number} logits numbers of logits (and copied vectors) that the pass holds at once
 * @property {number} tables bytes of look-up tables
 * @property {number} answer multiply-adds for the probabilities of all words, one row
 */

/** @typedef {'full' | 'adaptive' | 'huffman' | 'two_levels' | 'sampled'} HeadName */

/** @type {readonly HeadName[]} */
export const HEADS = ['full', 'adaptive', 'huffman', 'two_levels', 'sampled'];

const OFTEN = 1 / 16; // luce.nn.HierarchicalSoftmax computes nodes visited as often for all rows

/**
 * The costs of every head.
 * @param {Sizes} sizes
 * @returns {Record<HeadName, Cost>}
 */
export function costs(sizes) {
  const share = rankShares(sizes.words, sizes.zipf);
  return {
    full: fullCost(sizes),
    adaptive: adaptiveCost(sizes, share),
    huffman: huffmanHeadCost(sizes),
    two_levels: twoLevelCost(sizes, share),
    sampled: sampledCost(sizes),
  };
}

const DIRECT = 1000; // ranks that are added one by one

/**
 * The sum of r^-s over the ranks 1..n. Beyond the first thousand by Euler and Maclaurin's formula,
 * whose first term left out, of the third derivative, is below 1e-16 of the sum.
 * @param {number} n @param {number} s
 */
export function zipfSum(n, s) {
  let sum = 0;
  for (let rank = 1; rank <= Math.min(n, DIRECT); rank++) sum += rank ** -s;
  if (n <= DIRECT) return sum;
  const [a, b] = [DIRECT, n];
  const integral = s === 1 ? Math.log(b / a) : (b ** (1 - s) - a ** (1 - s)) / (1 - s);
  const slopes = -s * (b ** (-s - 1) - a ** (-s - 1));
  return sum + integral + (b ** -s - a ** -s) / 2 + slopes / 12;
}

/**
 * The part of all words in a text that have a rank below a bound, by Zipf's law.
 * @param {number} words @param {number} zipf
 * @returns {(bound: number) => number}
 */
export function rankShares(words, zipf) {
  const total = zipfSum(words, zipf);
  return (bound) => zipfSum(bound, zipf) / total;
}

/**
 * One linear layer to all words.
 * @param {Pick<Sizes, 'words' | 'width' | 'rows'>} sizes
 * @returns {Cost}
 */
export function fullCost({ words, width, rows }) {
  return {
    parameters: words * (width + 1),
    products: rows * words * width,
    logits: rows * words,
    tables: 0,
    answer: words * width,
  };
}

/**
 * Bytes of logits that luce's fused cross-entropy holds: a third of them all or 2 MB if that is
 * more, never above 64 MB (luce.nn.functional.linear_cross_entropy).
 * @param {number} logits how many there are @param {number} bytes of each
 */
export function fusedBytes(logits, bytes) {
  return Math.min(logits * bytes, 63.5e6, Math.max(2e6, Math.floor((logits * bytes) / 3)));
}

/**
 * Frequent words and an entry for each cluster; a cluster narrows the rows that fall in it first
 * (Grave et al. 2017, arXiv 1609.04309).
 * @param {Pick<Sizes, 'words' | 'width' | 'rows' | 'cutoffs' | 'shrink'>} sizes
 * @param {(bound: number) => number} share the part of labels with a rank below a bound
 * @returns {Cost}
 */
export function adaptiveCost({ words, width, rows, cutoffs, shrink }, share) {
  const edges = [...cutoffs, words];
  const head = edges[0] + cutoffs.length;
  const cost = {
    parameters: head * (width + 1),
    products: rows * head * width,
    logits: rows * head,
    tables: 0,
    answer: head * width,
  };
  cutoffs.forEach((start, index) => {
    const stop = edges[index + 1];
    const narrow = Math.max(1, Math.floor(width / shrink ** (index + 1)));
    const own = rows * (share(stop) - share(start));
    const each = narrow * (width + stop - start); // the projection, and the words of the cluster
    cost.parameters += each + stop - start;
    cost.products += own * each;
    cost.logits += own * (narrow + stop - start);
    cost.answer += each;
  });
  return cost;
}

/**
 * A sigmoid at each node on the word's way through a Huffman tree. Nodes that one row in sixteen
 * visits are computed for all rows by one product, the others from a copy of their vector.
 * @param {Pick<Sizes, 'words' | 'width' | 'rows' | 'zipf'>} sizes
 * @returns {Cost & {length: number, depth: number}}
 */
export function huffmanHeadCost({ words, width, rows, zipf }) {
  const tree = treeOf(words, zipf);
  const often = Math.max(1, tree.often);
  const seldom = rows * (tree.length - tree.oftenVisits);
  return {
    parameters: (words - 1) * (width + 1),
    products: rows * often * width + seldom * width,
    logits: rows * often + seldom * (2 * width + 1), // the vectors and the rows are copied
    tables: 16 * words * tree.depth,
    answer: (words - 1) * width,
    length: tree.length,
    depth: tree.depth,
  };
}

/** @type {Map<string, ReturnType<typeof huffmanCost>>} */
const trees = new Map();
/** What was once asked is kept. @param {number} words @param {number} zipf */
function treeOf(words, zipf) {
  const key = `${words} ${zipf}`;
  const tree = trees.get(key) ?? zipfTree(words, zipf);
  trees.set(key, tree);
  return tree;
}

/**
 * The cost of the Huffman tree of Zipf's law. Ranks beyond `exact` are taken 2, 4, 8, ... at a time as
 * a small tree of their own, since neighbours there have nearly equal counts and Huffman's method
 * pairs them: ten million words would else stop the page for a second. The average way is right to
 * 1e-6, the deepest to one node.
 * @param {number} words @param {number} zipf @param {number} [exact]
 */
export function zipfTree(words, zipf, exact = 2 ** 18) {
  const levels = Math.max(0, Math.ceil(Math.log2(words / exact)));
  const block = 2 ** levels;
  const alone = Math.min(words, exact + ((words - exact) % block)); // so that all blocks are full
  const blocks = (words - alone) / block;
  // how often a block occurs: as often as the word in its middle, each of its words
  const ofBlock = (/** @type {number} */ i) => block * (alone + i * block + (block + 1) / 2) ** -zipf;
  const counts = new Float64Array(alone + blocks); // both kinds rise from their last to their first
  const heights = new Uint8Array(counts.length);
  let inBlocks = 0;
  for (let at = 0, word = alone, i = blocks - 1; at < counts.length; at++) {
    const count = i < 0 ? Infinity : ofBlock(i);
    if (word > 0 && word ** -zipf <= count) {
      counts[at] = word-- ** -zipf;
    } else {
      inBlocks += counts[at] = count;
      heights[at] = levels;
      i -= 1;
    }
  }
  const total = counts.reduce((sum, count) => sum + count, 0);
  const tree = huffmanCost(counts, OFTEN, heights);
  return { ...tree, length: tree.length + (levels * inBlocks) / total };
}

/**
 * A softmax over about the square root of k groups, then one within the group: the balanced tree of
 * luce.nn.ClassTree with an arity of ceil(sqrt(k)).
 * @param {Pick<Sizes, 'words' | 'width' | 'rows'>} sizes
 * @param {(bound: number) => number} share the part of labels with a rank below a bound
 * @returns {Cost}
 */
export function twoLevelCost({ words, width, rows }, share) {
  const groups = Math.ceil(Math.sqrt(words)); // and as many members at most
  let [within, alone] = [0, 0];
  for (let group = 0; group < groups; group++) {
    const [start, stop] = [group, group + 1].map((edge) => Math.floor((edge * words) / groups));
    if (stop - start === 1) alone += 1; // it hangs on the root itself
    else within += (stop - start) * (share(stop) - share(start));
  }
  const members = words + groups - alone;
  const logits = rows * (groups + within);
  return {
    parameters: members * (width + 1),
    products: logits * width,
    logits: 2 * rows * (groups + width), // of both levels, padded, and the rows, sorted by node
    tables: 16 * words * 2,
    answer: members * width,
  };
}

/**
 * The own word of each row and a sample that all rows share; afterwards the full layer answers.
 * @param {Pick<Sizes, 'words' | 'width' | 'rows' | 'samples'>} sizes
 * @returns {Cost}
 */
export function sampledCost({ words, width, rows, samples }) {
  const drawn = Math.min(samples, words);
  return {
    parameters: words * (width + 1),
    products: rows * (drawn + 1) * width,
    logits: rows * (drawn + 1) + (rows + drawn) * width, // and copies of the vectors
    tables: 0,
    answer: words * width,
  };
}
