// What a checkout or an order adds up to; the server does the sums.

import { h } from './dom.js';
import { formatMoney } from './money.js';

const TOTALS = [['items', 'Items'], ['shipping', 'Delivery'], ['discount', 'Discount'], ['tax', 'Tax']];

/** @param {any} totals of a checkout or an order @returns {HTMLElement} */
export function totalsOf(totals) {
  const rows = TOTALS.filter(([name]) => totals[name] && (totals[name].amount !== 0 || name === 'shipping'));
  return h('dl.totals', {},
    ...rows.map(([name, label]) => totalRow(label, valueOf(name, totals[name]), '')),
    totalRow('Total', formatMoney(totals.grand_total), '.is-grand'));
}

function valueOf(name, money) {
  if (name === 'shipping' && money.amount === 0) return 'Free';
  if (name === 'discount') return formatMoney({ ...money, amount: -Math.abs(money.amount) });
  return formatMoney(money);
}

function totalRow(label, value, classes) {
  return h(`div.totals__row${classes}`, {}, h('dt', { text: label }), h('dd', { text: value }));
}
