// The viewer's own likes, saves and follows, remembered so that hearts stay lit after a reload.

import { load, save } from './store.js';

const KEPT_MAX = 500;
const ENTRY = 'marks';
const KINDS = ['liked', 'saved', 'following'];

/** Three small sets of ids. */
export class Marks {
  #session;
  #sets = {};

  /** @param {import('./session.js').Session} session */
  constructor(session) {
    this.#session = session;
    const stored = load(ENTRY) ?? {};
    const own = stored.tag === session.tag;
    for (const kind of KINDS) this.#sets[kind] = new Set(own ? stored[kind] : []);
  }

  /** @param {'liked'|'saved'|'following'} kind @param {string} id */
  has(kind, id) {
    return this.#sets[kind].has(id);
  }

  /** @param {'liked'|'saved'|'following'} kind @param {string} id @param {boolean} on */
  set(kind, id, on) {
    const set = this.#sets[kind];
    set.delete(id);
    if (on) set.add(id);
    while (set.size > KEPT_MAX) set.delete(set.values().next().value);
    const lists = Object.fromEntries(KINDS.map((name) => [name, [...this.#sets[name]]]));
    save(ENTRY, { tag: this.#session.tag, ...lists });
  }
}
