// The product sheet: pictures, choice of variant, quantity, delivery, and the way to buy.

import { Sheet, blank } from './dialog.js';
import { asProblem } from './api.js';
import { startCheckout } from './checkout.js';
import { daysOf, feeOf } from './delivery.js';
import { fill, h, picture } from './dom.js';
import { icon } from './icons.js';
import { formatMoney } from './money.js';
import { availabilityOf, priceOf } from './tags.js';

const QUANTITY_MAX = 10;

/**
 * Opens the sheet for a product.
 * @param {any} ctx the page's services
 * @param {{ productId: string, tag?: any, entry?: any }} subject the tag it was opened from, and its clip
 */
export function openProduct(ctx, subject) {
  const sheet = new Sheet({ label: subject.tag?.card.title ?? 'Product' });
  ctx.events.add('preview_open', subject.entry ?? null, tagFields(subject));
  new ProductView(ctx, sheet, subject).load();
}

function tagFields({ productId, tag }) {
  return tag ? { product_id: productId, tag_id: tag.id } : { product_id: productId };
}

class ProductView {
  #ctx;
  #sheet;
  #subject;
  #preview = null;
  #chosen = null;
  #quantity = 1;
  #galleryElement = null;
  #buy = null;

  constructor(ctx, sheet, subject) {
    this.#ctx = ctx;
    this.#sheet = sheet;
    this.#subject = subject;
  }

  /** Fetches the preview and shows it. @param {string} [notice] said above the product */
  async load(notice = '') {
    this.#sheet.show({ title: 'Product', label: this.#title(), body: [skeleton(this.#subject.tag?.card)] });
    try {
      const { productId, entry } = this.#subject;
      const query = entry ? `?clip_id=${encodeURIComponent(entry.item.clip.id)}` : '';
      this.#preview = await this.#ctx.api.get(`/v1/products/${encodeURIComponent(productId)}/preview${query}`);
    } catch (error) {
      return this.#showProblem(asProblem(error));
    }
    if (!this.#sheet.isOpen) return undefined;
    this.#chosen = this.#firstChoice();
    this.#render(notice);
    return undefined;
  }

  #title() {
    return this.#preview?.product.title ?? this.#subject.tag?.card.title ?? 'Product';
  }

