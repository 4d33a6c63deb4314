// @ts-check
/** Style sheets of single pages: linked when a page is first opened, and kept. */

import { h } from './dom.js';

/** @type {Map<string, Promise<void>>} */
const linked = new Map();

/**
 * Link a style sheet; what is shown after the promise has its looks.
 * @param {string} name of the file in css/, without its ending
 * @returns {Promise<void>}
 */
export function styleSheet(name) {
  const known = linked.get(name);
  if (known) return known;
  const link = h('link', { rel: 'stylesheet', href: `css/${name}.css` });
  /** @type {Promise<void>} */
  const loaded = new Promise((resolve) => {
    // Without its style a page still works.
    for (const event of ['load', 'error']) link.addEventListener(event, () => resolve(), { once: true });
  });
  linked.set(name, loaded);
  document.head.append(link);
  return loaded;
}
