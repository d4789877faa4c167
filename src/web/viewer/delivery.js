// How delivery options and orders are put into words.

import { formatMoney } from './money.js';

/** @param {{ min_days: number, max_days: number }} option @returns {string} */
export function daysOf({ min_days: low, max_days: high }) {
  if (low === high) return low === 1 ? '1 day' : `${low} days`;
  return `${low}–${high} days`;
}

/** @param {import('./money.js').Money|null} price @returns {string} */
export function feeOf(price) {
  return price?.amount === 0 ? 'Free' : formatMoney(price);
}

/** @param {string} iso @returns {string} a date as the viewer writes it */
export function dateOf(iso) {
  const date = new Date(iso);
  if (Number.isNaN(date.getTime())) return '';
  return date.toLocaleDateString(undefined, { day: 'numeric', month: 'short', year: 'numeric' });
}

/** Where the code follows the place; elsewhere it comes first. */
const CODE_LAST = new Set(['AU', 'CA', 'GB', 'IN', 'US']);

/** @param {any} address @returns {string[]} its lines as written on a parcel */
export function addressLines({ name, line1, line2, city, region, postal_code: code, country }) {
  const place = CODE_LAST.has(country)
    ? [[city, region].filter(Boolean).join(', '), code]
    : [code, city, region];
  return [name, line1, line2, place.filter(Boolean).join(' '), countryName(country)].filter(Boolean);
}

/** @param {string} code ISO 3166-1 alpha-2 @returns {string} */
export function countryName(code) {
  try {
    return new Intl.DisplayNames(undefined, { type: 'region' }).of(code) ?? code;
  } catch {
    return code;
  }
}
