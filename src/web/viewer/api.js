// The one way to the server: bearer token, JSON, problem documents as errors.

const TIMEOUT_MS = 20_000;

/** A failed request. Status 0 means that no answer came. */
export class Problem extends Error {
  /**
   * @param {number} status
   * @param {{ title?: string, detail?: string, code?: string, request_id?: string,
   *   errors?: Array<{ pointer: string, detail: string }> }} document
   * @param {number|null} retryAfterMs
   */
  constructor(status, document, retryAfterMs = null) {
    super(document.detail || document.title || `HTTP ${status}`);
    this.status = status;
    this.code = document.code ?? '';
    this.title = document.title || 'Something went wrong';
    this.detail = sentence(document.detail ?? '');
    this.errors = Array.isArray(document.errors) ? document.errors : [];
    this.requestId = document.request_id ?? '';
    this.retryAfterMs = retryAfterMs;
  }

  /** @returns {boolean} whether the same request may succeed later */
  get isTransient() {
    return this.status === 0 || this.status === 408 || this.status === 429 || this.status >= 500;
  }
}

/** Details are fragments for machines' logs as well; people read them as sentences. */
function sentence(text) {
  return text.charAt(0).toUpperCase() + text.slice(1);
}

/** @param {unknown} error @returns {Problem} */
export function asProblem(error) {
  if (error instanceof Problem) return error;
  return new Problem(0, { title: 'Something went wrong', detail: 'Please try again.', code: 'client' });
}

/** @typedef {{ body?: any, key?: string, keepalive?: boolean, signal?: AbortSignal }} SendOptions */

/** JSON client of the public API. */
export class Api {
  #session;

  /** @param {import('./session.js').Session} session */
  constructor(session) {
    this.#session = session;
  }

  /** @param {string} path @param {SendOptions} [options] */
  get(path, options = {}) {
    return this.send('GET', path, options);
  }

  /**
   * Sends a request; a refused token is renewed once.
   * @param {string} method @param {string} path must be a path of this origin
   * @param {SendOptions} [options]
   * @returns {Promise<any>} the parsed body, `null` when there is none
   * @throws {Problem}
   */
  async send(method, path, options = {}) {
    if (!path.startsWith('/') || path.startsWith('//')) throw new TypeError('not a path of this origin');
    const token = await this.#token(() => this.#session.token());
    const first = await exchange(method, path, token, options);
    if (first.status !== 401) return unwrap(first);
    const fresh = await this.#token(() => this.#session.renew(token));
    return unwrap(await exchange(method, path, fresh, options));
  }

  async #token(ask) {
    try {
      return await ask();
    } catch (error) {
      if (error.response) return unwrap(error.response);
      throw unreachable();
    }
  }
}

async function exchange(method, path, token, { body, key, keepalive, signal }) {
  const headers = { Accept: 'application/json', Authorization: `Bearer ${token}` };
  if (body !== undefined) headers['Content-Type'] = 'application/json';
  if (key) headers['Idempotency-Key'] = key;
  const timeout = new AbortController();
  const timer = setTimeout(() => timeout.abort(), TIMEOUT_MS);
  const abort = () => timeout.abort();
  signal?.addEventListener('abort', abort, { once: true });
  try {
    return await fetch(path, {
      method, headers, keepalive, signal: timeout.signal,
      body: body === undefined ? undefined : JSON.stringify(body),
    });
  } catch (error) {
    if (signal?.aborted) throw error;
    throw unreachable();
  } finally {
    clearTimeout(timer);
    signal?.removeEventListener('abort', abort);
  }
}

async function unwrap(response) {
  const type = response.headers.get('Content-Type') ?? '';
  let parsed = null;
  if (type.includes('json')) parsed = await response.json().catch(() => null);
  if (response.ok) return parsed;
  throw new Problem(response.status, parsed ?? { title: titleOf(response.status) }, retryAfterOf(response));
}

function unreachable() {
  const offline = navigator.onLine === false;
  return new Problem(0, offline
    ? { code: 'offline', title: 'You are offline', detail: 'We will carry on as soon as the connection is back.' }
    : { code: 'network', title: 'No answer from the shop', detail: 'Check your connection and try again.' });
}

function titleOf(status) {
  if (status === 404) return 'This is no longer here';
  if (status === 429) return 'A little too fast';
  return status >= 500 ? 'The shop has a hiccup' : 'That did not work';
}

function retryAfterOf(response) {
  const value = response.headers.get('Retry-After');
  if (!value) return null;
  const seconds = Number(value);
  if (Number.isFinite(seconds)) return Math.max(0, seconds * 1000);
  const date = Date.parse(value);
  return Number.isNaN(date) ? null : Math.max(0, date - Date.now());
}