  #showProblem(problem) {
    this.#sheet.show({
      title: this.#title(),
      body: [blank({
        icon: 'warning', title: problem.title, detail: problem.detail, testid: 'error-card',
        action: 'Try again', onAction: () => this.load(),
      })],
    });
  }

  /** What was chosen before, else the tagged variant, else the first that can be bought. */
  #firstChoice() {
    const { variants } = this.#preview;
    const wanted = this.#chosen?.id ?? this.#subject.tag?.variant_id;
    return variants.find(({ id }) => id === wanted)
      ?? variants.find(({ availability }) => availability !== 'sold_out')
      ?? variants[0];
  }

  #render(notice = '', keepFocus = false) {
    const focused = keepFocus ? document.activeElement?.dataset?.key : null;
    this.#sheet.show({
      title: this.#preview.product.brand || 'Product', label: this.#title(), keepFocus,
      body: [
        notice && h('p.note.is-warning', { role: 'alert', text: notice }),
        this.#gallery(), this.#head(), this.#options(), this.#quantityRow(), this.#facts(), this.#story(),
      ],
      foot: [this.#buyButton()],
    });
    if (focused) this.#sheet.body.querySelector(`[data-key="${CSS.escape(focused)}"]`)?.focus({ preventScroll: true });
  }

  #gallery() {
    const { image_urls: urls = [], title } = this.#preview.product;
    if (this.#galleryElement?.dataset.urls === urls.join('\n')) return this.#galleryElement;
    const several = urls.length > 1;
    const pictures = urls.map((url, index) => picture('gallery__image', url, `${title}, picture ${index + 1} of ${urls.length}`));
    this.#galleryElement = h('div.gallery', {
      data: { urls: urls.join('\n') }, tabindex: several ? '0' : null,
      role: several ? 'group' : null, 'aria-label': several ? 'Pictures' : null,
    }, ...pictures);
    return this.#galleryElement;
  }

  #head() {
    const { product, rating } = this.#preview;
    return h('div.product', {},
      h('p.product__title', { text: product.title }),
      h('div.product__line', {},
        this.#chosen && priceOf(this.#chosen.price, this.#chosen.compare_at),
        this.#chosen && availabilityOf(this.#chosen.availability),
        rating?.count > 0 && ratingOf(rating)));
  }

  /** One row of chips per option; variants without options are chosen by their title. */
  #options() {
    const { variants } = this.#preview;
    if (variants.length < 2) return null;
    const names = [...new Set(variants.flatMap(({ options }) => Object.keys(options ?? {})))];
    if (names.length === 0) {
      return this.#chipRow('Version', variants.map((variant) => ({ value: variant.title, variant })));
    }
    return h('div.options', {}, ...names.map((name) => {
      const values = [...new Set(variants.map(({ options }) => options?.[name]).filter(Boolean))];
      return this.#chipRow(name, values.map((value) => ({ value, variant: this.#variantWith(name, value) })));
    }));
  }

  /** The variant nearest to the present choice that has this value. */
  #variantWith(name, value) {
    const wanted = { ...this.#chosen?.options, [name]: value };
    const score = ({ options, availability }) => Object.entries(wanted)
      .filter(([key, one]) => options?.[key] === one).length * 2 + (availability === 'sold_out' ? 0 : 1);
    return this.#preview.variants
      .filter(({ options }) => options?.[name] === value)
      .reduce((best, one) => (best && score(best) >= score(one) ? best : one), null);
  }

  #chipRow(name, choices) {
    const label = name.charAt(0).toUpperCase() + name.slice(1);
    const current = this.#chosen?.options?.[name] ?? this.#chosen?.title;
    return h('div.option', { role: 'group', 'aria-label': label },
      h('p.option__name', {}, `${label} `, h('span.option__value', { text: current })),
      h('div.chips', {}, ...choices.map(({ value, variant }) => {
        const isOut = variant.availability === 'sold_out';
        return h(`button.chip${isOut ? '.is-out' : ''}`, {
          type: 'button', testid: 'variant', 'aria-pressed': String(value === current),
          data: { key: `${name}=${value}`, variantId: variant.id }, on: { click: () => this.#choose(variant) },
        }, value, isOut && h('span.sr', { text: ' (sold out)' }));
      })));
  }

  #choose(variant) {
    if (variant.id === this.#chosen?.id) return;
    this.#chosen = variant;
    this.#ctx.events.add('variant_select', this.#subject.entry ?? null, tagFields(this.#subject));
    this.#render('', true);
  }

  #quantityRow() {
    const value = h('output.stepper__value', { 'aria-live': 'polite', 'aria-label': 'Quantity', text: this.#quantity });
    const less = h('button.round', { type: 'button', 'aria-label': 'One less', data: { key: 'less' } }, icon('minus'));
    const more = h('button.round', { type: 'button', 'aria-label': 'One more', data: { key: 'more' } }, icon('plus'));
    const set = (quantity) => {
      this.#quantity = Math.min(Math.max(quantity, 1), QUANTITY_MAX);
      value.textContent = String(this.#quantity);
      // aria-disabled keeps the focus where the viewer's finger is.
      less.setAttribute('aria-disabled', String(this.#quantity === 1));
      more.setAttribute('aria-disabled', String(this.#quantity === QUANTITY_MAX));
      this.#refreshBuy();
    };
    less.addEventListener('click', () => set(this.#quantity - 1));
    more.addEventListener('click', () => set(this.#quantity + 1));
    set(this.#quantity);
    return h('div.row', {}, h('span.row__name', { text: 'Quantity' }), h('div.stepper', {}, less, value, more));
  }

  #facts() {
    const { delivery = [], seller, return_window_days: days } = this.#preview;
    return h('ul.facts', {},
      ...delivery.map((one) => h('li.fact', {}, icon('truck'),
        h('span.fact__main', { text: one.title }), h('span.fact__side', { text: `${daysOf(one)} · ${feeOf(one.price)}` }))),
      days > 0 && h('li.fact', {}, icon('returns'), h('span.fact__main', { text: 'Returns' }),
        h('span.fact__side', { text: `${days} days` })),
      seller && h('li.fact', {}, icon('store'), h('span.fact__main', { text: 'Sold by' }),
        h('span.fact__side', { text: seller.display_name })));
  }

  #story() {
    const { description } = this.#preview.product;
    if (!description) return null;
    return h('div.story', {}, h('h3.story__title', { text: 'About' }),
      ...description.split(/\n{2,}/).map((text) => h('p', { text: text.trim() })));
  }

  #buyButton() {
    this.#buy = h('button.button.is-primary', {
      type: 'button', testid: 'buy-now', on: { click: () => this.#checkout() },
    });
    this.#refreshBuy();
    return this.#buy;
  }

  #refreshBuy() {
    if (!this.#buy) return;
    const sellable = this.#chosen && this.#chosen.availability !== 'sold_out';
    this.#buy.disabled = !sellable;
    if (!sellable) return fill(this.#buy, 'Sold out');
    const { amount, currency } = this.#chosen.price;
    const total = { amount: amount * this.#quantity, currency };
    return fill(this.#buy, 'Buy now', h('span.button__side', { text: formatMoney(total) }));
  }

  #checkout() {
    this.#ctx.events.add('checkout_start', this.#subject.entry ?? null, tagFields(this.#subject));
    startCheckout(this.#ctx, this.#sheet, {
      product: this.#preview.product,
      variant: this.#chosen,
      quantity: this.#quantity,
      delivery: this.#preview.delivery ?? [],
      attributionToken: this.#subject.entry?.item.attribution_token ?? null,
      onBack: () => this.#render(),
      onStale: (notice) => this.load(notice),
    });
  }
}

function ratingOf({ average, count }) {
  const number = average.toLocaleString(undefined, { minimumFractionDigits: 1, maximumFractionDigits: 1 });
  return h('span.rating', {}, icon('star'),
    h('span.sr', { text: 'Rated ' }), h('b', { text: number }),
    h('span.sr', { text: ' of 5 by ' }), h('span.rating__count', { text: `(${count.toLocaleString()})` }));
}

function skeleton(card) {
  return h('div.sheet-skeleton', { 'aria-label': 'Loading', role: 'status' },
    h('div.gallery', {}, card ? picture('gallery__image', card.image_url) : h('div.bone.is-picture')),
    h('div.bone.is-title'), h('div.bone.is-line'), h('div.bone.is-chips'), h('div.bone.is-line'));
}
