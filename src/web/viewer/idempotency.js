// Keys for requests that move money or stock: one key per step and body, however often it is sent.

import { uuid } from './dom.js';

/** The key of one step of a checkout. */
export class StepKey {
  #text = null;
  #key = null;

  /**
   * The same body gets the same key, so a retry after a lost answer gives the first answer.
   * @param {any} body
   * @returns {string}
   */
  of(body) {
    const text = JSON.stringify(body);
    if (text !== this.#text) {
      this.#text = text;
      this.#key = uuid();
    }
    return this.#key;
  }

  /** After a final answer the next try is a new request. */
  renew() {
    this.#text = null;
  }
}
