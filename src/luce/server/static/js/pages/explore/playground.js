// @ts-check
/** Points that one places, and models that learn to tell their classes apart. */

import { lineChart } from '../../charts/line.js';
import { letterOf, nearest, regionChart } from '../../charts/regions.js';
import { add, h } from '../../dom.js';
import { MOST_POINTS, decodePoints, encodePoints, pointSet, snapped } from '../../maths/point_sets.js';
import { toast } from '../../widgets/toast.js';
import { number, percent, word } from '../../words.js';
import { controls } from './playground/controls.js';
import { readout } from './playground/readout.js';
import { startSession } from './playground/session.js';
import { MOST_STEPS, STRUCTURE, read, written } from './playground/settings.js';

/** @typedef {import('./playground/settings.js').Settings} Settings */

const COARSE = [24, 36, 52, 72]; // nodes of a row of the grid while the models learn, as time allows
const FINE = 96; // and when they rest
const FRAME = 8; // milliseconds of a frame that steps may take, and about that a picture
const HURRY = 30; // milliseconds where the steps of an address are caught up with
const SELDOM = 120; // milliseconds between two drawings of curves and figures
const CALM = 500; // milliseconds between pictures where motion is to be reduced
const NUDGE = 1 / 16; // of the cursor, by an arrow key
const FINE_NUDGE = 1 / 128; // with Shift

/** @type {import('../../page.js').Page} */
export const page = {
  title: 'explore.playground.title',
  lead: 'explore.playground.lead',
  style: 'playground',
  keys: [
    ['← ↑ ↓ →', 'explore.playground.key.arrows'],
    ['1–9, 0', 'explore.playground.key.digits'],
    ['Enter', 'explore.playground.key.enter'],
    ['Delete', 'explore.playground.key.delete'],
  ],
  show,
};

