// What the viewer did, in batches. Each event carries its own id, so sending one twice is
// harmless and anything without a clear answer is simply sent again.

import { uuid } from './dom.js';
import { load, save } from './store.js';

const FLUSH_EVERY_MS = 3_000;
const FLUSH_AT = 20;
const KEPT_MAX = 500;
const BATCH_MAX = 200;
// Browsers refuse keepalive bodies above 64 KiB in total; an event is about 350 bytes.
const KEEPALIVE_MAX = 120;
const BACKOFF_MAX_MS = 60_000;
const ENTRY = 'events';

/** Collects and sends events. */
export class Events {
  #api;
  #session;
  #queue = [];
  #sending = null;
  #failures = 0;
  #notBefore = 0;
  /** @type {string|null} how far the server has taken in our events */
  watermark = null;
  /** @type {() => void} called when the page goes away, for what is still to be said */
  onLeave = () => {};

  /** @param {import('./api.js').Api} api @param {import('./session.js').Session} session */
  constructor(api, session) {
    this.#api = api;
    this.#session = session;
    const left = load(ENTRY);
    if (left && left.tag === session.tag && Array.isArray(left.events)) this.#queue = left.events.slice(-KEPT_MAX);
    save(ENTRY, null);
    setInterval(() => { if (Date.now() >= this.#notBefore) this.flush(); }, FLUSH_EVERY_MS);
    addEventListener('online', () => { this.#notBefore = 0; this.flush(); });
    addEventListener('pagehide', () => this.#leave());
  }

  /**
   * @param {string} type
   * @param {{ item: any, slateId: string|null }|null} entry the feed entry it belongs to
   * @param {Object<string, any>} [extra] watch_ms, loops, product_id, tag_id
   */
  add(type, entry, extra = {}) {
    const event = { id: uuid(), type, clip_id: entry?.item.clip.id };
    if (entry?.slateId) Object.assign(event, { slate_id: entry.slateId, position: entry.item.position });
    Object.assign(event, extra, { occurred_at: new Date().toISOString() });
    this.#queue.push(event);
    if (this.#queue.length > KEPT_MAX) this.#queue.splice(0, this.#queue.length - KEPT_MAX);
    if (this.#queue.length >= FLUSH_AT && Date.now() >= this.#notBefore) this.flush();
  }

  /** Sends what is waiting. @returns {Promise<void>} settles when the batch has an answer */
  flush() {
    if (this.#queue.length === 0) return this.#sending ?? Promise.resolve();
    this.#sending ??= this.#send().finally(() => { this.#sending = null; });
    return this.#sending;
  }

  async #send() {
    const batch = this.#queue.slice(0, BATCH_MAX);
    try {
      const answer = await this.#api.send('POST', '/v1/events', { body: { events: batch } });
      this.watermark = answer?.watermark ?? this.watermark;
      this.#failures = 0;
      // Rejected events are in the batch too: the server will not change its mind about them.
      this.#forget(batch);
    } catch (error) {
      if (error.isTransient || error.status === 401) this.#backOff(error);
      else this.#forget(batch);
    }
  }

  #forget(batch) {
    const ids = new Set(batch.map((event) => event.id));
    this.#queue = this.#queue.filter((event) => !ids.has(event.id));
  }

  #backOff(error) {
    this.#failures += 1;
    const wait = error.retryAfterMs ?? FLUSH_EVERY_MS * 2 ** Math.min(this.#failures, 5);
    this.#notBefore = Date.now() + Math.min(wait, BACKOFF_MAX_MS);
  }

  /** The answer to a parting request is never seen, so its events are also kept for next time. */
  #leave() {
    this.onLeave();
    if (this.#queue.length === 0) return;
    save(ENTRY, { tag: this.#session.tag, events: this.#queue });
    const token = this.#session.current;
    if (!token) return;
    fetch('/v1/events', {
      method: 'POST', keepalive: true,
      headers: { 'Content-Type': 'application/json', Authorization: `Bearer ${token}` },
      body: JSON.stringify({ events: this.#queue.slice(-KEEPALIVE_MAX) }),
    }).catch(() => {});
  }
}
