// @ts-check
/**
 * Names of columns in one text, as the command line has them: commas between, quotation marks
 * around a name that holds one. So the same text stands in the address and behind --ignore.
 */

/**
 * @param {string | undefined} text
 * @returns {string[]}
 */
export function readColumns(text) {
  /** @type {string[]} */
  const names = [];
  let name = '';
  let quoted = false;
  const letters = [...(text ?? '')];
  for (let i = 0; i < letters.length; i += 1) {
    const letter = letters[i];
    if (letter === '"' && quoted && letters[i + 1] === '"') {
      name += '"';
      i += 1;
    } else if (letter === '"' && (quoted || name === '')) {
      quoted = !quoted;
    } else if (letter === ',' && !quoted) {
      names.push(name);
      name = '';
    } else {
      name += letter;
    }
  }
  names.push(name);
  return names.filter((column) => column !== '');
}

/**
 * @param {readonly string[]} names
 * @returns {string}
 */
export function writeColumns(names) {
  return names.map((name) => (/[",\r\n]/.test(name) ? `"${name.replace(/"/g, '""')}"` : name)).join(',');
}
