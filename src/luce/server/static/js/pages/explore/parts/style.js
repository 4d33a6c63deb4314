// @ts-check
/** The style sheet of the Explore pages, fetched with the first of them. */

import { h } from '../../../dom.js';

/** @type {Promise<void> | undefined} */
let loaded;

/** Wait for the style sheet, so that nothing is drawn without it. @returns {Promise<void>} */
export function exploreStyle() {
  loaded ??= new Promise((resolve) => {
    const href = new URL('../../../../css/explore.css', import.meta.url).href;
    const done = () => resolve();
    document.head.append(h('link', { rel: 'stylesheet', href, onload: done, onerror: done }));
  });
  return loaded;
}
