// @ts-check
/** How to ask the server from a shell, from Python and from JavaScript. Pure functions. */

/**
 * @param {string} address such as http://127.0.0.1:8001
 * @param {string} body JSON
 */
export function curl(address, body) {
  return `curl -s ${address}/v1/predict \\\n  -H 'Content-Type: application/json' \\\n  -d '${body.replace(/'/g, `'\\''`)}'`;
}

/**
 * @param {string} address
 * @param {string} body JSON
 */
export function python(address, body) {
  return `import json
from urllib.request import Request, urlopen

rows = json.loads(r'''${body.replace(/'''/g, `''' "'''" r'''`)}''')
request = Request(
    "${address}/v1/predict",
    json.dumps(rows).encode(),
    {"Content-Type": "application/json"},
)
with urlopen(request) as answer:
    print(json.load(answer))`;
}

/**
 * @param {string} address
 * @param {string} body JSON
 */
export function javascript(address, body) {
  return `const answer = await fetch('${address}/v1/predict', {
  method: 'POST',
  headers: { 'Content-Type': 'application/json' },
  body: JSON.stringify(${body}),
});
console.log(await answer.json());`;
}

/**
 * The port on which luce serve listens unless told otherwise, or the next one where these pages
 * have it: luce ui asks for the same port.
 * @param {string} own port of the pages
 */
export function usualPort(own) {
  return own === '8000' ? 8001 : 8000;
}
