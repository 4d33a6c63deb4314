// @ts-check
// Huffman's tree: the binary tree with the shortest ways on average. The same tree, node by node and
// slot by slot, as luce.nn.ClassTree.huffman: D. Huffman (1952), Proc. IRE 40(9); two queues keep all
// sorted (J. van Leeuwen 1976).

/**
 * @typedef {object} Tree
 * @property {Int32Array} children (nodes, 2): class c as c, inner node v as -v; the root is node 0
 * @property {Float64Array} visits (nodes,): the part of all words whose way leads through each node
 * @property {{nodes: number[], slots: number[]}[]} paths the way from the root to each class
 */

/**
 * @param {ArrayLike<number>} counts of two classes or more, none negative
 * @returns {Tree}
 */
export function huffman(counts) {
  const k = counts.length;
  const leaves = Int32Array.from({ length: k }, (_, i) => i).sort((a, b) => counts[a] - counts[b] || a - b);
  const mass = new Float64Array(k - 1);
  const parent = new Int32Array(k - 1).fill(-1); // of inner nodes, in the order of merging
  const leafParent = new Int32Array(k);
  merge(Float64Array.from(leaves, (leaf) => counts[leaf]), mass, (node, child, isLeaf) => {
    if (isLeaf) leafParent[leaves[child]] = node;
    else parent[child] = node;
  });
  return numbered(mass, parent, leafParent);
}

/**
 * What a tree for many words costs, without the tree.
 * @param {Float64Array} sorted rising counts
 * @param {number} often a node visited by this part of the rows, or more, counts as often visited
 * @param {Uint8Array} [heights] of leaves that stand for small trees; else all are 0
 * @returns {{length: number, depth: number, often: number, oftenVisits: number}} nodes on the way of a
 *   word on average and at most; the nodes often visited, and their part in the average
 */
export function huffmanCost(sorted, often, heights = new Uint8Array(sorted.length)) {
  const k = sorted.length;
  const total = sorted.reduce((sum, count) => sum + count, 0);
  const mass = new Float64Array(k - 1);
  const height = new Uint8Array(k - 1); // a way longer than 255 would need counts above 2^170
  merge(sorted, mass, (node, child, isLeaf) => {
    height[node] = Math.max(height[node], (isLeaf ? heights : height)[child] + 1);
  });
  const found = { length: 0, depth: height[k - 2], often: 0, oftenVisits: 0 };
  for (const one of mass) {
    const visits = one / total;
    found.length += visits;
    if (visits >= often) {
      found.often += 1;
      found.oftenVisits += visits;
    }
  }
  return found;
}

/**
 * Merge the two rarest again and again.
 * @param {Float64Array} waiting rising counts of the leaves
 * @param {Float64Array} mass filled with the count of each inner node
 * @param {(node: number, child: number, isLeaf: boolean) => void} joined told of every child
 */
function merge(waiting, mass, joined) {
  const k = waiting.length;
  let [leaf, inner] = [0, 0];
  for (let node = 0; node < k - 1; node++) {
    for (let take = 0; take < 2; take++) {
      // a leaf goes before an inner node of the same count
      if (leaf < k && !(inner < node && mass[inner] < waiting[leaf])) {
        mass[node] += waiting[leaf];
        joined(node, leaf++, true);
      } else {
        mass[node] += mass[inner];
        joined(node, inner++, false);
      }
    }
  }
}

/**
 * Number inner nodes by falling visits, then depth; children: inner nodes first, then classes.
 * @param {Float64Array} mass @param {Int32Array} parent @param {Int32Array} leafParent
 * @returns {Tree}
 */
function numbered(mass, parent, leafParent) {
  const n = mass.length;
  const depth = new Int32Array(n);
  for (let v = n - 2; v >= 0; v--) depth[v] = depth[parent[v]] + 1; // parents are merged later
  // counts are whole numbers, whose sums are exact: ties are ties in whatever order they are summed
  const old = Int32Array.from({ length: n }, (_, i) => i).sort(
    (a, b) => mass[b] - mass[a] || depth[a] - depth[b] || a - b,
  );
  const fresh = new Int32Array(n);
  old.forEach((before, now) => (fresh[before] = now));

  const children = new Int32Array(2 * n);
  const filled = new Uint8Array(n);
  const slot = new Uint8Array(n); // of inner nodes
  const leafSlot = new Uint8Array(leafParent.length);
  for (let v = 1; v < n; v++) {
    const above = fresh[parent[old[v]]];
    slot[v] = filled[above];
    children[2 * above + filled[above]++] = -v;
  }
  leafParent.forEach((before, leaf) => {
    const above = fresh[before];
    leafSlot[leaf] = filled[above];
    children[2 * above + filled[above]++] = leaf;
  });
  const total = mass[n - 1];
  const paths = Array.from(leafParent, (before, leaf) => {
    const nodes = [fresh[before]];
    const slots = [leafSlot[leaf]];
    for (let v = nodes[0]; v > 0; ) {
      slots.unshift(slot[v]);
      v = fresh[parent[old[v]]];
      nodes.unshift(v);
    }
    return { nodes, slots };
  });
  return { children, visits: Float64Array.from(old, (v) => mass[v] / (total || 1)), paths };
}

/**
 * The probability of each class where every node goes to its first child with probability `first`.
 * @param {Tree} tree
 * @param {(node: number) => number} first
 * @returns {Float64Array} (k,), of sum 1
 */
export function leafProbabilities(tree, first) {
  return Float64Array.from(tree.paths, ({ nodes, slots }) =>
    nodes.reduce((p, node, step) => p * (slots[step] ? 1 - first(node) : first(node)), 1),
  );
}
