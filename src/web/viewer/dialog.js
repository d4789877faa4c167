// The bottom sheet: focus trap, Esc, drag down, one at a time. What is inside is others' work.

import { fill, h, reducedMotion } from './dom.js';
import { icon } from './icons.js';

const CLOSE_MS = 260;
const DRAG_CLOSE_PX = 110;
const FLING_PX_PER_MS = 0.6;
const FOCUSABLE = 'a[href], button:not([disabled]), input:not([disabled]), select:not([disabled]), [tabindex="0"]';

let open = null;

/** @returns {boolean} whether a sheet is open */
export function isSheetOpen() {
  return open !== null;
}

/** A modal sheet with a title bar, a scrolling body and a fixed foot. */
export class Sheet {
  #closeListeners = [];
  #opener;
  #drag = null;

  /** @param {{ label: string }} options */
  constructor({ label }) {
    open?.close({ immediately: true });
    open = this;
    this.#opener = document.activeElement;
    this.title = h('h2.sheet__title', { text: label, tabindex: '-1' });
    this.backButton = h('button.round', { type: 'button', 'aria-label': 'Back', hidden: true }, icon('back'));
    this.body = h('div.sheet__body');
    this.foot = h('div.sheet__foot', { hidden: true });
    const close = h('button.round', {
      type: 'button', 'aria-label': 'Close', testid: 'sheet-close', on: { click: () => this.close() },
    }, icon('close'));
    this.bar = h('div.sheet__bar', {}, h('span.sheet__grip', { 'aria-hidden': 'true' }), this.backButton, this.title, close);
    this.panel = h('div.sheet', {
      role: 'dialog', 'aria-modal': 'true', 'aria-label': label, testid: 'sheet',
    }, this.bar, this.body, this.foot);
    this.scrim = h('div.scrim', { on: { click: () => this.close() } });
    this.root = h('div.sheet-layer', {}, this.scrim, this.panel);
    this.backButton.addEventListener('click', () => this.onBack?.());
    this.root.addEventListener('keydown', (event) => this.#onKey(event));
    this.#listenToDrag();
    this.#show();
  }

  get isOpen() {
    return open === this;
  }

  /** @param {() => void} listener called once, when the sheet closes */
  addCloseListener(listener) {
    this.#closeListeners.push(listener);
  }

  #show() {
    document.getElementById('sheets').append(this.root);
    document.getElementById('app').inert = true;
    document.body.dataset.sheet = 'open';
    // The first frame is drawn closed, so that the way up can be animated.
    requestAnimationFrame(() => requestAnimationFrame(() => this.root.classList.add('is-open')));
    this.title.focus({ preventScroll: true });
  }

  /**
   * Replaces what the sheet shows.
   * @param {{ title: string, label?: string, body: Array<Node|null>, foot?: Array<Node|null>, onBack?: (() => void)|null, keepFocus?: boolean }} view
   */
  show({ title, label = title, body, foot = [], onBack = null, keepFocus = false }) {
    this.title.textContent = title;
    this.panel.setAttribute('aria-label', label);
    this.onBack = onBack;
    this.backButton.hidden = onBack === null;
    fill(this.body, ...body);
    fill(this.foot, ...foot);
    this.foot.hidden = foot.length === 0;
    if (keepFocus) return;
    this.body.scrollTop = 0;
    this.title.focus({ preventScroll: true });
  }

  /** @param {{ immediately?: boolean }} [options] */
  close({ immediately = false } = {}) {
    if (open !== this) return;
    open = null;
    this.root.classList.remove('is-open');
    document.getElementById('app').inert = false;
    delete document.body.dataset.sheet;
    for (const listener of this.#closeListeners) listener();
    if (!immediately && this.#opener?.isConnected) this.#opener.focus({ preventScroll: true });
    if (immediately || reducedMotion()) this.root.remove();
    else setTimeout(() => this.root.remove(), CLOSE_MS);
  }

  #onKey(event) {
    event.stopPropagation();
    if (event.key === 'Escape') {
      event.preventDefault();
      this.close();
    } else if (event.key === 'Tab') this.#trap(event);
  }

  #trap(event) {
    const stops = [...this.panel.querySelectorAll(FOCUSABLE)].filter((one) => one.offsetParent !== null);
    if (stops.length === 0) return event.preventDefault();
    const first = stops[0];
    const last = stops.at(-1);
    const active = document.activeElement;
    const outside = !this.panel.contains(active) || active === this.title;
    if (event.shiftKey && (active === first || outside)) {
      event.preventDefault();
      last.focus();
    } else if (!event.shiftKey && active === last) {
      event.preventDefault();
      first.focus();
    }
    return undefined;
  }

  #listenToDrag() {
    this.bar.addEventListener('pointerdown', (event) => {
      if (event.target.closest('button') || (event.pointerType === 'mouse' && event.button !== 0)) return;
      this.bar.setPointerCapture(event.pointerId);
      this.#drag = { y: event.clientY, at: event.timeStamp };
      this.panel.classList.add('is-dragged');
    });
    this.bar.addEventListener('pointermove', (event) => {
      if (!this.#drag) return;
      this.panel.style.setProperty('--drag', `${Math.max(0, event.clientY - this.#drag.y)}px`);
    });
    const end = (event) => {
      if (!this.#drag) return;
      const moved = event.clientY - this.#drag.y;
      const speed = moved / Math.max(event.timeStamp - this.#drag.at, 1);
      this.#drag = null;
      this.panel.classList.remove('is-dragged');
      if (event.type === 'pointerup' && (moved > DRAG_CLOSE_PX || (moved > 30 && speed > FLING_PX_PER_MS))) this.close();
      else this.panel.style.removeProperty('--drag');
    };
    this.bar.addEventListener('pointerup', end);
    this.bar.addEventListener('pointercancel', end);
  }
}

/**
 * A message in the place of content, with a way on.
 * @param {{ icon: string, title: string, detail?: string, action?: string, onAction?: () => void, testid?: string }} options
 * @returns {HTMLElement}
 */
export function blank({ icon: name, title, detail = '', action, onAction, testid }) {
  return h('div.blank', { testid, role: 'group', 'aria-label': title },
    h('span.blank__icon', {}, icon(name)),
    h('h3.blank__title', { text: title }),
    detail && h('p.blank__detail', { text: detail }),
    action && h('button.button.is-soft', { type: 'button', text: action, on: { click: onAction } }));
}
