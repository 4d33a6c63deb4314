// @ts-check
/** Questions to the server that this page came from. Paths are whole: `/api/...`. */

import { errorText } from './error_words.js';

/** An answer that says no: `type` is the server's own, `message` in the language of the page. */
export class ApiError extends Error {
  /**
   * @param {number} status 0 if there was no answer
   * @param {string} type
   * @param {string} message
   */
  constructor(status, type, message) {
    super(errorText(type, message));
    this.name = 'ApiError';
    this.status = status;
    this.type = type;
  }
}

/** Whether a server of luce delivered this page (and not a static one). */
export function hasServer() {
  return document.documentElement.dataset.server === 'yes';
}

/**
 * @param {string} path
 * @param {{signal?: AbortSignal}} [options]
 * @returns {Promise<any>} what the answer's JSON holds
 */
export function get(path, { signal } = {}) {
  return ask(path, { method: 'GET', ...(signal ? { signal } : {}) });
}

/**
 * @param {string} path
 * @param {unknown} [body] sent as JSON
 * @param {{signal?: AbortSignal, method?: 'POST' | 'PUT' | 'DELETE'}} [options]
 * @returns {Promise<any>} what the answer's JSON holds
 */
export function post(path, body = {}, { signal, method = 'POST' } = {}) {
  const headers = { 'Content-Type': 'application/json' };
  return ask(path, { method, headers, body: JSON.stringify(body), ...(signal ? { signal } : {}) });
}

/**
 * @param {string} path
 * @param {RequestInit} request
 */
async function ask(path, request) {
  let answer;
  try {
    answer = await fetch(path, { ...request, headers: { Accept: 'application/json', ...request.headers } });
  } catch (error) {
    if (error instanceof DOMException && error.name === 'AbortError') throw error;
    throw new ApiError(0, 'NoAnswer', error instanceof Error ? error.message : String(error));
  }
  return read(answer.status, await answer.text());
}

/**
 * @param {number} status
 * @param {string} text
 */
function read(status, text) {
  let tree;
  try {
    tree = text ? JSON.parse(text) : null;
  } catch {
    throw new ApiError(status, 'NoJson', text.slice(0, 200));
  }
  if (status >= 400) throw new ApiError(status, tree?.error?.type ?? 'Error', tree?.error?.message ?? text);
  return tree;
}

/**
 * Send a file as it is; the server keeps it in a folder of its own and answers with an id.
 * @param {File | Blob} file
 * @param {(share: number) => void} [onProgress] from 0 to 1
 * @param {{name?: string, path?: string, signal?: AbortSignal}} [options]
 * @returns {Promise<any>}
 */
export function upload(file, onProgress = () => {}, { name, path = '/api/uploads', signal } = {}) {
  // XMLHttpRequest, because fetch does not tell how far an upload is.
  const request = new XMLHttpRequest();
  const title = name ?? (file instanceof File ? file.name : 'upload');
  request.open('POST', `${path}?name=${encodeURIComponent(title)}`);
  request.setRequestHeader('Content-Type', 'application/octet-stream');
  request.setRequestHeader('Accept', 'application/json');
  request.upload.addEventListener('progress', (event) => {
    if (event.lengthComputable) onProgress(event.loaded / event.total);
  });
  signal?.addEventListener('abort', () => request.abort());
  return new Promise((resolve, reject) => {
    request.addEventListener('load', () => {
      try {
        resolve(read(request.status, request.responseText));
      } catch (error) {
        reject(error);
      }
    });
    request.addEventListener('error', () => reject(new ApiError(0, 'NoAnswer', 'no answer')));
    request.addEventListener('abort', () => reject(new DOMException('aborted', 'AbortError')));
    request.send(file);
  });
}

/**
 * Follow a stream of Server-Sent Events. The browser connects again by itself after a break and
 * tells the server the last id it saw; an event named `end` closes the stream for good.
 * @param {string} path
 * @param {(data: any, name: string) => void} onEvent the event's JSON, and its name (`message` if
 *   the server gave none)
 * @param {readonly string[]} [names] names of events to hear besides `message` and `end`
 * @param {(connected: boolean) => void} [onConnection] told of breaks and of new connections
 * @returns {() => void} closes the stream
 */
export function events(path, onEvent, names = [], onConnection = () => {}) {
  const source = new EventSource(path);
  for (const name of new Set(['message', 'end', ...names])) {
    source.addEventListener(name, (/** @type {MessageEvent} */ event) => {
      if (name === 'end') source.close();
      onEvent(event.data ? JSON.parse(event.data) : null, name);
    });
  }
  source.addEventListener('open', () => onConnection(true));
  source.addEventListener('error', () => onConnection(false));
  return () => source.close();
}
