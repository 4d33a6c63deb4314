// @ts-check
/** Which data: a list of all that the server knows, and a place for files of one's own. */

import { ApiError, get, post, upload } from '../../api.js';
import { clear, h } from '../../dom.js';
import { dropZone } from '../../widgets/drop_zone.js';
import { checkbox } from '../../widgets/field.js';
import { progressBar } from '../../widgets/progress.js';
import { language, word } from '../../words.js';

/** @typedef {{id: string, name: string, origin: 'named' | 'upload' | 'opened', sent?: number, rows?: number, about?: string, classes?: number}} Source */

export const ACCEPT = '.csv,.tsv,.jsonl,.ndjson,.txt,.gz,.parquet,.npz,.zip,.idx';

/**
 * A tick for a file that begins with a row, and not with the names of its columns; nothing for
 * data of other kinds, which have names or need none.
 * @param {Source | undefined} source
 * @param {boolean} lacks
 * @param {(lacks: boolean) => void} onChange
 */
export function headerBox(source, lacks, onChange) {
  if (!source || source.origin === 'named' || !/\.(csv|tsv)(\.gz)?$/i.test(source.name)) return null;
  return checkbox({ label: word('data.header.lacks'), hint: word('data.header.how'), checked: lacks, onChange }).element;
}

/** @param {AbortSignal} signal @returns {Promise<Source[]>} */
export async function allSources(signal) {
  return (await get('/api/data', { signal })).sources;
}

/**
 * A list of all data, in groups.
 * @param {readonly Source[]} sources
 * @param {string | undefined} chosen
 * @param {(id: string) => void} onChoose
 */
export function sourceList(sources, chosen, onChoose) {
  const list = h('select', { id: 'source' });
  if (!sources.some((source) => source.id === chosen)) {
    list.append(h('option', { value: '', selected: true, disabled: true }, word('data.choose')));
  }
  for (const origin of /** @type {const} */ (['opened', 'upload', 'named'])) {
    const items = sources.filter((source) => source.origin === origin);
    if (!items.length) continue;
    const options = items.map((item) => h('option', { value: item.id, selected: item.id === chosen }, titleOf(item, items)));
    list.append(h('optgroup', { label: word(`data.origin.${origin}`) }, options));
  }
  list.addEventListener('change', () => onChoose(list.value));
  return h('div', { class: 'field' }, h('label', { for: 'source' }, word('data.source')), list);
}

/**
 * The name of data in a list; files of the same name are told apart by their number and the time
 * at which they came.
 * @param {Source} source
 * @param {readonly Source[]} others the newest first, itself among them
 */
export function titleOf(source, others) {
  const same = others.filter((other) => other.origin === 'upload' && other.name === source.name);
  if (source.sent === undefined || same.length < 2) return source.name;
  const clock = new Intl.DateTimeFormat(language() === 'zh' ? 'zh-CN' : 'en', { timeStyle: 'short' });
  return word('data.nth', { name: source.name, n: same.length - same.indexOf(source), time: clock.format(1000 * source.sent) });
}

/**
 * A place to drop files into; shows how far they are, and why one was refused.
 * @param {AbortSignal} signal
 * @param {(id: string) => void} onDone
 */
export function uploadZone(signal, onDone) {
  const news = h('div', { 'aria-live': 'polite', class: 'upload-news' });
  const zone = dropZone({ label: word('data.drop'), hint: word('data.drop.hint'), accept: ACCEPT, multiple: true, onFiles: send });

  /** @param {File[]} files */
  async function send(files) {
    const bar = progressBar({ label: word('data.sending', { name: files[0]?.name ?? '' }), value: 0 });
    clear(news, bar.element);
    try {
      const id = await sendAll(files, (share) => bar.update(share, word('data.sent', { share: Math.round(share * 100) })), signal);
      clear(news);
      onDone(id);
    } catch (error) {
      if (signal.aborted) return;
      clear(news, h('p', { class: 'note bad', role: 'alert' }, error instanceof Error ? error.message : String(error)));
    }
  }
  return h('div', { class: 'tight' }, zone.element, news);
}

/**
 * Send one file, or the images and the labels of an IDX set; the labels go after their images.
 * @param {File[]} files
 * @param {(share: number) => void} onProgress
 * @param {AbortSignal} signal
 * @returns {Promise<string>} the id of the data
 */
export async function sendAll(files, onProgress, signal) {
  const isLabels = (/** @type {File} */ file) => /idx1|labels.*idx/i.test(file.name);
  const first = files.find((file) => !isLabels(file));
  if (!first) throw new Error(word('data.labelsAlone'));
  const labels = files.find(isLabels);
  const { id } = await upload(first, onProgress, { signal });
  if (labels) {
    const path = `/api/uploads?beside=${encodeURIComponent(id)}&name=${encodeURIComponent(labels.name)}`;
    const answer = await fetch(path, { method: 'POST', body: labels, headers: { 'Content-Type': 'application/octet-stream' }, signal });
    if (!answer.ok) {
      const { type, message } = (await answer.json()).error;
      throw new ApiError(answer.status, type, message);
    }
  }
  return id;
}

/** Remove a file that was sent. @param {string} id */
export async function removeUpload(id) {
  await post(`/api/uploads/${encodeURIComponent(id)}`, {}, { method: 'DELETE' });
}
