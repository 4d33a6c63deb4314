// @ts-check
/** How to ask the server from a shell, from Python and from JavaScript. Pure functions. */

/**
 * @param {string} url such as http://127.0.0.1:8001/v1/predict
 * @param {string} body JSON
 */
export function curl(url, body) {
  return `curl -s ${url} \\\n  -H 'Content-Type: application/json' \\\n  -d '${body.replace(/'/g, `'\\''`)}'`;
}

/**
 * @param {string} url
 * @param {string} body JSON
 */
export function python(url, body) {
  return `import json
from urllib.request import Request, urlopen

body = json.loads(r'''${body.replace(/'''/g, `''' "'''" r'''`)}''')
request = Request(
    "${url}",
    json.dumps(body).encode(),
    {"Content-Type": "application/json"},
)
with urlopen(request) as answer:
    print(json.load(answer))`;
}

/**
 * @param {string} url
 * @param {string} body JSON
 */
export function javascript(url, body) {
  return `const answer = await fetch('${url}', {
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
