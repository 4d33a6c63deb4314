// @ts-check
/** The columns of a table: what each is for, how it is read, and what is wrong with it. */

import { h } from '../../dom.js';
import { dataTable } from '../../widgets/table.js';
import { number, percent, word } from '../../words.js';

/** @typedef {'learn' | 'target' | 'text' | 'ignore'} Role */
/** @typedef {{target: string | null, text: string[], ignore: string[]}} Roles */
/** @typedef {{column: string, kind: string, values: number, missing: number, alone: number | null, leaks: boolean}} Column */

/** Letters of a name; a file without a header has texts for names. */
const LONGEST = 80;

/**
 * The roles after one column was given another.
 * @param {Roles} roles
 * @param {string} column
 * @param {Role} role
 * @returns {Roles}
 */
export function withRole(roles, column, role) {
  const others = (/** @type {string[]} */ names) => names.filter((name) => name !== column);
  const target = roles.target === column ? null : roles.target;
  return {
    target: role === 'target' ? column : target,
    text: role === 'text' ? [...others(roles.text), column] : others(roles.text),
    ignore: role === 'ignore' ? [...others(roles.ignore), column] : others(roles.ignore),
  };
}

/**
 * @param {{columns: readonly Column[], names: readonly string[], rows: number | null,
 *   target: string | null, roles: Roles, fixedTarget: boolean, total: number,
 *   onRole: (column: string, role: Role) => void}} options names: all columns in the order of the
 *   file; fixedTarget: the data bring their own labels
 */
export function columnTable({ columns, names, rows, target, roles, fixedTarget, total, onRole }) {
  const known = new Map(columns.map((column) => [column.column, column]));
  const all = [...new Set([...names, ...known.keys(), ...roles.ignore, ...(target ? [target] : [])])];
  /** @param {string} name @returns {Role} */
  const roleOf = (name) => {
    if (name === target) return 'target';
    if (roles.ignore.includes(name)) return 'ignore';
    return roles.text.includes(name) || known.get(name)?.kind === 'words' ? 'text' : 'learn';
  };
  const table = dataTable({
    caption: word('data.columns'),
    hideCaption: true,
    columns: [
      { key: 'name', label: word('data.column'), show: (name) => (name.length > LONGEST ? h('span', { title: name }, `${name.slice(0, LONGEST)}…`) : name) },
      { key: 'role', label: word('data.role'), show: (role, row) => roleSelect(row.name, role, fixedTarget, onRole) },
      { key: 'kind', label: word('data.kind'), show: (kind) => (kind ? word(`data.kind.${kind}`) : '–') },
      { key: 'values', label: word('data.values'), numeric: true },
      { key: 'missing', label: word('data.missing'), numeric: true, show: (missing) => missingCell(missing, rows) },
      { key: 'alone', label: word('data.alone'), numeric: true, show: (alone, row) => aloneCell(alone, row.leaks) },
    ],
    rows: all.map((name) => ({ name, role: roleOf(name), ...known.get(name) })),
  });
  table.element.classList.add('roles');
  const caption = total > all.length ? word('data.columns.some', { shown: all.length, total }) : word('data.columns.caption');
  return [h('p', { class: 'hint' }, caption), table.element];
}

/**
 * @param {string} name
 * @param {Role} role
 * @param {boolean} fixedTarget
 * @param {(column: string, role: Role) => void} onRole
 */
function roleSelect(name, role, fixedTarget, onRole) {
  if (role === 'target') return h('span', { class: 'badge' }, word('data.role.target'));
  const choices = /** @type {const} */ (['learn', 'target', 'text', 'ignore']).filter((choice) => !(fixedTarget && choice === 'target'));
  const list = h('select', { class: 'compact', 'aria-label': word('data.role.of', { column: name }) }, choices.map((choice) => h('option', { value: choice, selected: choice === role }, word(`data.role.${choice}`))));
  list.addEventListener('change', () => onRole(name, /** @type {Role} */ (list.value)));
  return list;
}

/** @param {number | undefined} missing @param {number | null} rows */
function missingCell(missing, rows) {
  if (missing === undefined) return '–';
  if (!missing || !rows) return number(missing);
  return [number(missing), h('span', { class: 'muted' }, ` (${percent(missing / rows)})`)];
}

/** @param {number | null | undefined} alone @param {boolean} leaks */
function aloneCell(alone, leaks) {
  if (alone === null || alone === undefined) return '–';
  return leaks ? h('span', { class: 'badge bad' }, word('data.leak', { share: percent(alone) })) : percent(alone);
}
