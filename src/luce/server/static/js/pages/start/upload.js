// @ts-check
/** The card for data of one's own: a file is sent and its Data page opened. */

import { ApiError, upload } from '../../api.js';
import { clear, h } from '../../dom.js';
import { dropZone } from '../../widgets/drop_zone.js';
import { progressBar } from '../../widgets/progress.js';
import { percent, word } from '../../words.js';

const KINDS = '.csv,.tsv,.jsonl,.ndjson,.txt,.gz,.parquet,.npz,.zip';

/** @param {import('../../page.js').View} view */
export function uploadCard(view) {
  const state = h('div', { 'aria-live': 'polite' });
  const zone = dropZone({ label: word('start.data.drop'), accept: KINDS, onFiles: ([file]) => file && send(file) });

  /** @param {File} file */
  async function send(file) {
    const bar = progressBar({ label: word('start.data.sending', { name: file.name }), value: 0 });
    clear(state, bar.element);
    try {
      const { id } = await upload(file, (share) => bar.update(share, percent(share, 0)), { signal: view.signal });
      view.go('/data', { data: id });
    } catch (error) {
      if (view.signal.aborted) return;
      const message = error instanceof ApiError && error.status ? error.message : word('shell.noAnswer');
      clear(state, h('p', { class: 'wrong', role: 'alert' }, message));
    }
  }

  return h('article', { class: 'card' }, h('h2', {}, word('start.data')), h('p', {}, word('start.data.lead')), zone.element, state, h('p', { class: 'hint' }, word('start.data.kinds')));
}
