// @ts-check
/** The words in English. zh.js has the same keys in the same order. */

/** @type {Record<string, string>} */
export const words = {
  // shell
  'shell.skip': 'Skip to the content',
  'shell.menu': 'Menu',
  'shell.pages': 'Pages',
  'shell.explore': 'Explore',
  'shell.work': 'Your models',
  'shell.tagline': 'the softmax stack',
  'shell.language': 'Language',
  'shell.theme': 'Colours',
  'shell.theme.auto': 'As the system',
  'shell.theme.light': 'Light',
  'shell.theme.dark': 'Dark',
  'shell.help': 'Help with the keyboard',
  'shell.help.title': 'Keys',
  'shell.help.everywhere': 'On every page',
  'shell.help.here': 'On this page',
  'shell.help.help': 'show these keys',
  'shell.help.next': 'next and previous page',
  'shell.help.language': 'change the language',
  'shell.help.theme': 'light, dark, or as the system',
  'shell.help.tab': 'go to the next control; Shift and Tab: back',
  'shell.help.arrows': 'change the control that has the focus',
  'shell.help.on': 'Single keys work as shortcuts',
  'shell.loading': 'Loading …',
  'shell.failed': 'This page could not be shown',
  'shell.unknown': 'There is no page at this address.',
  'shell.toStart': 'To the start',
  'shell.needsServer': 'This page needs luce behind it',
  'shell.needsServer.how': 'Here the pages are plain files: what computes in the browser works, but nothing can be read or trained. On your own computer, run',
  'shell.noToken': 'This browser is not known to the server',
  'shell.noToken.how': 'Open the address that luce ui has printed in the terminal: it holds a token, so that no other page in your browser can talk to luce.',
  'shell.noAnswer': 'The server does not answer. Is luce ui still running?',

  // widget
  'widget.close': 'Close',
  'widget.copy': 'Copy',
  'widget.copyOf': 'Copy: {label}',
  'widget.copied': 'Copied.',
  'widget.exactly': '{label}, exactly',
  'widget.dropOrChoose': 'Drop a file here, or choose one',

  // chart
  'chart.table': 'The values as a table',
  'chart.someRows': '{shown} of {rows} rows, evenly chosen.',
  'chart.label': 'Label',
  'chart.value': 'Value',
  'chart.matrix': 'matrix, arrow keys move',
  'chart.cell': 'Row {row}, column {column}: {value}',

  // start
  'start.title': 'Start',
  'start.lead': 'See what softmax does, train a classifier, and look into it. All of it stays on this computer.',
  'start.cards': 'Three ways to begin',
  'start.static': 'Training needs luce behind these pages',
  'start.demo': 'Try a demo',
  'start.demo.lead': 'Real data that come along. One click trains a classifier on them, before your eyes.',
  'start.demo.size': '{rows} rows, {classes} classes',
  'start.demo.far': 'downloaded once',
  'start.demo.starting': 'Starting on {name} …',
  'start.data': 'Open my data',
  'start.data.lead': 'A table, texts, or a zip with one folder of images for each class.',
  'start.data.drop': 'Your file',
  'start.data.kinds': 'CSV, TSV, JSONL, Parquet, NPZ, IDX; also .gz. The file goes to luce on this computer and nowhere else.',
  'start.data.sending': 'Reading {name}',
  'start.runs': 'Open a run',
  'start.runs.lead': 'What was trained here or by luce train in this folder: the newest first.',
  'start.runs.none': 'There is no run yet. The first one appears here as soon as it is trained.',
  'start.runs.more': 'All {n} models',
  'start.explore': 'Or begin with softmax itself',
  'start.explore.lead': 'Nothing to install, nothing to load: move things and see what happens.',
  'start.about.softmax': 'Numbers in, probabilities out: drag the bars, turn the temperature.',
  'start.about.curves': 'Step, sigmoid, tanh, relu - and where their gradients vanish.',
  'start.about.losses': 'What a wrong answer costs, and which way the gradient pulls.',
  'start.about.playground': 'Place points, watch a model learn where the borders lie.',
  'start.about.large': 'A vocabulary of a million words: what each kind of output costs.',
  'start.about.calibration': 'Bend a curve until 80 per cent means 80 per cent.',

  // explore.softmax
  'explore.softmax.title': 'Softmax',

  // explore.curves
  'explore.curves.title': 'Curves',

  // explore.losses
  'explore.losses.title': 'Losses',

  // explore.playground
  'explore.playground.title': 'Playground',

  // explore.large
  'explore.large.title': 'Large outputs',

  // explore.calibration
  'explore.calibration.title': 'Calibration',

  // data
  'data.title': 'Data',

  // train
  'train.title': 'Train',

  // model
  'model.title': 'Model',

  // predict
  'predict.title': 'Predict',

  // serve
  'serve.title': 'Serve',
};
