// Who is watching: a token handed over in the address, a remembered one, or a new guest.

import { load, save } from './store.js';

const ENTRY = 'token';
const REQUEST_TIMEOUT_MS = 15_000;

/** Holds the bearer token of this page. */
export class Session {
  #token;
  #pending = null;

  constructor() {
    this.#token = takeFromAddress() ?? load(ENTRY);
  }

  /** @returns {string|null} the present token, without asking for one */
  get current() {
    return this.#token;
  }

  /** @returns {string} a short name of the holder, to keep one viewer's notes from another's */
  get tag() {
    return this.#token ? this.#token.slice(-16) : '';
  }

  /** @returns {Promise<string>} the token, asking for a guest one first if there is none */
  async token() {
    return this.#token ?? this.#fetchGuest();
  }

  /**
   * Replaces a token that the server refused. Requests that failed together share one renewal.
   * @param {string} refused
   * @returns {Promise<string>}
   */
  async renew(refused) {
    if (this.#token && this.#token !== refused) return this.#token;
    return this.#fetchGuest();
  }

  async #fetchGuest() {
    this.#pending ??= requestGuest().then((token) => {
      this.#token = token;
      save(ENTRY, token);
      return token;
    }).finally(() => { this.#pending = null; });
    return this.#pending;
  }
}

/** Reads `#token=…` and takes it out of the address, so that it is neither shared nor shown. */
function takeFromAddress() {
  const parameters = new URLSearchParams(location.hash.slice(1));
  const token = parameters.get('token');
  if (!token) return null;
  parameters.delete('token');
  const rest = parameters.toString();
  history.replaceState(history.state, '', location.pathname + location.search + (rest ? `#${rest}` : ''));
  save(ENTRY, token);
  return token;
}

async function requestGuest() {
  const response = await fetch('/v1/guest-tokens', {
    method: 'POST', signal: AbortSignal.timeout(REQUEST_TIMEOUT_MS),
  });
  if (!response.ok) throw Object.assign(new Error('No guest token'), { response });
  return (await response.json()).token;
}
