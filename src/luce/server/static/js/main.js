// @ts-check
/** Start: language and theme, the menu, and the page that the address names. */

import { ApiError, hasServer } from './api.js';
import { clear, h, set } from './dom.js';
import { ROUTES } from './routes.js';
import { changed, current, format, link, replace } from './state.js';
import { LANGUAGES, language, setLanguage, word } from './words.js';
import { toast } from './widgets/toast.js';
import { showKeys } from './keys.js';

/** @typedef {import('./page.js').Page} Page */
/** @typedef {import('./routes.js').Route} Route */

const THEMES = /** @type {const} */ (['auto', 'light', 'dark']);
const NAMES = { en: 'English', zh: '中文' };

let leave = new AbortController();
let cleanUp = () => {};
/** @type {Page | null} */
let shown = null;
let turn = 0;

const nav = h('nav', { id: 'menu' });
const corner = h('div', { class: 'corner' });
const main = h('main', { id: 'content', tabindex: -1 });
const toasts = h('div', { id: 'toasts' });
const skip = h('a', { class: 'skip', href: '#content', onclick: (/** @type {Event} */ event) => {
  event.preventDefault(); // the hash is the address of the page
  main.focus();
} });
const menu = h('button', { type: 'button', class: 'quiet menu', 'aria-controls': 'menu', 'aria-expanded': 'false' });
menu.addEventListener('click', () => openMenu(menu.getAttribute('aria-expanded') !== 'true'));

/** @param {boolean} open */
function openMenu(open) {
  menu.setAttribute('aria-expanded', String(open));
  nav.dataset.open = open ? 'yes' : 'no';
}

/** The path of a route, or undefined. @param {string} path */
function routeOf(path) {
  return ROUTES.find((route) => route.path === path);
}

/** Language and theme: from the address, else as last time, else what the browser prefers. */
function wishes() {
  const { params } = current();
  const stored = { lang: localStorage.getItem('luce-lang'), theme: localStorage.getItem('luce-theme') };
  const lang = params.get('lang') ?? stored.lang ?? (navigator.language.startsWith('zh') ? 'zh' : 'en');
  const theme = params.get('theme') ?? stored.theme ?? 'auto';
  return { lang: LANGUAGES.find((name) => name === lang) ?? 'en', theme: THEMES.find((name) => name === theme) ?? 'auto' };
}

/** @param {{lang?: string, theme?: string}} wish */
function choose(wish) {
  for (const [key, value] of Object.entries(wish)) localStorage.setItem(`luce-${key}`, value);
  replace(wish);
  show();
}

function drawMenu() {
  const { path, params } = current();
  /** @param {Route} route */
  const item = (route) =>
    h('li', {}, h('a', { href: link(params, route.path), 'aria-current': route.path === path ? 'page' : null }, word(route.title)));
  /** @param {'start' | 'explore' | 'work'} group */
  const list = (group) => h('ul', {}, ROUTES.filter((route) => route.group === group).map(item));
  set(nav, { 'aria-label': word('shell.pages') });
  clear(
    nav,
    h('a', { class: 'brand', href: link(params, '/') }, h('img', { src: 'icon.svg', alt: '', width: 28, height: 28 }), h('span', {}, 'luce', h('small', {}, word('shell.tagline')))),
    list('start'),
    h('h2', {}, word('shell.explore')),
    list('explore'),
    h('h2', {}, word('shell.work')),
    list('work'),
  );
}

function drawCorner() {
  const { theme } = wishes();
  const other = language() === 'en' ? 'zh' : 'en';
  const next = THEMES[(THEMES.indexOf(theme) + 1) % THEMES.length] ?? 'auto';
  const symbol = { auto: '◐', light: '○', dark: '●' }[theme];
  clear(
    corner,
    h('button', { type: 'button', class: 'quiet', lang: other, 'aria-label': `${word('shell.language')}: ${NAMES[other]}`, onclick: () => choose({ lang: other }) }, NAMES[other]),
    h('button', { type: 'button', class: 'quiet', title: word(`shell.theme.${theme}`), 'aria-label': `${word('shell.theme')}: ${word(`shell.theme.${theme}`)}`, onclick: () => choose({ theme: next }) }, symbol),
    h('button', { type: 'button', class: 'quiet', 'aria-label': word('shell.help'), onclick: () => showKeys(shown) }, '?'),
  );
  skip.textContent = word('shell.skip');
  clear(menu, '☰ ', word('shell.menu'));
}

/** Show the page of the address, as if opened anew. @param {boolean} [moved] whether by a link */
async function show(moved = false) {
  turn += 1;
  const mine = turn;
  leave.abort();
  cleanUp();
  cleanUp = () => {};
  leave = new AbortController();
  const { lang, theme } = wishes();
  const route = routeOf(current().path);
  const loading = route?.load(); // together with the words
  loading?.catch(() => {}); // it is awaited below
  if (lang !== language() || document.documentElement.lang === '') await setLanguage(lang);
  set(document.documentElement, { lang: lang === 'zh' ? 'zh-Hans' : 'en', 'data-theme': theme });
  drawMenu();
  drawCorner();
  openMenu(false);
  try {
    if (!loading) throw new Error(word('shell.unknown'));
    const { page } = await loading;
    if (page.style) await loadStyle(page.style);
    if (mine !== turn) return;
    for (const [name, { link }] of styles) link.media = name === page.style ? 'all' : 'not all';
    shown = page;
    const heading = header(page);
    const root = h('div', { class: 'page' });
    clear(main, heading, root);
    if (moved) {
      scrollTo(0, 0);
      heading.querySelector('h1')?.focus();
    }
    if (page.server && !hasServer()) {
      clear(root, needsServer());
      return;
    }
    const patience = waiting(root);
    const result = await Promise.resolve(page.show(root, viewOf(leave.signal))).finally(patience);
    if (mine === turn) cleanUp = result ?? (() => {});
    else result?.();
  } catch (error) {
    if (mine === turn && !leave.signal.aborted) fail(error);
  }
}

