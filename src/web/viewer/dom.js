// Building blocks for the page's elements. Data only ever enters as text or as attributes
// set one by one, so nothing that a creator or merchant wrote can become markup.

/**
 * Makes an element.
 * @param {string} spec tag name with optional classes: "button.round.is-big"
 * @param {Object<string, any>} [props] attributes; `text`, `data`, `on` are special,
 *   `null`, `undefined` and `false` leave an attribute out
 * @param {...(Node|string|null|undefined|false)} children
 * @returns {HTMLElement}
 */
export function h(spec, props = {}, ...children) {
  const [tag, ...classes] = spec.split('.');
  const element = document.createElement(tag);
  if (classes.length > 0) element.className = classes.join(' ');
  for (const [name, value] of Object.entries(props ?? {})) apply(element, name, value);
  append(element, children);
  return element;
}

function apply(element, name, value) {
  if (value === null || value === undefined || value === false) return;
  if (name === 'text') element.textContent = String(value);
  else if (name === 'data') Object.assign(element.dataset, value);
  else if (name === 'on') {
    for (const [type, listener] of Object.entries(value)) element.addEventListener(type, listener);
  } else if (name === 'testid') element.dataset.testid = value;
  else element.setAttribute(name, value === true ? '' : String(value));
}

/**
 * Appends children, skipping the empty ones.
 * @param {Element} element
 * @param {Array<Node|string|null|undefined|false>} children
 */
export function append(element, children) {
  for (const child of children.flat()) {
    if (child === null || child === undefined || child === false) continue;
    element.append(child);
  }
}

/**
 * Replaces all children.
 * @param {Element} element
 * @param {...(Node|string|null|undefined|false)} children
 */
export function fill(element, ...children) {
  element.replaceChildren();
  append(element, children);
}

/**
 * A picture that fades in and hides itself when it cannot be loaded.
 * @param {string} classes @param {string|null|undefined} url @param {string} alt
 * @returns {HTMLElement}
 */
export function picture(classes, url, alt = '') {
  const image = h(`img.${classes}`, { alt, decoding: 'async', draggable: 'false' });
  const source = webUrl(url);
  image.addEventListener('error', () => image.classList.add('is-broken'));
  if (source) image.src = source;
  else image.classList.add('is-broken');
  return image;
}

/**
 * Lets only http(s) addresses through: catalog data is not ours, and must not name a script.
 * @param {string|null|undefined} url
 * @returns {string|null}
 */
export function webUrl(url) {
  if (!url) return null;
  try {
    const parsed = new URL(url, location.href);
    return parsed.protocol === 'http:' || parsed.protocol === 'https:' ? parsed.href : null;
  } catch {
    return null;
  }
}

/** @returns {boolean} whether the viewer asked for less motion */
export function reducedMotion() {
  return matchMedia('(prefers-reduced-motion: reduce)').matches;
}

/** @returns {string} a version 4 UUID, also on plain http where randomUUID is missing */
export function uuid() {
  if (crypto.randomUUID) return crypto.randomUUID();
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  bytes[6] = (bytes[6] & 0x0f) | 0x40;
  bytes[8] = (bytes[8] & 0x3f) | 0x80;
  const hex = Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join('-');
}
