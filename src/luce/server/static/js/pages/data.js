// @ts-check
/** Data: which, what is in them, and what each column is for. */

import { get } from '../api.js';
import { barChart } from '../charts/bars.js';
import { clear, h } from '../dom.js';
import { number, percent, word } from '../words.js';
import { readColumns, writeColumns } from './data/column_lists.js';
import { columnTable, withRole } from './data/roles.js';
import { firstRows, imageGrid } from './data/samples.js';
import { allSources, headerBox, removeUpload, sourceList, uploadZone } from './data/sources.js';

/** @typedef {import('../page.js').View} View */
/** @typedef {import('./data/roles.js').Roles} Roles */

/** Letters of a message. */
const LONGEST = 600;
/** So many classes are drawn as bars. */
const MOST_BARS = 30;
/** So many names of columns are shown where they are doubted. */
const MOST_NAMES = 5;

/** @type {import('../page.js').Page} */
export const page = {
  title: 'data.title',
  lead: 'data.lead',
  style: 'work',
  server: true,
  async show(root, view) {
    const bar = h('section', { class: 'columns' });
    const content = h('div', { class: 'stack', 'aria-busy': 'false' });
    root.append(bar, content);
    let turn = 0; // an answer that comes after a newer question is not shown
    await drawBar();
    await describe();

    async function drawBar() {
      const sources = await allSources(view.signal);
      const chosen = sources.find((source) => source.id === view.params.get('data'));
      const remove = h('button', { type: 'button', class: 'quiet small', onclick: forget }, word('data.remove'));
      const header = headerBox(chosen, lacksHeader(view), setHeader);
      clear(bar, h('div', { class: 'tight' }, sourceList(sources, chosen?.id, choose), header, chosen?.origin === 'upload' ? remove : null), uploadZone(view.signal, choose));
    }

    async function forget() {
      await removeUpload(view.params.get('data') ?? '');
      await choose(null);
    }

    /** @param {string | null} id */
    async function choose(id) {
      view.set({ data: id, target: null, text: null, ignore: null, no_header: null });
      await drawBar();
      await describe();
    }

    async function describe() {
      const id = view.params.get('data');
      turn += 1;
      const mine = turn;
      if (!id) {
        clear(content, h('p', { class: 'empty' }, word('data.none')));
        return;
      }
      content.setAttribute('aria-busy', 'true');
      if (!content.childElementCount) clear(content, h('p', { class: 'empty' }, word('data.reading')));
      const roles = rolesOf(view);
      try {
        const lacks = lacksHeader(view) ? 'no_header=1' : '';
        const { columns: names, target: taken } = await get(`/api/data/${encodeURIComponent(id)}/columns?${lacks}`, { signal: view.signal });
        if (mine !== turn) return; // the data may be gone
        try {
          const found = await get(`/api/data/${encodeURIComponent(id)}?${query(roles)}&${lacks}`, { signal: view.signal });
          if (mine === turn) drawAll(found, names, roles);
        } catch (error) {
          if (view.signal.aborted || mine !== turn) return;
          drawRefusal(error, names, roles, taken);
        }
      } catch (error) {
        if (view.signal.aborted || mine !== turn) return;
        drawRefusal(error, [], roles, null);
      }
      if (mine === turn) content.setAttribute('aria-busy', 'false');
    }

    /** The columns are called otherwise then, so the roles are forgotten. @param {boolean} lacks */
    async function setHeader(lacks) {
      view.set({ no_header: lacks ? '1' : null, target: null, text: null, ignore: null });
      await describe();
    }

    /** @param {Roles} roles */
    async function setRoles(roles) {
      view.set({ target: roles.target, text: writeColumns(roles.text) || null, ignore: writeColumns(roles.ignore) || null });
      await describe();
    }

    /** With the roles of now: those that were drawn may be older. @param {any} found @param {string[]} names */
    function toTraining(found, names) {
      const { target, text, ignore } = rolesOf(view);
      const columns = { target: target ?? (names.length ? found.target : null), text: writeColumns(text) || null, ignore: writeColumns(ignore) || null, no_header: lacksHeader(view) ? '1' : null };
      view.go('/train', { data: found.id, run: null, ...columns });
    }

    /** @param {unknown} error @param {string[]} names @param {Roles} roles @param {string | null} taken for the target where none is chosen */
    function drawRefusal(error, names, roles, taken) {
      const message = h('section', { class: 'panel', role: 'alert' }, h('h2', {}, word('data.refused')), h('p', {}, shortened(error instanceof Error ? error.message : String(error))));
      const options = { columns: [], names, rows: null, target: roles.target ?? taken, roles, fixedTarget: false, total: names.length };
      const table = columnTable({ ...options, onRole: (column, role) => setRoles(withRole(rolesOf(view), column, role)) });
      clear(content, message, names.length ? h('section', {}, h('h2', {}, word('data.columns')), h('p', { class: 'muted' }, word('data.refused.roles')), table) : null);
    }

    /** @param {any} found @param {string[]} names @param {Roles} roles */
    function drawAll(found, names, roles) {
      const isTable = found.kind === 'table' && found.columns.length > 0;
      const leaks = found.columns.filter((/** @type {any} */ column) => column.leaks);
      const train = h('button', { type: 'button', class: 'primary', onclick: () => toTraining(found, names) }, word('data.train'));
      clear(
        content,
        h('section', {}, h('div', { class: 'row apart' }, h('h2', {}, found.name), train), figures(found)),
        found.header_doubt ? doubt() : null,
        leaks.length || found.contradictory_rows ? h('section', { class: 'tight' }, h('h2', {}, word('data.warnings')), leaks.map((/** @type {any} */ column) => leak(column)), contradictions(found)) : null,
        isTable ? h('section', {}, h('h2', {}, word('data.columns')), columnTable({ columns: found.columns, names, rows: found.rows, target: found.target, roles, fixedTarget: names.length === 0, total: found.column_count + 1, onRole: (column, role) => setRoles(withRole(rolesOf(view), column, role)) })) : null,
        h('section', {}, h('h2', {}, word('data.classes')), balance(found)),
        found.images.length ? h('section', {}, h('h2', {}, word('data.images')), imageGrid(found.images)) : null,
        found.first_rows.length ? h('section', {}, h('h2', {}, word('data.rows')), firstRows(found.first_rows, found.target)) : null,
        found.notes.length ? h('section', {}, h('details', {}, h('summary', {}, word('data.notes', { n: found.notes.length })), h('ul', { class: 'prose' }, found.notes.map((/** @type {string} */ note) => h('li', {}, note))))) : null,
      );

      function doubt() {
        const read = h('button', { type: 'button', class: 'small', onclick: () => setHeader(true).then(drawBar) }, word('data.header.lacks'));
        const shown = names.slice(0, MOST_NAMES).map((name) => word('data.header.name', { name: name.slice(0, 40) }));
        return h('p', { class: 'note bad', role: 'alert' }, word('data.header.doubt', { names: shown.join(' ') + (names.length > MOST_NAMES ? ' …' : '') }), ' ', read);
      }

      /** @param {any} column */
      function leak(column) {
        const ignore = h('button', { type: 'button', class: 'small', onclick: () => setRoles(withRole(rolesOf(view), column.column, 'ignore')) }, word('data.leak.ignore'));
        return h('p', { class: 'note bad' }, word('data.leak.why', { column: column.column, share: percent(column.alone) }), ' ', ignore);
      }
    }
  },
};

