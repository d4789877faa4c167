// Buying, step by step: details, then a checkout that holds the stock, then payment.

import { asProblem } from './api.js';
import { AddressForm, FORM_ID } from './address.js';
import { fill, h, picture, uuid } from './dom.js';
import { StepKey } from './idempotency.js';
import { icon } from './icons.js';
import { formatMoney } from './money.js';
import { Payment } from './payment.js';
import { totalsOf } from './totals.js';

const METHODS = [
  ['pm_approve', 'Test card that is approved', 'ends in 4242'],
  ['pm_action', 'Test card that asks the bank', 'ends in 3220'],
  ['pm_decline', 'Test card that is declined', 'ends in 0002'],
  ['pm_timeout', 'Test card with a slow bank', 'ends in 0119'],
];

/**
 * @typedef {{ product: any, variant: any, quantity: number, delivery: any[],
 *   attributionToken: string|null, onBack: () => void, onStale: (notice: string) => void }} Purchase
 */

/** @param {any} ctx @param {import('./dialog.js').Sheet} sheet @param {Purchase} purchase */
export function startCheckout(ctx, sheet, purchase) {
  new Checkout(ctx, sheet, purchase).showDetails();
}

/** The sheet's part of the flow; what happens to the money is in `payment.js`. */
class Checkout {
  #ctx;
  #sheet;
  #purchase;
  #form;
  #createKey = new StepKey();
  #checkout = null;
  #payment = null;
  #timer = 0;
  #note = null;
  #submit = null;
  #method = METHODS[0][0];

  constructor(ctx, sheet, purchase) {
    this.#ctx = ctx;
    this.#sheet = sheet;
    this.#purchase = purchase;
    this.#form = new AddressForm(purchase.delivery, (details) => this.#create(details));
  }

