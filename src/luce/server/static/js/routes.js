// @ts-check
/** Which pages there are, in the order of the menu. A page is loaded when it is opened. */

/** @typedef {import('./page.js').Page} Page */
/** @typedef {{path: string, title: string, group: 'start' | 'explore' | 'work', load: () => Promise<{page: Page}>}} Route */

/** @type {readonly Route[]} */
export const ROUTES = [
  { path: '/', title: 'start.title', group: 'start', load: () => import('./pages/start.js') },
  { path: '/explore/softmax', title: 'explore.softmax.title', group: 'explore', load: () => import('./pages/explore/softmax.js') },

  { path: '/explore/curves', title: 'explore.curves.title', group: 'explore', load: () => import('./pages/explore/curves.js') },

  { path: '/explore/losses', title: 'explore.losses.title', group: 'explore', load: () => import('./pages/explore/losses.js') },

  { path: '/explore/playground', title: 'explore.playground.title', group: 'explore', load: () => import('./pages/explore/playground.js') },

  { path: '/explore/large-outputs', title: 'explore.large.title', group: 'explore', load: () => import('./pages/explore/large_outputs.js') },

  { path: '/explore/calibration', title: 'explore.calibration.title', group: 'explore', load: () => import('./pages/explore/calibration.js') },

  { path: '/data', title: 'data.title', group: 'work', load: () => import('./pages/data.js') },

  { path: '/train', title: 'train.title', group: 'work', load: () => import('./pages/train.js') },

  { path: '/model', title: 'model.title', group: 'work', load: () => import('./pages/model.js') },

  { path: '/predict', title: 'predict.title', group: 'work', load: () => import('./pages/predict.js') },

  { path: '/serve', title: 'serve.title', group: 'work', load: () => import('./pages/serve.js') },

];
