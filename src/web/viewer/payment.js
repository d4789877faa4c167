// Completing a checkout. Whatever the network does, the viewer ends up knowing whether an order
// exists: a lost answer is asked for again with the same key, an unknown outcome is waited for.

import { asProblem } from './api.js';
import { blank } from './dialog.js';
import { h } from './dom.js';
import { StepKey } from './idempotency.js';
import { icon } from './icons.js';
import { say } from './notice.js';
import { openOrder } from './orders.js';

const POLL_EVERY_MS = 1_500;
const POLL_MAX_MS = 90_000;
const STILL_RUNNING_RETRIES_MAX = 20;

/** @typedef {{ onRetry: (message: string, isHeld: boolean) => void, onStale: (notice: string) => void, onExpired: () => void }} Ways */

/** The payment of one checkout. */
export class Payment {
  #ctx;
  #sheet;
  #checkout;
  #ways;
  #key = new StepKey();
  /** Whether a request is out, or its outcome is not known: the hold must then be left alone. */
  isUncertain = false;
  isDone = false;

  /** @param {any} ctx @param {import('./dialog.js').Sheet} sheet @param {any} checkout @param {Ways} ways */
  constructor(ctx, sheet, checkout, ways) {
    this.#ctx = ctx;
    this.#sheet = sheet;
    this.#checkout = checkout;
    this.#ways = ways;
  }

  get checkoutId() {
    return this.#checkout.id;
  }