  showDetails(problem = null) {
    clearInterval(this.#timer);
    this.#note = h('p.note.is-warning', { role: 'alert', hidden: true });
    this.#submit = h('button.button.is-primary', {
      type: 'submit', form: FORM_ID, testid: 'continue-to-payment',
    }, 'Continue to payment');
    this.#sheet.show({
      title: 'Delivery', onBack: this.#purchase.onBack,
      body: [this.#note, this.#summary(), this.#form.element], foot: [this.#submit],
    });
    if (problem) this.#complain(problem);
  }

  #complain(problem) {
    const placed = this.#form.showErrors(problem.errors);
    this.#note.hidden = placed;
    this.#note.textContent = placed ? '' : [problem.title, problem.detail].filter(Boolean).join('. ');
    if (!placed) this.#note.scrollIntoView({ block: 'nearest' });
  }

  async #create(details) {
    const { variant, quantity, attributionToken } = this.#purchase;
    const line = { variant_id: variant.id, quantity };
    if (variant.quote) line.quote = variant.quote;
    if (attributionToken) line.attribution_token = attributionToken;
    const body = { lines: [line], ...details };
    const key = this.#createKey.of(body);
    setBusy(this.#submit, true);
    this.#note.hidden = true;
    try {
      const checkout = await this.#ctx.api.send('POST', '/v1/checkouts', { body, key });
      this.#release(checkout.id);
      this.#checkout = checkout;
      if (this.#sheet.isOpen) this.#showPayment();
      else this.#release();
    } catch (error) {
      this.#onCreateProblem(asProblem(error));
    } finally {
      setBusy(this.#submit, false);
    }
  }

  #onCreateProblem(problem) {
    // A refusal is final for this key; only a missing answer is worth asking for again with it.
    if (!problem.isTransient) this.#createKey.renew();
    if (problem.code === 'out_of_stock') return this.#stale('Someone was faster: this is sold out in the quantity you chose.');
    if (problem.code === 'price_changed') return this.#stale('The price has changed. Please have another look.');
    return this.#complain(problem);
  }

  #stale(notice) {
    clearInterval(this.#timer);
    this.#release();
    this.#purchase.onStale(notice);
  }

  /** Gives held stock back when the viewer turns away from it; the hold would expire anyway. */
  #release(exceptId = null) {
    const { id } = this.#checkout ?? {};
    if (!id || id === exceptId || this.#payment?.isUncertain || this.#payment?.isDone) return;
    this.#checkout = null;
    this.#payment = null;
    this.#createKey.renew();
    this.#ctx.api.send('POST', `/v1/checkouts/${encodeURIComponent(id)}/cancel`, { key: uuid() }).catch(() => {});
  }

  #showPayment() {
    if (this.#payment?.checkoutId !== this.#checkout.id) {
      this.#payment = new Payment(this.#ctx, this.#sheet, this.#checkout, {
        onRetry: (message, isHeld) => {
          if (!isHeld) this.#checkout = { ...this.#checkout, hold: null };
          this.#showPayment();
          this.#warn(message);
        },
        onStale: (notice) => this.#stale(notice),
        onExpired: () => { this.#checkout = null; this.#createKey.renew(); },
      });
      this.#sheet.addCloseListener(() => { clearInterval(this.#timer); this.#release(); });
    }
    this.#note = h('p.note.is-warning', { role: 'alert', hidden: true });
    this.#submit = h('button.button.is-primary', {
      type: 'button', testid: 'pay', on: { click: () => this.#pay() },
    }, 'Pay', h('span.button__side', { text: formatMoney(this.#checkout.totals.grand_total) }));
    this.#sheet.show({
      title: 'Payment', onBack: () => this.showDetails(),
      body: [this.#note, this.#hold(), this.#summary(), totalsOf(this.#checkout.totals), this.#methods(), safety()],
      foot: [this.#submit],
    });
  }

  #warn(message) {
    if (!message) return;
    this.#note.textContent = message;
    this.#note.hidden = false;
    this.#note.scrollIntoView({ block: 'nearest' });
  }

  async #pay() {
    setBusy(this.#submit, true);
    this.#note.hidden = true;
    this.#sheet.backButton.hidden = true;
    clearInterval(this.#timer);
    await this.#payment.complete(this.#method);
  }

  #methods() {
    return h('fieldset.choices', {}, h('legend.choices__name', { text: 'Pay with' }),
      ...METHODS.map(([id, title, hint]) => h('label.choice', { testid: `pay-method-${id}` },
        h('input.choice__input', {
          type: 'radio', name: 'method', value: id, checked: id === this.#method,
          on: { change: () => { this.#method = id; } },
        }),
        h('span.choice__dot', { 'aria-hidden': 'true' }),
        h('span.choice__text', {}, h('span', { text: title }), h('span.choice__hint', { text: hint })))));
  }

  #summary() {
    const { product, variant, quantity } = this.#purchase;
    const details = [variant.title !== product.title && variant.title, quantity > 1 && `${quantity} pieces`];
    return h('div.line', {}, picture('line__image', product.image_urls?.[0]),
      h('div.line__text', {}, h('p.line__title', { text: product.title }),
        h('p.line__detail', { text: details.filter(Boolean).join(' · ') })),
      h('span.line__price', { text: formatMoney({ ...variant.price, amount: variant.price.amount * quantity }) }));
  }

  /** Counts the hold down. It only informs: the viewer's clock may be wrong, the server decides. */
  #hold() {
    const until = Date.parse(this.#checkout.hold?.expires_at ?? '');
    if (Number.isNaN(until)) return null;
    const time = h('b.hold__time', { testid: 'hold' });
    const text = h('span', { text: 'Reserved for you for ' });
    const element = h('p.hold', {}, icon('bag'), text, time);
    const tick = () => {
      const seconds = Math.max(0, Math.ceil((until - Date.now()) / 1000));
      if (seconds === 0) fill(text, 'The reservation has run out; paying may still work.');
      time.textContent = seconds === 0 ? '' : `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, '0')}`;
      element.classList.toggle('is-urgent', seconds < 60);
      if (seconds === 0) clearInterval(this.#timer);
    };
    clearInterval(this.#timer);
    this.#timer = setInterval(tick, 1000);
    tick();
    return element;
  }
}

function safety() {
  return h('p.safety', {}, icon('shield'), 'This shop runs on a payment sandbox. No real card is charged.');
}

function setBusy(button, busy) {
  button.disabled = busy;
  button.classList.toggle('is-busy', busy);
  button.setAttribute('aria-busy', String(busy));
}
