// @ts-check
/** What a page is. Types only. */

/**
 * A page's view of the URL and of its own life.
 * @typedef {object} View
 * @property {ReadonlyMap<string, string>} params parameters of the hash, always those of now
 * @property {(changes: Record<string, string | number | null | undefined>) => void} set change
 *   parameters in place (no rendering, no new entry in the history); null deletes
 * @property {(path: string, params?: Record<string, string | number | null | undefined>) => void} go
 *   open another page; language, theme, data, model and run stay unless given
 * @property {(path: string, params?: Record<string, string | number | null | undefined>) => string} link
 *   the same as an address for `href`
 * @property {AbortSignal} signal aborted when the page is left: pass it to fetch and listeners
 */

/**
 * The shell writes the heading (`title`) and the sentence below it (`lead`); `show` fills the rest.
 * @typedef {object} Page
 * @property {string} title key of the heading's words
 * @property {string} [lead] key of the words below the heading
 * @property {string} [style] name of a style sheet in css/, loaded before the page is shown
 * @property {boolean} [server] whether it needs `luce ui` behind it; without, the shell says so
 * @property {readonly (readonly [string, string])[]} [keys] keys of the keyboard and the keys of
 *   the words that tell what they do, for the help
 * @property {(root: HTMLElement, view: View) => void | (() => void) | Promise<void | (() => void)>} show
 *   fill `root`; may return what stops timers and streams
 */

export {};
