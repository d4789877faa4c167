// The form for e-mail, address and delivery. What was typed last time is filled in again.

import { countryName, daysOf, feeOf } from './delivery.js';
import { h } from './dom.js';
import { load, save } from './store.js';

const ENTRY = 'address';
export const FORM_ID = 'checkout-details';

const COUNTRIES = 'AD AE AR AT AU BE BG BR CA CH CL CN CO CR CY CZ DE DK DO EC EE EG ES FI FR GB GR GT HK HR HU ID IE IL IN IS IT JP KE KR KW LT LU LV MA MT MX MY NG NL NO NZ PA PE PH PL PT QA RO RS SA SE SG SI SK TH TN TR TW UA US UY VN ZA'.split(' ');
/** Where a parcel does not arrive without it. */
const REGION_NEEDED = new Set(['AU', 'BR', 'CA', 'CN', 'IN', 'MX', 'MY', 'US']);

const FIELDS = [
  { name: 'email', label: 'E-mail', type: 'email', autocomplete: 'email', testid: 'email', inputmode: 'email', max: 254, required: true },
  { name: 'name', label: 'Full name', autocomplete: 'shipping name', testid: 'address-name', max: 120, required: true },
  { name: 'line1', label: 'Street and number', autocomplete: 'shipping address-line1', testid: 'address-line1', max: 200, required: true },
  { name: 'line2', label: 'Flat, floor, company', hint: 'optional', autocomplete: 'shipping address-line2', testid: 'address-line2', max: 200 },
  { name: 'postal_code', label: 'Postal code', autocomplete: 'shipping postal-code', testid: 'address-postal-code', max: 20, required: true, half: true },
  { name: 'city', label: 'City', autocomplete: 'shipping address-level2', testid: 'address-city', max: 120, required: true, half: true },
  { name: 'region', label: 'State or region', autocomplete: 'shipping address-level1', testid: 'address-region', max: 120, half: true },
];

/** The form of the first step. */
export class AddressForm {
  #inputs = new Map();
  #errors = new Map();

  /**
   * @param {any[]} delivery options of the preview
   * @param {(details: any) => void} onSubmit with what `details()` gives
   */
  constructor(delivery, onSubmit) {
    const remembered = load(ENTRY, {}) ?? {};
    this.element = h('form.form', { id: FORM_ID, novalidate: true, 'aria-label': 'Delivery details' },
      ...FIELDS.map((field) => this.#field(field, remembered[field.name] ?? '')),
      this.#country(remembered.country ?? countryGuess()),
      delivery.length > 0 && deliveryChoice(delivery, remembered.option));
    this.element.addEventListener('submit', (event) => {
      event.preventDefault();
      if (!this.#check()) return;
      save(ENTRY, this.#values());
      onSubmit(this.details());
    });
  }

  /** @returns {{ email: string, shipping_address: any, shipping_option: string|undefined }} */
  details() {
    const { email, option, ...address } = this.#values();
    // The optional parts are left out when empty: a blank line is not an address line.
    const filled = Object.entries(address).filter(([, value]) => value !== '');
    return { email, shipping_address: Object.fromEntries(filled), shipping_option: option };
  }

  /**
   * Shows the server's objections at the fields they are about.
   * @param {Array<{ pointer: string, detail: string }>} errors
   * @returns {boolean} whether all of them found a field
   */
  showErrors(errors) {
    let placed = 0;
    for (const { pointer, detail } of errors) {
      const name = pointer.split('/').pop();
      if (!this.#inputs.has(name)) continue;
      this.#mark(name, detail);
      if (placed === 0) this.#inputs.get(name).focus();
      placed += 1;
    }
    return placed > 0 && placed === errors.length;
  }

  #values() {
    return Object.fromEntries([...new FormData(this.element)].map(([name, value]) => [name, String(value).trim()]));
  }

  #field({ name, label, hint, testid, max, half, required, ...attributes }, value) {
    const input = h('input.field__input', {
      ...attributes, type: attributes.type ?? 'text', id: `field-${name}`, name, testid, value, maxlength: max,
      required, 'aria-describedby': `error-${name}`, autocapitalize: name === 'email' ? 'none' : 'words',
      spellcheck: 'false', placeholder: ' ',
    });
    return this.#wrap(name, label, input, { hint, half });
  }

  #country(chosen) {
    const options = [...new Set([...COUNTRIES, chosen])]
      .map((code) => ({ code, name: countryName(code) }))
      .sort((a, b) => a.name.localeCompare(b.name));
    const select = h('select.field__input', {
      id: 'field-country', name: 'country', testid: 'address-country', required: true,
      autocomplete: 'shipping country', 'aria-describedby': 'error-country',
    }, ...options.map(({ code, name }) => h('option', { value: code, selected: code === chosen, text: name })));
    const adapt = () => { this.#inputs.get('region').required = REGION_NEEDED.has(select.value); };
    select.addEventListener('change', adapt);
    const wrapped = this.#wrap('country', 'Country', select, { half: true });
    adapt();
    return wrapped;
  }

  #wrap(name, label, input, { hint, half }) {
    const error = h('span.field__error', { id: `error-${name}`, role: 'alert' });
    this.#inputs.set(name, input);
    this.#errors.set(name, error);
    input.addEventListener('input', () => this.#mark(name, ''));
    return h(`div.field${half ? '.is-half' : ''}`, {}, input,
      h('label.field__label', { for: input.id }, label, hint && h('span.field__hint', { text: ` (${hint})` })), error);
  }

  #mark(name, text) {
    this.#errors.get(name).textContent = text;
    this.#inputs.get(name).setAttribute('aria-invalid', String(text !== ''));
  }

  #check() {
    let first = null;
    for (const [name, input] of this.#inputs) {
      const blank = input.required && input.value.trim() === '';
      const text = blank ? 'Please fill this in' : input.validationMessage;
      this.#mark(name, text);
      if (text !== '') first ??= input;
    }
    first?.focus();
    return first === null;
  }
}

function deliveryChoice(delivery, remembered) {
  const chosen = delivery.find(({ option }) => option === remembered) ?? delivery[0];
  return h('fieldset.choices', {}, h('legend.choices__name', { text: 'Delivery' }),
    ...delivery.map((one) => h('label.choice', { testid: `delivery-${one.option}` },
      h('input.choice__input', { type: 'radio', name: 'option', value: one.option, checked: one === chosen }),
      h('span.choice__dot', { 'aria-hidden': 'true' }),
      h('span.choice__text', {}, h('span', { text: one.title }), h('span.choice__hint', { text: daysOf(one) })),
      h('span.choice__side', { text: feeOf(one.price) }))));
}

function countryGuess() {
  try {
    return new Intl.Locale(navigator.language).maximize().region ?? 'US';
  } catch {
    return 'US';
  }
}
