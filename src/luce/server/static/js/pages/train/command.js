// @ts-check
/** The same training as a command line and as Python. Pure functions. */

/**
 * @typedef {object} Option a row of the table of options (`luce.tasks.option.Option.to_json`)
 * @property {string} name
 * @property {string} flag
 * @property {'text' | 'number' | 'integer' | 'flag'} kind
 * @property {boolean} optional
 * @property {string | number | boolean | null} default
 * @property {string} help
 * @property {readonly string[]} choices
 * @property {number | null} above
 * @property {number | null} at_least
 * @property {number | null} below
 * @property {string | null} metavar
 * @property {string | null} bare
 * @property {boolean} basic
 * @property {string | null} only_of
 * @property {boolean} resumable
 */
/** @typedef {Record<string, string | number | boolean>} Settings options that are not at their default */

/** A longer command goes on in the next line, after a backslash. */
const LONGEST = 60;

/**
 * A word of a command line, as a POSIX shell reads it back.
 * @param {string} word
 */
export function quoted(word) {
  if (/^[\w@%+=:,./-]+$/.test(word)) return word;
  return `'${word.replace(/'/g, `'"'"'`)}'`;
}

/**
 * @param {string} data
 * @param {Settings} settings
 * @param {readonly Option[]} table
 */
export function commandLine(data, settings, table) {
  const parts = [`luce train ${quoted(data.startsWith('-') ? `./${data}` : data)}`];
  for (const option of table) {
    const value = settings[option.name];
    if (value !== undefined) parts.push(option.kind === 'flag' ? option.flag : `${option.flag} ${quoted(text(value, option))}`);
  }
  const line = parts.join(' ');
  return line.length <= LONGEST ? line : parts.join(' \\\n  ');
}

/**
 * @param {string} data
 * @param {Settings} settings
 * @param {readonly Option[]} table
 */
export function pythonCode(data, settings, table) {
  const given = table.filter((option) => settings[option.name] !== undefined);
  const options = given.map((option) => {
    const value = settings[option.name] ?? '';
    return `    ${option.name}=${option.kind === 'text' ? literal(String(value)) : text(value, option)},`;
  });
  return [
    'from luce.tasks import TrainOptions, train',
    '',
    'options = TrainOptions(',
    `    data=${literal(data)},`,
    ...options,
    ')',
    'trained = train(options)',
    'print(trained.run, trained.figures["accuracy"])',
  ].join('\n');
}

/** A text as Python spells it. @param {string} value */
function literal(value) {
  return JSON.stringify(value);
}

/** @param {string | number | boolean} value @param {Option} option */
function text(value, option) {
  if (option.kind === 'flag') return value ? 'True' : 'False';
  if (option.kind !== 'number' || typeof value !== 'number' || !Number.isInteger(value)) return String(value);
  return Math.abs(value) < 1e16 ? `${value}.0` : String(value);
}

/**
 * What is wrong with a value, as the key of the words that say so and what they need; null: nothing.
 * @param {Option} option
 * @param {string} typed
 * @returns {{key: string, values: Record<string, string | number>} | null}
 */
export function complaint(option, typed) {
  if (typed === '' || option.kind === 'text') return null;
  const value = Number(typed);
  if (!Number.isFinite(value)) return { key: 'train.wrong.number', values: {} };
  if (option.kind === 'integer' && !Number.isInteger(value)) return { key: 'train.wrong.whole', values: {} };
  if (option.above !== null && !(value > option.above)) return { key: 'train.wrong.above', values: { limit: option.above } };
  if (option.at_least !== null && !(value >= option.at_least)) return { key: 'train.wrong.atLeast', values: { limit: option.at_least } };
  if (option.below !== null && !(value < option.below)) return { key: 'train.wrong.below', values: { limit: option.below } };
  return null;
}

/**
 * The value of a field; undefined where it is left at its default.
 * @param {Option} option
 * @param {string} typed
 * @returns {string | number | undefined}
 */
export function setting(option, typed) {
  const value = option.kind === 'text' ? typed.trim() : typed === '' ? '' : Number(typed);
  return value === '' || value === option.default ? undefined : value;
}
