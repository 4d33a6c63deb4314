// @ts-check
/** The history of a run in this page: it grows by what the server sends, and by nothing else. */

import { events } from '../../api.js';

/**
 * @typedef {object} RunState
 * @property {'preparing' | 'running' | 'finished' | 'stopped' | 'failed'} state
 * @property {null | {error: string | null, error_type: string | null, log: string, stopping: boolean, name: string}} job
 */
/** @typedef {{names: string[], rows: (number | string | null)[][]}} Entries */

export class History {
  constructor() {
    /** @type {Map<string, number[]>} */
    this.columns = new Map();
    this.length = 0;
  }

  /** @param {Entries} entries */
  add({ names, rows }) {
    for (const name of names) {
      if (!this.columns.has(name)) this.columns.set(name, new Array(this.length).fill(NaN));
    }
    for (const [name, column] of this.columns) {
      const at = names.indexOf(name);
      for (const row of rows) {
        const value = at < 0 ? null : row[at];
        column.push(typeof value === 'number' ? value : NaN);
      }
    }
    this.length += rows.length;
  }

  clear() {
    this.columns.clear();
    this.length = 0;
  }

  /** The first of some columns that is there and holds a number. @param {...string} names */
  column(...names) {
    for (const name of names) {
      const column = this.columns.get(name);
      if (column?.some((value) => Number.isFinite(value))) return column;
    }
    return null;
  }

  /** What the entries are counted by: epochs, iterations, or nothing. */
  get unit() {
    return this.columns.has('epoch') ? 'epoch' : this.columns.has('iteration') ? 'iteration' : 'step';
  }

  /** The number of each entry. */
  get steps() {
    return this.column('epoch', 'iteration') ?? Array.from({ length: this.length }, (_, i) => i + 1);
  }
}

/**
 * Follow a run until it ends; the browser connects again by itself after a break.
 * @param {string} id
 * @param {{onEntries: (history: History) => void, onState: (state: RunState) => void, onEnd: () => void,
 *   onConnection?: (connected: boolean) => void}} listener
 * @returns {() => void} stops following
 */
export function follow(id, { onEntries, onState, onEnd, onConnection }) {
  const history = new History();
  return events(
    `/api/runs/${encodeURIComponent(id)}/events`,
    (data, name) => {
      if (name === 'entries') history.add(data);
      else if (name === 'again') history.clear();
      if (name === 'entries' || name === 'again') onEntries(history);
      else if (name === 'state') onState(data);
      else if (name === 'end') onEnd();
    },
    ['entries', 'again', 'state'],
    onConnection,
  );
}
