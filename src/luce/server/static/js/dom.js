// @ts-check
/** Elements from function calls: h() for HTML, s() for SVG. Text is always text, never markup. */

const SVG = 'http://www.w3.org/2000/svg';

/** @typedef {Node | string | number | null | undefined | false | readonly Child[]} Child */
/**
 * Values of attributes: a function under a key such as `onclick` becomes a listener, `true` an
 * empty attribute; `false`, `null` and `undefined` leave it out; `style` takes an object, because
 * the page's Content-Security-Policy forbids style attributes in markup.
 * @typedef {Record<string, any>} Attributes
 */

/**
 * An HTML element.
 * @template {keyof HTMLElementTagNameMap} K
 * @param {K} tag
 * @param {Attributes} [attributes]
 * @param {...Child} children
 * @returns {HTMLElementTagNameMap[K]}
 */
export function h(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  set(element, attributes);
  add(element, children);
  return element;
}

/**
 * An SVG element.
 * @template {keyof SVGElementTagNameMap} K
 * @param {K} tag
 * @param {Attributes} [attributes]
 * @param {...Child} children
 * @returns {SVGElementTagNameMap[K]}
 */
export function s(tag, attributes = {}, ...children) {
  const element = document.createElementNS(SVG, tag);
  set(element, attributes);
  add(element, children);
  return element;
}

/**
 * Set attributes of an element that exists, by the rules of h().
 * @param {HTMLElement | SVGElement} element
 * @param {Attributes} attributes
 */
export function set(element, attributes) {
  for (const [key, value] of Object.entries(attributes)) {
    if (typeof value === 'function' && key.startsWith('on')) {
      element.addEventListener(key.slice(2), value);
    } else if (key === 'style' && value) {
      setStyle(element, value);
    } else if (value === false || value === null || value === undefined) {
      element.removeAttribute(key);
    } else {
      element.setAttribute(key, value === true ? '' : String(value));
    }
  }
}

/**
 * @param {HTMLElement | SVGElement} element
 * @param {Record<string, string | number>} style names as in CSS or in camel case; also `--names`
 */
function setStyle(element, style) {
  for (const [name, value] of Object.entries(style)) {
    const dashed = name.startsWith('--') ? name : name.replace(/[A-Z]/g, (c) => `-${c.toLowerCase()}`);
    element.style.setProperty(dashed, String(value));
  }
}

/**
 * Append children; strings and numbers become text, empty ones are left out.
 * @param {Element} parent
 * @param {readonly Child[]} children
 */
export function add(parent, children) {
  for (const child of children) {
    if (child === null || child === undefined || child === false) continue;
    if (child instanceof Node) parent.append(child);
    else if (typeof child === 'string' || typeof child === 'number') parent.append(String(child));
    else add(parent, child);
  }
}

/**
 * Remove all that is in an element, then append children.
 * @template {Element} E
 * @param {E} element
 * @param {...Child} children
 * @returns {E} the element
 */
export function clear(element, ...children) {
  element.replaceChildren();
  add(element, children);
  return element;
}

let count = 0;
/**
 * An id that is free, to join a label or a description to its element.
 * @param {string} prefix
 */
export function freshId(prefix) {
  count += 1;
  return `${prefix}-${count}`;
}

/**
 * The words of an element for screen readers only.
 * @param {...Child} children
 */
export function hidden(...children) {
  return h('span', { class: 'sr' }, ...children);
}
