// localStorage that cannot throw: private windows and full disks must not stop the feed.

const PREFIX = 'vitrine.';
const memory = new Map();

/**
 * @param {string} name
 * @param {any} [fallback]
 * @returns {any} the stored value, or `fallback` when there is none or it cannot be read
 */
export function load(name, fallback = null) {
  try {
    const text = localStorage.getItem(PREFIX + name);
    return text === null ? (memory.get(name) ?? fallback) : JSON.parse(text);
  } catch {
    return memory.get(name) ?? fallback;
  }
}

/**
 * @param {string} name
 * @param {any} value `null` removes the entry
 */
export function save(name, value) {
  if (value === null) memory.delete(name);
  else memory.set(name, value);
  try {
    if (value === null) localStorage.removeItem(PREFIX + name);
    else localStorage.setItem(PREFIX + name, JSON.stringify(value));
  } catch {
    // The copy in memory serves until the page is closed.
  }
}
