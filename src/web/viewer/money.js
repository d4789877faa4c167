// Money arrives as integer minor units and is shown without ever doing arithmetic in floats.

// ISO 4217 exponents that are not 2. Intl follows CLDR here, which shortens some currencies
// for display (ISK, HUF, …) and would then misread minor units.
const EXPONENTS = {
  BIF: 0, CLP: 0, DJF: 0, GNF: 0, ISK: 0, JPY: 0, KMF: 0, KRW: 0, PYG: 0, RWF: 0, UGX: 0,
  UYI: 0, VND: 0, VUV: 0, XAF: 0, XOF: 0, XPF: 0,
  BHD: 3, IQD: 3, JOD: 3, KWD: 3, LYD: 3, OMR: 3, TND: 3,
  CLF: 4, UYW: 4,
};

const formats = new Map();

/** @typedef {{ amount: number, currency: string }} Money */

/**
 * @param {string} currency ISO 4217 code
 * @returns {number} how many decimal places its minor unit has
 */
export function exponentOf(currency) {
  return EXPONENTS[currency] ?? 2;
}

/**
 * @param {Money} money
 * @returns {string} the exact decimal text, e.g. "19.99", "-0.05", "1200"
 */
export function decimalText(money) {
  const exponent = exponentOf(money.currency);
  const negative = money.amount < 0;
  const digits = String(Math.abs(Math.trunc(money.amount))).padStart(exponent + 1, '0');
  const whole = digits.slice(0, digits.length - exponent);
  const fraction = exponent > 0 ? `.${digits.slice(digits.length - exponent)}` : '';
  return `${negative ? '-' : ''}${whole}${fraction}`;
}

/**
 * @param {Money|null|undefined} money
 * @returns {string} for the viewer's locale, e.g. "$19.99"
 */
export function formatMoney(money) {
  if (!money) return '';
  const text = decimalText(money);
  try {
    return formatOf(money.currency).format(text);
  } catch {
    return `${text} ${money.currency}`;
  }
}

/**
 * @param {Money} first @param {Money} second
 * @returns {boolean} whether `first` is a lower amount of the same currency
 */
export function isLess(first, second) {
  return first.currency === second.currency && first.amount < second.amount;
}

function formatOf(currency) {
  if (!formats.has(currency)) {
    const digits = exponentOf(currency);
    formats.set(currency, new Intl.NumberFormat(undefined, {
      style: 'currency', currency, minimumFractionDigits: digits, maximumFractionDigits: digits,
    }));
  }
  return formats.get(currency);
}
