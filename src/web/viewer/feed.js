// The feed: pages of clips in a snapping scroller, of which only the nearest are alive.

import { asProblem } from './api.js';
import { ClipView } from './clip.js';
import { blank } from './dialog.js';
import { fill, h, reducedMotion, webUrl } from './dom.js';
import { say } from './notice.js';

const PAGE_LEN = 6;
const PREFETCH_BEFORE_END = 3;
/** Slides this near have their content built; videos live one slide around the active one. */
const BUILT_AROUND = 2;
const ACTIVE_RATIO = 0.6;

/** @typedef {{ item: any, slateId: string|null, likeDelta?: number, element: HTMLElement, view: ClipView|null }} Entry */

/** The list of clips and which of them is in view. */
export class Feed {
  #ctx;
  #root;
  #surface = 'for_you';
  /** @type {Entry[]} */
  #entries = [];
  #seen = new Set();
  #active = -1;
  #cursor = null;
  #isOver = false;
  #loading = null;
  #abort = new AbortController();
  #tail = null;
  #observer;
  #onActive;

  /** @param {HTMLElement} root @param {any} ctx @param {(entry: Entry|null) => void} onActive */
  constructor(root, ctx, onActive) {
    this.#root = root;
    this.#ctx = ctx;
    this.#onActive = onActive;
    this.#observer = new IntersectionObserver((changes) => this.#onIntersect(changes), {
      root, threshold: [ACTIVE_RATIO],
    });
  }

  /** @returns {ClipView|null} the clip in view */
  get activeView() {
    return this.#entries[this.#active]?.view ?? null;
  }

  /** @returns {string} */
  get surface() {
    return this.#surface;
  }

  /**
   * Starts a new session of a surface.
   * @param {'for_you'|'following'} surface @param {string|null} [firstClipId] a shared clip to begin with
   */
  async start(surface, firstClipId = null) {
    this.#abort.abort();
    this.#abort = new AbortController();
    this.#clear();
    this.#surface = surface;
    this.#showTail('skeleton', skeleton());
    if (firstClipId) await this.#addShared(firstClipId);
    // What was just watched should shape the new session.
    await Promise.race([this.#ctx.events.flush(), new Promise((resolve) => setTimeout(resolve, 800))]);
    await this.#loadMore();
  }

  #clear() {
    for (const entry of this.#entries) {
      this.#observer.unobserve(entry.element);
      entry.view?.destroy();
    }
    if (this.#tail) this.#observer.unobserve(this.#tail);
    this.#entries = [];
    this.#seen.clear();
    this.#active = -1;
    this.#cursor = null;
    this.#isOver = false;
    this.#loading = null;
    this.#tail = null;
    this.#root.replaceChildren();
    this.#root.scrollTop = 0;
    this.#onActive(null);
  }

  async #addShared(id) {
    try {
      const clip = await this.#ctx.api.get(`/v1/clips/${encodeURIComponent(id)}`, { signal: this.#abort.signal });
      if (!clip.playback?.hls_url) return;
      this.#addItems([{ position: 0, clip, product_tags: clip.product_tags ?? [], attribution_token: null }], null);
    } catch {
      say('The shared clip is no longer here. Enjoy the others.');
    }
  }

  #loadMore() {
    if (this.#isOver) return Promise.resolve();
    this.#loading ??= this.#loadPage(this.#abort.signal);
    return this.#loading;
  }

  async #loadPage(signal) {
    this.#root.setAttribute('aria-busy', 'true');
    this.#showTail('skeleton', skeleton());
    try {
      const page = await this.#ctx.api.get(this.#pagePath(), { signal });
      if (signal.aborted) return;
      this.#cursor = page.next_cursor ?? null;
      this.#isOver = page.exhausted || this.#cursor === null;
      this.#loading = null;
      if (this.#isOver) this.#showTail('end', this.#endCard(page.items.length));
      this.#addItems(page.items, page.slate_id);
    } catch (error) {
      if (signal.aborted) return;
      this.#loading = null;
      this.#showTail('error', this.#errorCard(asProblem(error)));
    } finally {
      if (!signal.aborted) this.#root.setAttribute('aria-busy', 'false');
    }
  }

  #pagePath() {
    const query = new URLSearchParams({ limit: String(PAGE_LEN), surface: this.#surface });
    if (this.#cursor) query.set('cursor', this.#cursor);
    else if (this.#ctx.events.watermark) query.set('after', this.#ctx.events.watermark);
    return `/v1/feed?${query}`;
  }

  #addItems(items, slateId) {
    // A scroller stays with the slide it has snapped to. Someone who waits at the skeleton wants
    // the clips that come in its place, so the view is put on the first of them.
    const isWaiting = this.#tail && this.#root.scrollTop > this.#tail.offsetTop - this.#root.clientHeight / 2;
    const firstNew = this.#entries.length;
    for (const item of items) {
      if (this.#seen.has(item.clip.id)) continue;
      this.#seen.add(item.clip.id);
      const element = h('article.clip', {
        testid: 'clip', data: { clipId: item.clip.id, active: 'false' }, 'aria-posinset': this.#entries.length + 1,
        'aria-setsize': '-1', 'aria-label': `${item.clip.creator.display_name || item.clip.creator.handle}: ${item.clip.caption}`,
      });
      element.inert = true;
      const entry = { item, slateId, element, view: null };
      this.#entries.push(entry);
      this.#root.insertBefore(element, this.#tail);
      this.#observer.observe(element);
    }
    const landing = this.#entries[firstNew];
    if (!isWaiting || !landing) return this.#arrange();
    this.#root.scrollTo({ top: landing.element.offsetTop, behavior: 'instant' });
    return this.#activate(firstNew);
  }

  #onIntersect(changes) {
    for (const { target, intersectionRatio } of changes) {
      // Browsers differ in what `isIntersecting` means below the threshold; the ratio is plain.
      const isInView = intersectionRatio >= ACTIVE_RATIO - 0.01;
      if (target === this.#tail) target.inert = !isInView;
      const index = this.#entries.findIndex(({ element }) => element === target);
      if (index === -1) continue;
      if (isInView) this.#activate(index);
      else if (index === this.#active) this.#pauseAt(index);
    }
  }

  /** The clip has left the view, perhaps for a card at the end that is not a clip. */
  #pauseAt(index) {
    const entry = this.#entries[index];
    entry.view?.deactivate();
    entry.element.dataset.active = 'false';
    entry.element.inert = true;
    this.#active = -2 - index;
  }

  /** The place in the list, also while a card at its end is in view. */
  get #place() {
    return this.#active <= -2 ? -2 - this.#active : this.#active;
  }

  #activate(index) {
    if (index === this.#active) return;
    if (this.#active >= 0) this.#pauseAt(this.#active);
    this.#active = index;
    this.#arrange();
    const entry = this.#entries[index];
    entry.element.dataset.active = 'true';
    entry.element.inert = false;
    entry.view.activate();
    this.#onActive(entry);
    if (index >= this.#entries.length - PREFETCH_BEFORE_END && this.#tail?.dataset.kind !== 'error') this.#loadMore();
  }

  /** Builds and tears down around the active clip: at most three videos live. */
  #arrange() {
    const place = this.#place;
    for (const [index, entry] of this.#entries.entries()) {
      const distance = Math.abs(index - place);
      if (distance > 1) entry.view?.unmountVideo();
      if (distance > BUILT_AROUND && entry.view) {
        entry.view.destroy();
        entry.view = null;
        entry.element.replaceChildren();
      }
    }
    // The next clip is the likeliest, so its video comes before the previous one's.
    for (const index of [place, place + 1, place - 1, place + 2, place - 2]) {
      const entry = this.#entries[index];
      if (!entry) continue;
      this.#build(entry);
      if (Math.abs(index - place) <= 1) entry.view.mountVideo();
    }
  }

  #build(entry) {
    if (entry.view) return;
    entry.view = new ClipView(this.#ctx, entry, { onDismiss: () => this.#dismiss(entry) });
    entry.element.append(entry.view.element);
  }

  #dismiss(entry) {
    this.#ctx.events.add('not_interested', entry);
    say('Thank you. You will see less like this.');
    this.step(1);
  }

  /** Goes on or back by one. @param {1|-1} direction */
  step(direction) {
    const slides = [...this.#root.children];
    const current = Math.round(this.#root.scrollTop / Math.max(this.#root.clientHeight, 1));
    const target = slides[Math.min(Math.max(current + direction, 0), slides.length - 1)];
    target?.scrollIntoView({ behavior: reducedMotion() ? 'instant' : 'smooth', block: 'start' });
  }

  /** The page was hidden or shown again. */
  onVisibility() {
    if (document.hidden) this.activeView?.suspend();
    else if (this.#active >= 0) this.activeView?.play();
  }

  /** The connection is back: repeat what had failed. */
  onOnline() {
    if (this.#tail?.dataset.kind === 'error') this.#retry();
    for (const { view } of this.#entries) view?.retry();
  }

  #retry() {
    if (this.#entries.length === 0) this.start(this.#surface);
    else this.#loadMore();
  }

  #showTail(kind, content) {
    if (this.#tail?.dataset.kind === kind && kind === 'skeleton') return;
    const tail = h('section.clip.is-card', { data: { kind } }, content);
    if (this.#tail) {
      this.#observer.unobserve(this.#tail);
      this.#tail.replaceWith(tail);
    } else this.#root.append(tail);
    this.#tail = tail;
    this.#observer.observe(tail);
  }

  #endCard(lastPageLen) {
    const isEmpty = this.#entries.length + lastPageLen === 0;
    if (isEmpty && this.#surface === 'following') {
      return card(blank({
        icon: 'plus', title: 'Nobody followed yet', testid: 'end-card',
        detail: 'Follow creators with the plus beside their clips, and their films gather here.',
        action: 'Go to For you', onAction: () => this.#ctx.switchTo('for_you'),
      }));
    }
    return card(blank({
      icon: 'check', title: isEmpty ? 'Nothing here yet' : 'You have seen it all', testid: 'end-card',
      detail: isEmpty ? 'New clips appear here as soon as they are published.' : 'Every clip of this session is behind you. New ones are on their way.',
      action: 'Start again', onAction: () => this.start(this.#surface),
    }));
  }

  #errorCard(problem) {
    const offline = problem.code === 'offline';
    return card(blank({
      icon: offline ? 'cloud' : 'warning', title: problem.title, testid: 'error-card',
      detail: problem.detail || 'Please try again in a moment.', action: 'Try again', onAction: () => this.#retry(),
    }));
  }
}

function card(content) {
  return h('div.clip__inner', {}, h('div.stage.is-plain', {}, content));
}

function skeleton() {
  return h('div.clip__inner', {}, h('div.stage.is-plain', { role: 'status', 'aria-label': 'Loading clips' },
    h('div.clip-skeleton', { 'aria-hidden': 'true' },
      h('div.clip-skeleton__rail', {}, ...[0, 1, 2, 3].map(() => h('span.bone.is-round'))),
      h('div.clip-skeleton__foot', {}, h('span.bone.is-title'), h('span.bone.is-line'), h('span.bone.is-card')))));
}

/**
 * Keeps the blurred surroundings of the stage in step with the clip in view.
 * @param {HTMLElement} backdrop @param {string|null|undefined} url
 */
export function paintBackdrop(backdrop, url) {
  const source = webUrl(url);
  if (!source) return fill(backdrop);
  const image = h('img.backdrop__image', { alt: '', decoding: 'async' });
  image.addEventListener('load', () => {
    for (const old of [...backdrop.children].slice(0, -1)) setTimeout(() => old.remove(), 700);
    image.classList.add('is-shown');
  });
  image.src = source;
  backdrop.append(image);
  while (backdrop.children.length > 3) backdrop.firstChild.remove();
  return undefined;
}