/** The style sheets of pages; only that of the page that is shown counts. @type {Map<string, {link: HTMLLinkElement, loaded: Promise<void>}>} */
const styles = new Map();

/** Load a page's style sheet once; wait for it, so that nothing is seen without. @param {string} name */
function loadStyle(name) {
  const known = styles.get(name);
  if (known) return known.loaded;
  const link = h('link', { rel: 'stylesheet', href: `css/${name}.css` });
  /** @type {Promise<void>} */
  const loaded = new Promise((resolve) => {
    link.onload = link.onerror = () => resolve();
  });
  styles.set(name, { link, loaded });
  document.head.append(link);
  return loaded;
}

/** @param {Page} page */
function header(page) {
  document.title = `${word(page.title)} · luce`;
  return h('header', { class: 'head' }, h('h1', { tabindex: -1 }, word(page.title)), page.lead ? h('p', { class: 'lead' }, word(page.lead)) : null);
}

/**
 * Say that a page is loading if that takes long enough to be noticed.
 * @param {HTMLElement} root
 * @returns {() => void} it has been loaded
 */
function waiting(root) {
  const words = h('p', { class: 'hint', role: 'status' });
  root.after(words);
  const timer = setTimeout(() => clear(words, word('shell.loading')), 300);
  return () => {
    clearTimeout(timer);
    words.remove();
  };
}

/** @param {AbortSignal} signal @returns {import('./page.js').View} */
function viewOf(signal) {
  return {
    get params() {
      return current().params;
    },
    set(changes) {
      if (!signal.aborted) replace(changes);
    },
    go(path, params) {
      location.hash = link(current().params, path, params);
    },
    link: (path, params) => link(current().params, path, params),
    signal,
  };
}

function needsServer() {
  return h('section', { class: 'panel' }, h('h2', {}, word('shell.needsServer')), h('p', {}, word('shell.needsServer.how')), h('pre', {}, h('code', {}, "pip install 'luce[app]'\nluce ui")));
}

/** @param {unknown} error */
function fail(error) {
  const noToken = error instanceof ApiError && error.status === 401;
  const noAnswer = error instanceof ApiError && error.status === 0;
  const words = noToken ? word('shell.noToken.how') : noAnswer ? word('shell.noAnswer') : error instanceof Error ? error.message : String(error);
  const title = word(noToken ? 'shell.noToken' : 'shell.failed');
  if (!(error instanceof ApiError) && routeOf(current().path)) console.error(error);
  clear(main, h('section', { class: 'panel', role: 'alert' }, h('h1', { tabindex: -1 }, title), h('p', {}, words), h('p', {}, h('a', { href: link(current().params, '/') }, word('shell.toStart')))));
}

/** @param {number} by */
function turnPage(by) {
  const { path, params } = current();
  const at = ROUTES.findIndex((route) => route.path === path);
  const next = ROUTES[(at + by + ROUTES.length) % ROUTES.length];
  if (next) location.hash = link(params, next.path);
}

/** Keys that work everywhere, unless something is typed. @param {KeyboardEvent} event */
function onKey(event) {
  if (event.key === 'Escape') openMenu(false);
  const target = /** @type {HTMLElement} */ (event.target);
  const typing = target.matches?.('input:not([type=checkbox], [type=radio], [type=range]), textarea, select');
  if (typing || event.ctrlKey || event.metaKey || event.altKey || document.querySelector('dialog[open]')) return;
  if (localStorage.getItem('luce-keys') === 'off') return;
  const { theme } = wishes();
  const actions = /** @type {Record<string, () => void>} */ ({
    '?': () => showKeys(shown),
    ']': () => turnPage(1),
    '[': () => turnPage(-1),
    L: () => choose({ lang: language() === 'en' ? 'zh' : 'en' }),
    T: () => choose({ theme: THEMES[(THEMES.indexOf(theme) + 1) % THEMES.length] ?? 'auto' }),
  });
  const action = actions[event.key];
  if (!action) return;
  event.preventDefault();
  action();
}

/** What a page has not caught: a request that failed is told, one that was given up is not. */
function onRejection(/** @type {PromiseRejectionEvent} */ event) {
  const { reason } = event;
  if (!(reason instanceof ApiError) && reason?.name !== 'AbortError') return;
  event.preventDefault();
  if (reason instanceof ApiError) toast(reason.status ? reason.message : word('shell.noAnswer'), 'bad');
}

document.documentElement.lang = '';
document.body.append(skip, nav, h('header', { class: 'top' }, menu, corner), main, toasts);
if (!location.hash) history.replaceState(null, '', format('/', changed(new Map(), {})));
addEventListener('hashchange', () => show(true));
addEventListener('keydown', onKey);
addEventListener('unhandledrejection', onRejection);
matchMedia('(prefers-color-scheme: dark)').addEventListener('change', () => show());
show();
