// Product tags on a clip: dots on the picture and cards below, both timed to the clip.

import { h, picture } from './dom.js';
import { icon } from './icons.js';
import { formatMoney, isLess } from './money.js';

const IMPRESSION_AFTER_MS = 500;
// A dot that the crop would push over the edge is drawn in by this much, or not at all.
const EDGE_PX = 26;

/**
 * Where a point of the picture lies in a box that the picture covers or fits into.
 * @param {{ x: number, y: number }} point 0..1 of the picture
 * @param {{ width: number, height: number }} frame the picture
 * @param {{ width: number, height: number }} box
 * @param {'cover'|'contain'} fit
 * @returns {{ x: number, y: number }} in pixels of the box
 */
export function placeInBox(point, frame, box, fit) {
  const ratios = [box.width / frame.width, box.height / frame.height];
  const scale = fit === 'cover' ? Math.max(...ratios) : Math.min(...ratios);
  return {
    x: (box.width - frame.width * scale) / 2 + point.x * frame.width * scale,
    y: (box.height - frame.height * scale) / 2 + point.y * frame.height * scale,
  };
}

/** The tags of one clip. */
export class TagLayer {
  #tags;
  #shown = new Map();
  #onImpression;
  #counted = new Set();

  /**
   * @param {any[]} tags as in the feed item
   * @param {{ onOpen: (tag: any, from: HTMLElement) => void, onImpression: (tag: any) => void }} handlers
   */
  constructor(tags, { onOpen, onImpression }) {
    this.#onImpression = onImpression;
    this.dots = h('div.dots');
    this.cards = h('div.cards', { role: 'group', 'aria-label': 'Products in this clip' });
    this.#tags = tags.map((tag) => ({
      tag,
      dot: tag.hotspot ? dotOf(tag, onOpen) : null,
      card: cardOf(tag, onOpen),
    }));
    for (const { dot, card } of this.#tags) {
      if (dot) this.dots.append(dot);
      this.cards.append(card);
    }
    this.update(0);
  }

  /** Shows the tags of this moment. @param {number} timeMs */
  update(timeMs) {
    const products = new Set();
    for (const entry of this.#tags) {
      const { tag } = entry;
      const on = timeMs >= tag.start_ms && timeMs <= tag.end_ms;
      toggle(entry.dot, on);
      // Two tags may point at one product in different places; one card is enough for both.
      toggle(entry.card, on && !products.has(tag.product_id));
      if (on) products.add(tag.product_id);
      this.#note(tag, on);
    }
    this.cards.classList.toggle('is-empty', products.size === 0);
    this.cards.classList.toggle('is-single', products.size === 1);
  }

  #note(tag, on) {
    if (!on) this.#shown.delete(tag.id);
    else if (!this.#shown.has(tag.id)) this.#shown.set(tag.id, performance.now());
    else if (!this.#counted.has(tag.id) && performance.now() - this.#shown.get(tag.id) >= IMPRESSION_AFTER_MS) {
      this.#counted.add(tag.id);
      this.#onImpression(tag);
    }
  }

  /** A new viewing counts its impressions anew. */
  reset() {
    this.#shown.clear();
    this.#counted.clear();
  }

  /** @param {{ width: number, height: number }} frame @param {{ width: number, height: number }} box @param {'cover'|'contain'} fit */
  layout(frame, box, fit) {
    for (const { tag, dot } of this.#tags) {
      if (!dot) continue;
      const { x, y } = placeInBox(tag.hotspot, frame, box, fit);
      const inside = x > -EDGE_PX && y > -EDGE_PX && x < box.width + EDGE_PX && y < box.height + EDGE_PX;
      dot.classList.toggle('is-cropped', !inside);
      dot.style.setProperty('--x', `${clamp(x, EDGE_PX, box.width - EDGE_PX)}px`);
      dot.style.setProperty('--y', `${clamp(y, EDGE_PX, box.height - EDGE_PX)}px`);
    }
  }

  /** Opens the first product that is on the screen now. @returns {boolean} whether there was one */
  openFirst() {
    const first = this.#tags.find(({ card }) => !card.hidden);
    first?.card.click();
    return Boolean(first);
  }
}

function toggle(element, on) {
  if (element && element.hidden === on) element.hidden = !on;
}

function clamp(value, low, high) {
  return Math.min(Math.max(value, low), Math.max(low, high));
}

function dotOf(tag, onOpen) {
  return h('button.dot', {
    type: 'button', testid: 'hotspot', data: { tagId: tag.id, productId: tag.product_id }, hidden: true,
    'aria-label': `${tag.card.title}, ${formatMoney(tag.card.price)}`,
    on: { click: (event) => onOpen(tag, event.currentTarget) },
  }, h('span.dot__core'), h('span.dot__tip', { 'aria-hidden': 'true', text: formatMoney(tag.card.price) }));
}

function cardOf(tag, onOpen) {
  const { card } = tag;
  return h('button.card', {
    type: 'button', testid: 'product-card', data: { tagId: tag.id, productId: tag.product_id },
    hidden: true, 'aria-haspopup': 'dialog', on: { click: (event) => onOpen(tag, event.currentTarget) },
  },
  h('span.card__picture', {}, picture('card__image', card.image_url)),
  h('span.card__text', {},
    h('span.card__title', { text: card.title }),
    h('span.card__line', {}, priceOf(card.price, card.compare_at), availabilityOf(card.availability))),
  h('span.card__go', {}, icon('arrow')));
}

/**
 * A price, with the former one struck through.
 * @param {import('./money.js').Money} price @param {import('./money.js').Money|null} compareAt
 * @returns {HTMLElement}
 */
export function priceOf(price, compareAt) {
  const reduced = compareAt && isLess(price, compareAt);
  return h(`span.price${reduced ? '.is-reduced' : ''}`, {},
    h('span.sr', { text: reduced ? 'Now ' : 'Price ' }),
    h('span.price__now', { text: formatMoney(price) }),
    reduced && h('span.sr', { text: ', before ' }),
    reduced && h('s.price__before', { text: formatMoney(compareAt) }));
}

/** @param {string} availability @returns {HTMLElement|null} a badge, when there is something to say */
export function availabilityOf(availability) {
  if (availability === 'sold_out') return h('span.badge.is-out', { text: 'Sold out' });
  if (availability === 'low_stock') return h('span.badge.is-low', { text: 'Low stock' });
  return null;
}