/** @type {import('../../page.js').Page['show']} */
function show(root, view) {
  const settings = read(view.params);
  let points = madePoints(settings);
  let session = startSession(points, settings);
  let fields = session.fields(FINE);
  let running = false;
  let target = settings.steps; // steps that an address asks for are taken at once
  let [timer, painted, figured] = [0, 0, 0];
  let coarse = 2;

  const status = h('p', { class: 'playground-status numbers' });
  const spoken = h('p', { class: 'sr', 'aria-live': 'polite' });
  const actions = {
    onPlace: (/** @type {number} */ x, /** @type {number} */ y) => place(x, y),
    onRemove: (/** @type {number} */ index) => remove(index),
    onDrag: drag,
    onHover: (/** @type {number} */ x, /** @type {number} */ y) => {
      [settings.x, settings.y] = [snapped(x), snapped(y)];
      draw();
    },
    onKey,
  };
  const description = word('explore.playground.use');
  const charts = {
    softmax: regionChart({ caption: word('explore.playground.softmax'), description, ...actions }),
    sigmoid: regionChart({ caption: word('explore.playground.rest'), description, ...actions }),
  };
  const curves = {
    loss: curve('loss'),
    accuracy: curve('accuracy'),
  };
  const reading = readout();
  const run = h('button', { type: 'button', class: 'primary', onclick: () => (running ? rest() : start()) });
  const bar = h(
    'div',
    { class: 'playground-bar' },
    run,
    h('button', { type: 'button', onclick: single }, word('explore.playground.step')),
    h('button', { type: 'button', onclick: () => restart() }, word('explore.playground.reset')),
    status,
  );
  const panel = controls(settings, { change, clear: () => replacePoints([]) });
  const plots = h('div', { class: 'columns' }, charts.softmax.element, charts.sigmoid.element);
  add(root, [
    h('div', { class: 'playground' },
      panel.element,
      h('div', { class: 'playground-main' },
        bar,
        panel.tools,
        plots,
        h('p', { class: 'hint' }, word('explore.playground.hint')),
        spoken,
        reading.element,
        h('div', { class: 'columns' }, curves.loss.element, curves.accuracy.element),
      ),
    ),
    explanation(),
  ]);
  restart(settings.steps);
  return () => cancelAnimationFrame(timer);

  /** Begin the training anew, and take so many steps at once. */
  function restart(steps = 0) {
    pause();
    session = startSession(points, settings);
    target = steps;
    if (target) schedule();
    settled();
  }

  function start() {
    if (!points.length) return toast(word('explore.playground.empty'), 'plain');
    running = true;
    draw();
    schedule();
  }

  function pause() {
    running = false;
    target = 0;
    cancelAnimationFrame(timer);
  }

  function rest() {
    pause();
    settled();
  }

  function single() {
    pause();
    session.step();
    settled();
  }

  function schedule() {
    cancelAnimationFrame(timer);
    timer = requestAnimationFrame(tick);
  }

  /** As many steps as the speed asks for, and no more than a frame has time for. */
  function tick() {
    const from = performance.now();
    const replay = session.steps() < target;
    const goal = replay ? target : Math.min(MOST_STEPS, session.steps() + settings.speed);
    while (session.steps() < goal && performance.now() - from < (replay ? HURRY : FRAME)) session.step();
    if (replay ? session.steps() >= target && !running : session.steps() >= MOST_STEPS) {
      return rest();
    }
    const wait = replay || matchMedia('(prefers-reduced-motion: reduce)').matches ? CALM : 0;
    if (from - painted >= wait) paint();
    schedule();
  }

  /** The models of this moment, as finely as there is time. */
  function paint() {
    painted = performance.now();
    fields = session.fields(COARSE[coarse]);
    drawPlots();
    if (painted - figured >= SELDOM) {
      figured = painted;
      drawFigures();
      drawCurves();
    }
    const spent = performance.now() - painted;
    if (spent > 1.5 * FRAME) coarse = Math.max(0, coarse - 1);
    else if (spent < FRAME / 2) coarse = Math.min(COARSE.length - 1, coarse + 1);
  }

  /** What a pause shows: the finest picture, and the address that leads to it. */
  function settled() {
    fields = session.fields(FINE);
    settings.steps = target || session.steps();
    view.set(written(settings));
    draw();
    drawCurves();
  }

  function draw() {
    drawPlots();
    drawFigures();
  }

  function drawPlots() {
    const cursor = { x: settings.x, y: settings.y, label: settings.label };
    const scene = { points, cursor, mode: settings.mode };
    charts.softmax.update({ ...scene, field: fields.softmax });
    charts.sigmoid.update({ ...scene, field: fields.sigmoid });
    charts.sigmoid.element.hidden = !settings.compare;
  }

  function drawFigures() {
    run.textContent = word(running ? 'explore.playground.pause' : 'explore.playground.run');
    reading.update(settings, session.at(settings.x, settings.y));
    const perEpoch = Math.ceil(points.length / (settings.batch || points.length)) || 1;
    const epochs = Math.floor(session.steps() / perEpoch);
    status.textContent = word('explore.playground.status', { steps: session.steps(), epochs, points: points.length });
  }

  function drawCurves() {
    const { steps, loss, accuracy } = session.history;
    const series = (/** @type {import('./playground/session.js').Pair} */ pair) => [
      { name: word('explore.playground.softmax'), x: steps, y: pair.softmax },
      ...(settings.compare ? [{ name: word('explore.playground.rest'), x: steps, y: pair.sigmoid, colour: 1 }] : []),
    ];
    curves.loss.update({ series: series(loss) });
    curves.accuracy.update({ series: series(accuracy) });
  }

  /**
   * A control has changed the settings.
   * @param {Partial<Settings>} changes
   */
  function change(changes) {
    Object.assign(settings, changes);
    const names = Object.keys(changes);
    if (names.some((name) => ['set', 'points', 'noise', 'seed'].includes(name))) settings.own = null;
    if (names.includes('classes')) {
      settings.label = Math.min(settings.label, settings.classes - 1);
      // points placed by hand stay, as far as their classes do
      if (settings.own !== null) settings.own = encodePoints(points.filter((point) => point.label < settings.classes));
    }
    panel.update(settings);
    if (names.some((name) => STRUCTURE.includes(name))) {
      points = madePoints(settings);
      restart();
    } else {
      view.set(written(settings));
      draw();
    }
  }

  /** @param {readonly import('../../maths/point_sets.js').Point[]} next */
  function replacePoints(next) {
    change({ own: encodePoints(next) });
  }

  /** @param {number} x @param {number} y */
  function place(x, y) {
    if (points.length >= MOST_POINTS) return toast(word('explore.playground.full', { most: MOST_POINTS }), 'plain');
    [settings.x, settings.y] = [snapped(x), snapped(y)];
    replacePoints([...points, { x: settings.x, y: settings.y, label: settings.label }]);
    say(word('explore.playground.placed', { letter: letterOf(settings.label) }));
  }

  /** @param {number} index */
  function remove(index) {
    const { label } = points[index];
    replacePoints(points.filter((_, i) => i !== index));
    say(word('explore.playground.removed', { letter: letterOf(label) }));
  }

  /** @param {number} index @param {number} x @param {number} y @param {boolean} done */
  function drag(index, x, y, done) {
    [settings.x, settings.y] = [snapped(x), snapped(y)];
    const moved = { ...points[index], x: settings.x, y: settings.y };
    const changed = moved.x !== points[index].x || moved.y !== points[index].y;
    points = points.map((point, i) => (i === index ? moved : point));
    if (!done) return draw();
    if (changed || encodePoints(points) !== encodePoints(madePoints(settings))) replacePoints(points);
  }

  /** @param {KeyboardEvent} event */
  function onKey(event) {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const step = event.shiftKey ? FINE_NUDGE : NUDGE;
    const moves = { ArrowLeft: [-step, 0], ArrowRight: [step, 0], ArrowUp: [0, step], ArrowDown: [0, -step] };
    const move = Object.entries(moves).find(([key]) => key === event.key)?.[1];
    if (move) {
      [settings.x, settings.y] = [snapped(settings.x + move[0]), snapped(settings.y + move[1])];
      view.set(written(settings));
      draw();
      say(whereabouts());
    } else if (/^\d$/.test(event.key)) {
      const label = (Number(event.key) + 9) % 10; // 1 is the first class, 0 the tenth
      if (label >= settings.classes) return;
      change({ label });
      say(word('explore.playground.chosen', { letter: letterOf(label) }));
    } else if (event.key === 'Enter' || event.key === ' ') {
      place(settings.x, settings.y);
    } else if (event.key === 'Delete' || event.key === 'Backspace') {
      const near = nearest(points, settings.x, settings.y);
      if (near >= 0) remove(near);
      else say(word('explore.playground.none'));
    } else {
      return;
    }
    event.preventDefault();
    event.stopPropagation();
  }

  /** Where the cursor is and what stands there, for those who do not see it. */
  function whereabouts() {
    const near = nearest(points, settings.x, settings.y);
    const { p } = session.at(settings.x, settings.y).softmax;
    const top = p.indexOf(Math.max(...p));
    return word(near < 0 ? 'explore.playground.place' : 'explore.playground.placeWithPoint', {
      x: number(settings.x, 3),
      y: number(settings.y, 3),
      letter: near < 0 ? '' : letterOf(points[near].label),
      top: letterOf(top),
      share: percent(p[top], 0),
    });
  }

  /** @param {string} text */
  function say(text) {
    spoken.textContent = text;
  }
}

/** @param {Settings} settings */
function madePoints(settings) {
  return settings.own === null ? pointSet(settings.set, settings) : decodePoints(settings.own);
}

/** @param {'loss' | 'accuracy'} name */
function curve(name) {
  return lineChart({
    caption: word(`explore.playground.${name}`),
    x: { label: word('explore.playground.steps') },
    y: { label: word(`explore.playground.${name}.axis`), min: 0, ...(name === 'accuracy' ? { max: 1 } : {}) },
    series: [],
    height: 220,
  });
}

function explanation() {
  return h(
    'section',
    { class: 'prose' },
    h('h2', {}, word('explore.playground.notes')),
    ['softmax', 'rest', 'penalty', 'features'].map((part) => h('p', {}, word(`explore.playground.note.${part}`))),
  );
}