  get #path() {
    return `/v1/checkouts/${encodeURIComponent(this.#checkout.id)}`;
  }

  /** @param {string} method */
  async complete(method) {
    const body = { payment: { provider: 'sandbox', method } };
    this.isUncertain = true;
    try {
      await this.#onAnswer(await this.#send(body), method);
    } catch (error) {
      await this.#onProblem(asProblem(error));
    }
  }

  /** While the first request of a key still runs the server answers 409 with Retry-After. */
  async #send(body) {
    for (let tried = 0; ; tried += 1) {
      try {
        return await this.#ctx.api.send('POST', `${this.#path}/complete`, { body, key: this.#key.of(body) });
      } catch (error) {
        const isRunning = error.status === 409 && error.retryAfterMs !== null;
        if (!isRunning || tried >= STILL_RUNNING_RETRIES_MAX) throw error;
        await pause(Math.max(error.retryAfterMs, POLL_EVERY_MS / 3));
      }
    }
  }

  async #onAnswer({ order, payment, checkout }, method) {
    if (order) return this.#succeed(order);
    const action = payment?.next_action;
    if (payment?.state === 'requires_action' && action) {
      this.#key.renew();
      return this.#showChallenge(action, method);
    }
    if (checkout?.order_id) return this.#succeed({ id: checkout.order_id });
    return this.#wait(POLL_EVERY_MS);
  }

  async #onProblem(problem) {
    if (problem.code === 'payment_unknown' || (problem.status === 503 && problem.retryAfterMs !== null)) {
      return this.#wait(problem.retryAfterMs ?? POLL_EVERY_MS);
    }
    if (problem.isTransient) {
      // The key is kept: if the order was placed after all, the next try is told so.
      return this.#retry(`${problem.title}. Press Pay again to find out: you will not be charged twice.`);
    }
    this.isUncertain = false;
    this.#key.renew();
    if (problem.code === 'out_of_stock') return this.#stale('Someone was faster: this has just sold out. Nothing was charged.');
    if (problem.code === 'price_changed') return this.#stale('The price has changed. Nothing was charged; please have another look.');
    if (/expired|canceled/.test(problem.code)) return this.#expire();
    if (problem.status === 402) {
      // The server has given the stock back; the next try takes it anew.
      return this.#retry(problem.detail || 'The payment was declined. Please try another way to pay.', { isHeld: false });
    }
    return this.#retry([problem.title, problem.detail].filter(Boolean).join('. '));
  }

  #retry(message, { isHeld = true } = {}) {
    if (this.#sheet.isOpen) this.#ways.onRetry(message, isHeld);
    else say(message);
  }

  #stale(notice) {
    if (this.#sheet.isOpen) this.#ways.onStale(notice);
    else say(notice);
  }

  #expire() {
    this.isUncertain = false;
    this.#ways.onExpired();
    this.#stale('The reservation has run out and nothing was charged. You can start again.');
  }

  /** The provider has not said yes or no: the server finds out, we watch the checkout. */
  async #wait(firstMs) {
    this.#showWaiting();
    const until = Date.now() + POLL_MAX_MS;
    let waitMs = firstMs;
    while (Date.now() < until) {
      await pause(Math.min(Math.max(waitMs, 500), 10_000));
      waitMs = POLL_EVERY_MS;
      try {
        const checkout = await this.#ctx.api.get(this.#path);
        if (checkout.state === 'completed' && checkout.order_id) return this.#succeed({ id: checkout.order_id });
        if (checkout.state === 'expired' || checkout.state === 'canceled') return this.#expire();
      } catch (error) {
        waitMs = error.retryAfterMs ?? POLL_EVERY_MS * 2;
      }
    }
    return this.#showUndecided();
  }

  #showWaiting() {
    if (!this.#sheet.isOpen) return;
    this.#sheet.show({
      title: 'Payment',
      body: [h('div.blank', { role: 'status' }, h('span.spinner', { 'aria-hidden': 'true' }),
        h('h3.blank__title', { text: 'Waiting for the bank' }),
        h('p.blank__detail', { text: 'This takes a little longer than usual. You can keep watching: we will tell you.' }))],
    });
  }

  #showUndecided() {
    if (!this.#sheet.isOpen) return say('The bank has not answered yet. The order will show in My orders.');
    return this.#sheet.show({
      title: 'Payment',
      body: [blank({
        icon: 'cloud', title: 'The bank has not answered yet',
        detail: 'If the payment goes through, the order appears in My orders. If not, nothing is charged.',
        action: 'Check again', onAction: () => this.#wait(0),
      })],
    });
  }

  /** A stand-in for the page where a real bank would ask for consent. */
  #showChallenge(action, method) {
    if (!this.#sheet.isOpen) return;
    const note = h('p.note.is-warning', { role: 'alert', hidden: true });
    const answer = async (outcome) => {
      for (const button of buttons) button.disabled = true;
      note.hidden = true;
      try {
        await this.#ctx.api.send('POST', action.url, { body: { outcome } });
      } catch (error) {
        note.textContent = asProblem(error).title;
        note.hidden = false;
        for (const button of buttons) button.disabled = false;
        return;
      }
      this.#showWaiting();
      await this.complete(method);
    };
    const buttons = [
      h('button.button.is-primary', { type: 'button', testid: 'challenge-approve', text: 'Approve', on: { click: () => answer('approve') } }),
      h('button.button.is-soft', { type: 'button', testid: 'challenge-refuse', text: 'Refuse', on: { click: () => answer('refuse') } }),
    ];
    this.#sheet.show({
      title: 'Your bank',
      body: [note, h('div.blank', {}, h('span.blank__icon', {}, icon('shield')),
        h('h3.blank__title', { text: 'Is this you?' }),
        h('p.blank__detail', { text: 'A simulated bank asks you to confirm this payment.' }))],
      foot: buttons,
    });
  }

  #succeed(order) {
    this.isUncertain = false;
    this.isDone = true;
    if (!this.#sheet.isOpen) {
      return say('Your order is placed.', { action: { label: 'View', run: () => openOrder(this.#ctx, order.id) } });
    }
    return this.#sheet.show({
      title: 'Thank you',
      body: [h('div.success', {},
        h('span.success__mark', {}, icon('check')),
        h('h3.success__title', { text: 'Your order is placed' }),
        h('p.success__detail', { text: 'It is kept in My orders under this number' }),
        h('p.success__id', { testid: 'order-id', text: order.id }))],
      foot: [
        h('button.button.is-primary', { type: 'button', testid: 'view-order', text: 'View order', on: { click: () => openOrder(this.#ctx, order.id) } }),
        h('button.button.is-soft', { type: 'button', text: 'Keep watching', on: { click: () => this.#sheet.close() } }),
      ],
    });
  }
}

function pause(milliseconds) {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}
