// @ts-check
/** Train: choose options, see the same as a command, watch, stop, resume and compare. */

import { get, post } from '../api.js';
import { clear, h } from '../dom.js';
import { codeBlock } from '../widgets/code.js';
import { language, word } from '../words.js';
import { readColumns } from './data/column_lists.js';
import { allSources, headerBox, sourceList, uploadZone } from './data/sources.js';
import { commandLine, pythonCode } from './train/command.js';
import { currentRun } from './train/current.js';
import { curveCharts } from './train/curves.js';
import { optionForm } from './train/form.js';
import { follow } from './train/history.js';
import { differenceTable, runTable } from './train/runs.js';

/** @typedef {import('./train/command.js').Settings} Settings */
/** @typedef {import('./train/command.js').Option} Option */
/** @typedef {import('./train/runs.js').Run} Run */
/** @typedef {import('./train/history.js').History} History */

/** Options in the address are named so: `o.C=10`. */
const PREFIX = 'o.';
/** Milliseconds between two looks for runs that were started elsewhere. */
const LOOK = 4000;

/** @type {import('../page.js').Page} */
export const page = {
  title: 'train.title',
  lead: 'train.lead',
  style: 'work',
  server: true,
  async show(root, view) {
    const [{ options }, sources] = await Promise.all([get('/api/options', { signal: view.signal }), allSources(view.signal)]);
    const table = /** @type {Option[]} */ (options);
    const setup = h('section', { class: 'setup' });
    const live = h('section', { class: 'live' });
    const list = h('section', {});
    // Who comes with a run, from the start or by a bookmark, wants to see it first.
    root.append(...(view.params.has('run') ? [live, setup, list] : [setup, live, list]));

    /** @type {Map<string, {history: History | null, close: () => void}>} */
    const followed = new Map();
    /** @type {Run[]} */
    let runs = [];
    const current = currentRun({ table, onChange: refresh, toModel: (id) => view.go('/model', { model: id, run: id }), language: language() });
    const charts = curveCharts();
    const differing = h('div', { class: 'tight' });
    clear(live, current.element, charts.element, differing);
    live.hidden = true;

    drawSetup();
    await refresh();
    const timer = setInterval(() => {
      if (!document.hidden) refresh();
    }, LOOK);
    return () => {
      clearInterval(timer);
      for (const { close } of followed.values()) close();
    };

    function drawSetup() {
      const source = sources.find((one) => one.id === view.params.get('data'));
      const choose = (/** @type {string} */ id) => {
        view.set({ data: id, target: null, text: null, ignore: null, no_header: null });
        location.hash = view.link('/train', { data: id });
      };
      const data = h('div', { class: 'columns' }, sourceList(sources, source?.id, choose), source ? columnsChosen(source) : uploadZone(view.signal, choose));
      if (!source) {
        clear(setup, data, h('p', { class: 'empty' }, word('train.noData')));
        return;
      }
      const command = codeBlock({ label: word('train.command'), code: '' });
      const python = codeBlock({ label: 'Python', code: '' });
      const start = h('button', { type: 'button', class: 'primary large', onclick: () => begin() }, word('train.start'));
      const refusal = h('div', { 'aria-live': 'polite' });
      const form = optionForm(table, settingsOf(view.params, table), (settings, isGood) => {
        for (const { name } of table) view.set({ [PREFIX + name]: settings[name] === undefined ? null : String(settings[name]) });
        start.disabled = !isGood;
        write(settings);
      });
      /** @param {Settings} settings */
      const write = (settings) => {
        const all = { ...columnSettings(source.origin !== 'named'), ...settings };
        command.update(commandLine(source.name, all, table));
        python.update(pythonCode(source.name, all, table));
      };
      write(form.settings());
      clear(setup, data, h('h2', {}, word('train.options')), form.element, h('div', { class: 'go' }, start, refusal), h('h3', {}, word('train.same.as')), h('div', { class: 'columns' }, command.element, python.element));

      async function begin() {
        clear(refusal);
        start.disabled = true;
        try {
          const { valid, ...options } = form.settings();
          const columns = { target: view.params.get('target') ?? null, text: readColumns(view.params.get('text')), ignore: readColumns(view.params.get('ignore')) };
          const no_header = view.params.get('no_header') === '1' || null;
          const { run } = await post('/api/train', { source: source?.id, ...columns, no_header, valid: valid ?? null, options });
          view.set({ run, with: null });
          await refresh();
          live.scrollIntoView({ block: 'start', behavior: matchMedia('(prefers-reduced-motion: reduce)').matches ? 'auto' : 'smooth' });
        } catch (error) {
          clear(refusal, h('p', { class: 'note bad', role: 'alert' }, error instanceof Error ? error.message : String(error)));
        }
        start.disabled = false;
      }
    }

    /** The columns are called otherwise then, so what they are for is forgotten. @param {boolean} lacks */
    function setHeader(lacks) {
      view.set({ no_header: lacks ? '1' : null, target: null, text: null, ignore: null });
      keepFocus(setup, drawSetup);
    }

    /** What the Data page has set, in words. @param {import('./data/sources.js').Source} source */
    function columnsChosen(source) {
      const hasTarget = source.origin !== 'named';
      const ignored = readColumns(view.params.get('ignore'));
      const texts = readColumns(view.params.get('text'));
      const target = hasTarget ? (view.params.get('target') ?? word('train.guessed')) : word('train.ownTarget');
      return h('div', { class: 'tight' },
        h('p', {}, word('train.target', { target })),
        texts.length ? h('p', {}, word('train.texts', { columns: texts.join(', ') })) : null,
        ignored.length ? h('p', {}, word('train.ignored', { columns: ignored.join(', ') })) : null,
        headerBox(source, view.params.get('no_header') === '1', setHeader),
        h('p', {}, h('a', { href: view.link('/data', columnParams()) }, word('train.toData'))));
    }

    function columnParams() {
      return { target: view.params.get('target'), text: view.params.get('text'), ignore: view.params.get('ignore'), no_header: view.params.get('no_header') };
    }

    /** @param {boolean} hasTarget @returns {Settings} */
    function columnSettings(hasTarget) {
      const given = Object.entries(columnParams()).filter(([name, value]) => value && (hasTarget || name !== 'target'));
      return /** @type {Settings} */ (Object.fromEntries(given.map(([name, value]) => [name, name === 'no_header' ? true : value])));
    }

    function compared() {
      return (view.params.get('with') ?? '').split(',').filter(Boolean);
    }

    async function refresh() {
      try {
        ({ runs } = await get('/api/runs', { signal: view.signal }));
      } catch (error) {
        if (!view.signal.aborted) clear(list, h('p', { class: 'note bad', role: 'alert' }, error instanceof Error ? error.message : String(error)));
        return;
      }
      drawRuns();
    }

    function drawRuns() {
      const focused = runs.find((run) => run.id === view.params.get('run'));
      const others = compared().flatMap((id) => runs.filter((run) => run.id === id && run !== focused));
      const shown = [...(focused ? [focused] : []), ...others];
      live.hidden = shown.length === 0;
      if (focused) current.update(focused);
      else if (others[0]) current.update(others[0]);
      clear(differing, shown.length > 1 ? [h('h3', {}, word('train.differences')), differenceTable(shown)] : null);
      followAll(shown);
      const options = { runs, compared: compared(), focused: focused?.id };
      /** @param {string} id */
      const onFocus = (id) => {
        view.set({ run: id });
        drawRuns();
        live.scrollIntoView({ block: 'nearest' });
      };
      /** @param {string} id @param {boolean} on */
      const onCompare = (id, on) => {
        view.set({ with: [...compared().filter((other) => other !== id), ...(on ? [id] : [])].join(',') || null });
        drawRuns();
      };
      keepFocus(list, () => clear(list, h('h2', {}, word('train.runs')), runs.length ? runTable({ ...options, onFocus, onCompare }) : h('p', { class: 'empty' }, word('train.noRuns'))));
    }

    /** Follow the runs that are shown, and no others. @param {Run[]} shown */
    function followAll(shown) {
      const names = new Map(shown.map((run) => [run.id, run.name]));
      for (const [id, { close }] of followed) {
        if (names.has(id)) continue;
        close();
        followed.delete(id);
      }
      const draw = () =>
        charts.update([...names].flatMap(([id, name]) => {
          const history = followed.get(id)?.history;
          return history?.length ? [{ id, name, history }] : [];
        }));
      for (const run of shown) {
        const known = followed.get(run.id);
        const again = known?.close === stopped && (run.state === 'running' || run.state === 'preparing');
        if (known && !again) continue;
        const entry = { history: /** @type {History | null} */ (null), close: () => {} };
        followed.set(run.id, entry);
        entry.close = follow(run.id, {
          onEntries: (history) => {
            entry.history = history;
            redraw();
          },
          onState: (state) => {
            const changed = runs.find((one) => one.id === run.id);
            if (changed && changed.state !== state.state) refresh();
          },
          onEnd: () => {
            entry.close = stopped;
            refresh();
          },
        });
      }
      redraw = draw;
      draw();
    }
  },
};

/** Stands for a stream that has ended. */
const stopped = () => {};
let redraw = () => {};

/**
 * The options that the address gives.
 * @param {ReadonlyMap<string, string>} params
 * @param {readonly Option[]} table
 * @returns {Settings}
 */
function settingsOf(params, table) {
  const given = table.flatMap(({ name, kind }) => {
    const value = params.get(PREFIX + name);
    return value === undefined ? [] : [[name, kind === 'text' || Number.isNaN(Number(value)) ? value : Number(value)]];
  });
  return Object.fromEntries(given);
}

/**
 * Draw something anew; what has the focus is found again by its place.
 * @param {HTMLElement} element
 * @param {() => void} draw
 */
function keepFocus(element, draw) {
  const controls = () => [...element.querySelectorAll('button, input, [tabindex]')];
  const at = document.activeElement ? controls().indexOf(document.activeElement) : -1;
  const left = element.querySelector('.scroll')?.scrollLeft ?? 0;
  draw();
  const again = at < 0 ? null : controls()[at];
  if (again instanceof HTMLElement) again.focus({ preventScroll: true });
  const scroll = element.querySelector('.scroll');
  if (scroll) scroll.scrollLeft = left;
}
