// @ts-check
/** The Serve page: a server for this model alone, its address, how to ask it, and a try. */

import { get, post } from '../api.js';
import { add, clear, h } from '../dom.js';
import { choice } from '../widgets/choice.js';
import { codeBlock } from '../widgets/code.js';
import { textField } from '../widgets/field.js';
import { tabs } from '../widgets/tabs.js';
import { fixed, number, word } from '../words.js';
import { chosenModel } from './model/chosen.js';
import { isAbort, problem } from './model/loading.js';
import { inferBody, rowBody } from './serve/bodies.js';
import { curl, javascript, python, usualPort } from './serve/snippets.js';

const POLL = 400; // ms between looks at a server that starts
const TIMES = 100;

/** @type {import('../page.js').Page} */
export const page = {
  title: 'serve.title',
  style: 'model',
  lead: 'serve.lead',
  server: true,
  async show(root, view) {
    const chosen = await chosenModel(root, view, '/serve');
    if (!chosen) return;
    const path = `/api/models/${chosen.id}`;
    const form = await get(`${path}/form`, { signal: view.signal });
    const sample = form.samples > 0 ? await get(`${path}/sample`, { signal: view.signal }) : null;
    const body = rowBody(form, sample);
    const desk = tryBox(path, JSON.stringify(body, null, form.image_shape || form.input === 'array' ? 0 : 1), view);
    const state = stateBox(path, view, (address) => {
      desk.open(address !== null);
      snippets.update(address ?? usualAddress());
    });
    const snippets = snippetBox({
      luce: { path: '/v1/predict', body: JSON.stringify(body) },
      kserve: { path: `/v2/models/${form.served_name}/infer`, body: JSON.stringify(inferBody(form, sample)) },
    });
    add(root, [state.element, snippets.element, desk.element]);
    state.start();
    return state.stop;
  },
};

/** Where luce serve is found when it is started in a terminal. */
function usualAddress() {
  return `http://127.0.0.1:${usualPort(location.port)}`;
}

/**
 * @param {string} path
 * @param {import('../page.js').View} view
 * @param {(address: string | null) => void} onAddress
 */
function stateBox(path, view, onAddress) {
  let timer = 0;
  let known = '';
  const light = h('p', { class: 'server-state', 'aria-live': 'polite' }, '');
  const where = h('div', {});
  const log = h('pre', { tabindex: '0', 'aria-label': word('serve.log') });
  const words = h('details', {}, h('summary', {}, word('serve.log')), log);
  const start = h('button', { type: 'button', class: 'primary', onclick: () => change('POST') }, word('serve.start'));
  const stop = h('button', { type: 'button', onclick: () => change('DELETE') }, word('serve.stop'));
  const terminal = codeBlock({ label: word('serve.terminal'), code: 'luce serve' });

  /** @param {'POST' | 'DELETE'} method */
  async function change(method) {
    start.disabled = true;
    stop.disabled = true;
    await look(() => post(`${path}/server`, {}, { method, signal: view.signal }));
  }

  /** @param {() => Promise<any>} ask */
  async function look(ask) {
    clearTimeout(timer);
    try {
      show(await ask());
    } catch (error) {
      if (!isAbort(error)) clear(where, problem(error));
    }
  }

  /** @param {any} tree */
  function show(tree) {
    start.disabled = tree.state === 'starting' || tree.state === 'running';
    stop.disabled = tree.state === 'stopped' || tree.state === 'failed';
    const port = usualPort(location.port);
    terminal.update(`luce serve ${tree.path}${port === 8000 ? '' : ` --port ${port}`}`);
    light.dataset['state'] = tree.state;
    const text = word(`serve.state.${tree.state}`);
    if (light.textContent !== text) light.textContent = text;
    log.textContent = tree.log;
    words.hidden = tree.log === '';
    if (tree.state === 'failed') words.open = true;
    if (known !== String(tree.address)) {
      known = String(tree.address);
      clear(where, tree.address ? codeBlock({ label: word('serve.address'), code: tree.address }).element : null);
      onAddress(tree.address);
    }
    if (tree.state === 'starting') timer = setTimeout(() => look(again), POLL);
  }

  const again = () => get(`${path}/server`, { signal: view.signal });
  return {
    element: h(
      'section',
      { class: 'panel stack' },
      light,
      h('div', { class: 'row' }, start, stop),
      where,
      words,
      h('p', { class: 'hint' }, word('serve.child')),
      terminal.element,
    ),
    start: () => void look(again),
    stop: () => clearTimeout(timer),
  };
}

