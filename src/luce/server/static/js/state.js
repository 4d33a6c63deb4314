// @ts-check
/**
 * The state of a view lives in the URL's hash: `#/explore/softmax?z=2,1,0.1&T=1&lang=zh`.
 * So every view can be reloaded, shared and gone back to. Pure functions, and what reads and
 * writes `location`.
 */

/** Parameters that stay when another page is opened: how it looks, and what one works on. */
export const KEPT = ['lang', 'theme', 'data', 'model', 'run'];

/** @typedef {{path: string, params: Map<string, string>}} State */

/**
 * @param {string} hash with or without its `#`
 * @returns {State}
 */
export function parse(hash) {
  const text = hash.replace(/^#/, '');
  const cut = text.indexOf('?');
  const path = cut < 0 ? text : text.slice(0, cut);
  const query = cut < 0 ? '' : text.slice(cut + 1);
  return { path: '/' + path.replace(/^\/+|\/+$/g, ''), params: new Map(new URLSearchParams(query)) };
}

/**
 * @param {string} path
 * @param {Iterable<readonly [string, string]>} params
 * @returns {string} the hash, `#` included; commas, colons and slashes stay readable
 */
export function format(path, params) {
  const query = new URLSearchParams([...params].map(([key, value]) => [key, value]));
  const text = query.toString().replace(/%2C/g, ',').replace(/%3A/g, ':').replace(/%2F/g, '/');
  return `#${path}${text ? `?${text}` : ''}`;
}

/**
 * Parameters after some changes; null deletes.
 * @param {Map<string, string>} params
 * @param {Record<string, string | number | null | undefined>} changes
 * @returns {Map<string, string>}
 */
export function changed(params, changes) {
  const next = new Map(params);
  for (const [key, value] of Object.entries(changes)) {
    if (value === null || value === undefined) next.delete(key);
    else next.set(key, String(value));
  }
  return next;
}

/**
 * The hash of another page, with the parameters that stay and those given.
 * @param {Map<string, string>} params of the present page
 * @param {string} path
 * @param {Record<string, string | number | null | undefined>} [extra]
 */
export function link(params, path, extra = {}) {
  const kept = new Map(KEPT.flatMap((key) => (params.has(key) ? [[key, params.get(key) ?? '']] : [])));
  return format(path, changed(/** @type {Map<string, string>} */ (kept), extra));
}

/** The state that the address bar shows now. */
export function current() {
  return parse(location.hash);
}

/**
 * Change parameters of this page in place: no new entry in the history, no new rendering.
 * @param {Record<string, string | number | null | undefined>} changes
 */
export function replace(changes) {
  const { path, params } = current();
  const next = changed(params, changes);
  history.replaceState(history.state, '', format(path, next));
}
