// @ts-check
/** What a server of the model takes: one row, in luce's own words and in KServe's. Pure functions. */

/**
 * The body of a request to /v1/predict.
 * @param {any} form the answer of /form
 * @param {any} sample that of /sample, or null
 * @returns {any}
 */
export function rowBody(form, sample) {
  const input = sample?.input ?? {};
  if (form.image_shape) return { rows: [nested(input.pixels, form.image_shape, form.scale)] };
  if (form.input === 'array') return { rows: [input.values ?? form.fields.map(() => 0)] };
  const row = input.row ?? Object.fromEntries(form.fields.map((/** @type {any} */ f) => [f.name, f.start]));
  return { rows: [typed(form.fields, row)] };
}

/**
 * The same row as a request of the Open Inference Protocol, version 2: a tensor for each column,
 * or one for an image or an array.
 * @param {any} form
 * @param {any} sample
 * @returns {any}
 */
export function inferBody(form, sample) {
  const [row] = rowBody(form, sample).rows;
  if (form.image_shape || form.input === 'array') {
    const values = /** @type {number[]} */ ([row].flat(Infinity));
    const shape = [1, ...(form.image_shape ?? [values.length])];
    return { inputs: [{ name: 'X', datatype: form.scale === 255 ? 'UINT8' : 'FP64', shape, data: values }] };
  }
  const inputs = Object.entries(row).map(([name, cell]) => ({ name, datatype: datatypeOf(cell), shape: [1], data: [cell ?? ''] }));
  return { inputs };
}

/** A missing number is an empty text, as in a CSV file: no number stands for it. @param {unknown} cell */
function datatypeOf(cell) {
  if (typeof cell === 'number') return 'FP64';
  return typeof cell === 'boolean' ? 'BOOL' : 'BYTES';
}

/**
 * Cells as JSON has them: numbers are numbers.
 * @param {any[]} fields
 * @param {Record<string, string | null>} row
 */
function typed(fields, row) {
  return Object.fromEntries(
    fields.map(({ name, kind }) => {
      const cell = row[name] ?? null;
      if (cell === null || cell === '') return [name, kind === 'text' ? '' : null];
      if (kind === 'number' && cell.trim() !== '' && Number.isFinite(Number(cell))) return [name, Number(cell)];
      return [name, kind === 'boolean' ? cell.toLowerCase() === 'true' : cell];
    }),
  );
}

/**
 * An image as rows of pixels, in the units of the model's data: 255 is white, or 16.
 * @param {string | undefined} pixels in base 64
 * @param {number[]} shape
 * @param {number} scale
 */
function nested(pixels, shape, scale) {
  const [height = 1, width = 1, colours = 1] = shape;
  const bytes = pixels ? [...atob(pixels)].map((c) => c.charCodeAt(0)) : Array(height * width * colours).fill(0);
  // As many decimals as a byte tells.
  const decimals = Math.max(0, Math.floor(-Math.log10(scale / 255)));
  const values = bytes.map((byte) => Number(((byte * scale) / 255).toFixed(decimals)));
  const cut = (/** @type {any[]} */ list, /** @type {number} */ size) =>
    Array.from({ length: list.length / size }, (_, i) => list.slice(i * size, (i + 1) * size));
  return colours === 1 ? cut(values, width) : cut(cut(values, colours), width);
}