/** A message may quote a cell of any length; its ends say what is wrong and what to do. */
function shortened(/** @type {string} */ message) {
  return message.length <= LONGEST ? message : `${message.slice(0, LONGEST / 2)} … ${message.slice(-LONGEST / 2)}`;
}

/** Whether the file was said to begin with a row. @param {View} view */
function lacksHeader(view) {
  return view.params.get('no_header') === '1';
}

/** The roles that the address gives. @param {View} view @returns {Roles} */
function rolesOf(view) {
  return {
    target: view.params.get('target') ?? null,
    text: readColumns(view.params.get('text')),
    ignore: readColumns(view.params.get('ignore')),
  };
}

/** @param {Roles} roles */
function query(roles) {
  const query = new URLSearchParams();
  if (roles.target) query.set('target', roles.target);
  for (const name of roles.text) query.append('text', name);
  for (const name of roles.ignore) query.append('ignore', name);
  return query;
}

/** @param {any} found */
function figures(found) {
  const stat = (/** @type {string} */ name, /** @type {string} */ value, /** @type {string} */ more = '') =>
    h('div', { class: 'stat' }, h('dt', {}, name), h('dd', {}, value, more ? h('div', { class: 'more' }, more) : null));
  const shape = found.shape.length > 1 ? found.shape.join(' × ') : '';
  const largest = found.classes[0];
  return h(
    'dl',
    { class: 'stats few' },
    stat(word('data.stat.rows'), number(found.rows), word('data.stat.repeated', { n: found.repeated_rows })),
    stat(word('data.stat.features'), number(found.features), shape || word('data.stat.columns', { n: found.column_count })),
    stat(word('data.stat.classes'), number(found.class_count), word('data.stat.largest', { name: largest.class, share: percent(largest.share) })),
    stat(word('data.stat.target'), found.target ?? '–'),
  );
}

/** @param {any} found */
function contradictions(found) {
  return found.contradictory_rows ? h('p', { class: 'note bad' }, word('data.contradictory', { n: found.contradictory_rows })) : null;
}

/** @param {any} found */
function balance(found) {
  const shown = found.classes.slice(0, MOST_BARS);
  const smallest = found.classes[found.classes.length - 1];
  const caption = word('data.balance', { name: smallest.class, rows: smallest.rows });
  const chart = barChart({
    caption: shown.length < found.class_count ? word('data.balance.some', { shown: shown.length, total: found.class_count }) : caption,
    labels: shown.map((/** @type {any} */ entry) => entry.class),
    values: shown.map((/** @type {any} */ entry) => entry.rows),
    horizontal: true,
  });
  return chart.element;
}
