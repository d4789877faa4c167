// "My orders": the list, and one order in full.

import { asProblem } from './api.js';
import { addressLines, dateOf } from './delivery.js';
import { Sheet, blank } from './dialog.js';
import { h, picture } from './dom.js';
import { formatMoney } from './money.js';
import { totalsOf } from './totals.js';

const PAGE_LEN = 20;
const STATES = {
  placed: 'Placed', paid: 'Paid', shipped: 'On its way', delivered: 'Delivered', canceled: 'Canceled', refunded: 'Refunded',
};
const PAYMENT_STATES = { authorized: 'Authorized', captured: 'Paid', refunded: 'Refunded', failed: 'Failed' };

/** @param {any} ctx */
export function openOrders(ctx) {
  new OrdersView(ctx, new Sheet({ label: 'My orders' })).showList();
}

/** @param {any} ctx @param {string} id */
export function openOrder(ctx, id) {
  new OrdersView(ctx, new Sheet({ label: 'Order' })).showOrder(id);
}

class OrdersView {
  #ctx;
  #sheet;
  #orders = [];
  #cursor = null;

  constructor(ctx, sheet) {
    this.#ctx = ctx;
    this.#sheet = sheet;
  }

  async showList() {
    this.#sheet.show({ title: 'My orders', body: [bones()] });
    this.#orders = [];
    this.#cursor = null;
    await this.#loadPage();
  }

  async #loadPage() {
    const cursor = this.#cursor ? `&cursor=${encodeURIComponent(this.#cursor)}` : '';
    try {
      const page = await this.#ctx.api.get(`/v1/orders?limit=${PAGE_LEN}${cursor}`);
      this.#orders.push(...page.orders);
      this.#cursor = page.next_cursor ?? null;
    } catch (error) {
      return this.#showProblem('My orders', asProblem(error), () => this.showList());
    }
    return this.#renderList();
  }

  #renderList() {
    if (!this.#sheet.isOpen) return;
    if (this.#orders.length === 0) {
      const empty = blank({
        icon: 'bag', title: 'No orders yet', detail: 'What you buy from a clip is kept here.',
        action: 'Keep watching', onAction: () => this.#sheet.close(),
      });
      this.#sheet.show({ title: 'My orders', body: [empty] });
      return;
    }
    const more = this.#cursor && h('button.button.is-soft', {
      type: 'button', text: 'Show more', on: { click: (event) => { event.currentTarget.disabled = true; this.#loadPage(); } },
    });
    this.#sheet.show({
      title: 'My orders',
      body: [h('ul.orders', {}, ...this.#orders.map((order) => h('li', {}, this.#row(order)))), more],
    });
  }

  #row(order) {
    const [first] = order.lines;
    const others = order.lines.length - 1;
    const title = others > 0 ? `${first?.title} and ${others} more` : first?.title ?? order.id;
    return h('button.order', {
      type: 'button', testid: 'order-row', data: { orderId: order.id },
      on: { click: () => this.#render(order, () => this.#renderList()) },
    },
    picture('line__image', first?.image_url),
    h('span.line__text', {}, h('span.line__title', { text: title }),
      h('span.line__detail', {}, stateOf(order), ` · ${dateOf(order.placed_at)}`)),
    h('span.line__price', { text: formatMoney(order.totals.grand_total) }));
  }

  /** @param {string} id */
  async showOrder(id) {
    this.#sheet.show({ title: 'Order', body: [bones()] });
    try {
      const order = await this.#ctx.api.get(`/v1/orders/${encodeURIComponent(id)}`);
      if (this.#sheet.isOpen) this.#render(order, () => this.showList());
    } catch (error) {
      this.#showProblem('Order', asProblem(error), () => this.showOrder(id));
    }
  }

  #render(order, onBack) {
    const { shipping_address: address, shipping_option: option, payment } = order;
    this.#sheet.show({
      title: 'Order', onBack,
      body: [
        h('div.order-head', {}, stateOf(order), h('span', { text: dateOf(order.placed_at) })),
        h('div.order-lines', {}, ...order.lines.map(lineOf)),
        totalsOf(order.totals),
        h('dl.details', {},
          detail('Order number', order.id, 'order-detail-id'),
          payment && detail('Payment', PAYMENT_STATES[payment.state] ?? payment.state),
          address && detail('Ships to', addressLines(address)),
          option && detail('Delivery', typeof option === 'string' ? capital(option) : option.title)),
      ],
    });
  }

  #showProblem(title, problem, onAction) {
    if (!this.#sheet.isOpen) return;
    this.#sheet.show({
      title,
      body: [blank({ icon: 'warning', title: problem.title, detail: problem.detail, action: 'Try again', onAction, testid: 'error-card' })],
    });
  }
}

function stateOf({ state }) {
  return h('span.state', { data: { state }, text: STATES[state] ?? capital(state) });
}

function lineOf(line) {
  const parts = [line.variant_title !== line.title && line.variant_title, `${line.quantity} × ${formatMoney(line.unit_price)}`];
  return h('div.line', {}, picture('line__image', line.image_url),
    h('div.line__text', {}, h('p.line__title', { text: line.title }),
      h('p.line__detail', { text: parts.filter(Boolean).join(' · ') })),
    h('span.line__price', { text: formatMoney(line.line_total) }));
}

function detail(name, value, testid = null) {
  const lines = Array.isArray(value) ? value : [value];
  return h('div.details__row', {}, h('dt', { text: name }),
    h('dd', { testid }, ...lines.map((line) => h('span', { text: line }))));
}

function capital(text) {
  return text.charAt(0).toUpperCase() + text.slice(1).replaceAll('_', ' ');
}

function bones() {
  return h('div.orders-skeleton', { role: 'status', 'aria-label': 'Loading' },
    ...[0, 1, 2].map(() => h('div.bone.is-row')));
}
