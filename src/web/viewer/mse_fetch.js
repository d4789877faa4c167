// Requests of the fallback player, with retries and a running measure of the network.

const TIMEOUT_MS = 15_000;
const ATTEMPTS = 3;
const RETRY_AFTER_MS = 600;
// Small answers measure the round trip, not the line.
const SAMPLE_BYTES_MIN = 30_000;

/** Throughput over all clips: a fast and a slow average, of which the lower one counts. */
class Throughput {
  #fast = 0;
  #slow = 0;

  get known() {
    return this.#fast > 0;
  }

  get bitsPerSecond() {
    return Math.min(this.#fast, this.#slow);
  }

  /** @param {number} bytes @param {number} elapsedMs */
  sample(bytes, elapsedMs) {
    if (bytes < SAMPLE_BYTES_MIN) return;
    const bits = (bytes * 8000) / Math.max(elapsedMs, 1);
    this.#fast = this.#fast === 0 ? bits : this.#fast * 0.5 + bits * 0.5;
    this.#slow = this.#slow === 0 ? bits : this.#slow * 0.85 + bits * 0.15;
  }
}

export const throughput = new Throughput();

/** @param {string} url @param {AbortSignal} signal @returns {Promise<string>} */
export function fetchText(url, signal) {
  return attempt({ url, range: null }, signal, (response) => response.text());
}

/**
 * @param {import('./playlist.js').Resource} resource @param {AbortSignal} signal
 * @param {Throughput|null} [meter]
 * @returns {Promise<ArrayBuffer>}
 */
export async function fetchBytes(resource, signal, meter = null) {
  return attempt(resource, signal, async (response, startedMs) => {
    const bytes = await response.arrayBuffer();
    meter?.sample(bytes.byteLength, performance.now() - startedMs);
    return bytes;
  });
}

async function attempt(resource, signal, read) {
  for (let tried = 1; ; tried += 1) {
    try {
      return await once(resource, signal, read);
    } catch (error) {
      if (signal.aborted || tried === ATTEMPTS || error.isFinal) throw error;
      await new Promise((resolve) => setTimeout(resolve, RETRY_AFTER_MS * tried));
      if (signal.aborted) throw error;
    }
  }
}

async function once({ url, range }, signal, read) {
  const limited = new AbortController();
  const abort = () => limited.abort();
  signal.addEventListener('abort', abort, { once: true });
  const timer = setTimeout(abort, TIMEOUT_MS);
  const startedMs = performance.now();
  try {
    const response = await fetch(url, { headers: range ? { Range: range } : {}, signal: limited.signal });
    if (!response.ok) {
      const isFinal = response.status < 500 && response.status !== 429 && response.status !== 408;
      throw Object.assign(new Error(`HTTP ${response.status}`), { isFinal });
    }
    return await read(response, startedMs);
  } finally {
    clearTimeout(timer);
    signal.removeEventListener('abort', abort);
  }
}
