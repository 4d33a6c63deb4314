// Writes the snippets of the Serve page for the cases in LUCE_CASES, for test_snippets.py.
import { readFileSync } from 'node:fs';

import { inferBody, rowBody } from '../../src/luce/server/static/js/pages/serve/bodies.js';
import { curl, javascript, python } from '../../src/luce/server/static/js/pages/serve/snippets.js';

const cases = JSON.parse(readFileSync(process.env.LUCE_CASES, 'utf8'));
const makers = { curl, python, javascript };
const made = cases.map(({ address, form, sample }) => {
  const ways = {
    luce: [`${address}/v1/predict`, JSON.stringify(rowBody(form, sample))],
    kserve: [`${address}/v2/models/${form.served_name}/infer`, JSON.stringify(inferBody(form, sample))],
  };
  return Object.fromEntries(Object.entries(ways).map(([way, [url, body]]) => [way, Object.fromEntries(Object.entries(makers).map(([name, make]) => [name, make(url, body)]))]));
});
console.log(JSON.stringify(made));