/** @param {Record<string, {path: string, body: string}>} ways the same question in two protocols */
function snippetBox(ways) {
  const makers = { curl, python, javascript };
  let address = usualAddress();
  let way = 'luce';
  /** @type {{update(code: string): void, make: (url: string, body: string) => string} | null} */
  let open = null;
  const code = (/** @type {(url: string, body: string) => string} */ make) => {
    const { path, body } = ways[way] ?? { path: '', body: '' };
    return make(address + path, body);
  };
  const redraw = () => open?.update(code(open.make));
  const protocol = choice({
    label: word('serve.protocol'),
    options: Object.keys(ways).map((value) => ({ value, label: word(`serve.protocol.${value}`) })),
    value: way,
    onChange: (value) => {
      way = value;
      redraw();
    },
  });
  const items = Object.entries(makers).map(([id, make]) => ({
    id,
    label: word(`serve.snippet.${id}`),
    show: (/** @type {HTMLElement} */ panel) => {
      const block = codeBlock({ label: word(`serve.snippet.${id}`), code: code(make) });
      open = { update: block.update, make };
      add(panel, [block.element]);
    },
  }));
  const element = h('section', { class: 'panel stack' }, h('h2', {}, word('serve.snippets')), protocol.element, tabs({ label: word('serve.snippets'), items }).element);
  return {
    element,
    update(/** @type {string} */ next) {
      address = next;
      redraw();
    },
  };
}

/**
 * @param {string} path
 * @param {string} body
 * @param {import('../page.js').View} view
 */
function tryBox(path, body, view) {
  const text = textField({ label: word('serve.body'), value: body, lines: 8 });
  text.input.classList.add('mono');
  const reply = h('div', { 'aria-live': 'polite', class: 'stack' });
  const send = h('button', { type: 'button', class: 'primary', onclick: () => attempt(1) }, word('serve.send'));
  const measure = h('button', { type: 'button', onclick: () => attempt(TIMES) }, word('serve.measure', { n: TIMES }));
  const closed = h('p', { class: 'hint' }, word('serve.closed'));

  /** @param {number} times */
  async function attempt(times) {
    for (const button of [send, measure]) button.disabled = true;
    try {
      const tree = await post(`${path}/server/try`, { body: text.value, times }, { signal: view.signal });
      clear(reply, told(tree), h('pre', { tabindex: '0', 'aria-label': word('serve.reply') }, indented(tree.body)));
    } catch (error) {
      if (!isAbort(error)) clear(reply, problem(error));
    }
    for (const button of [send, measure]) button.disabled = false;
  }

  const element = h(
    'section',
    { class: 'panel stack' },
    h('h2', {}, word('serve.try')),
    closed,
    text.element,
    h('div', { class: 'row' }, send, measure),
    reply,
  );
  return {
    element,
    open(/** @type {boolean} */ running) {
      for (const button of [send, measure]) button.disabled = !running;
      closed.hidden = running;
    },
  };
}

/** @param {any} tree */
function told(tree) {
  const { least, median, p95 } = tree.milliseconds;
  const ms = (/** @type {number} */ x) => fixed(x, 2);
  const kind = tree.status < 400 ? 'good' : 'bad';
  return h(
    'p',
    {},
    h('span', { class: `badge ${kind}` }, number(tree.status)),
    ' ',
    tree.times === 1
      ? word('serve.latency.one', { ms: ms(median) })
      : word('serve.latency.many', { n: tree.times, least: ms(least), median: ms(median), p95: ms(p95) }),
  );
}

/** @param {string} text */
function indented(text) {
  try {
    return JSON.stringify(JSON.parse(text), null, 2);
  } catch {
    return text;
  }
}
