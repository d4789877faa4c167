// Short messages, shown for a moment and read out by screen readers.

import { h } from './dom.js';

const SHOWN_MS = 3_600;

/**
 * @param {string} text
 * @param {{ sticky?: boolean, action?: { label: string, run: () => void } }} [options]
 * @returns {() => void} takes the message away
 */
export function say(text, { sticky = false, action } = {}) {
  const region = document.getElementById('toasts');
  for (const old of region.querySelectorAll('.toast:not(.is-sticky)')) old.remove();
  const toast = h(`div.toast${sticky ? '.is-sticky' : ''}`, {}, h('span', { text }));
  const close = () => {
    toast.classList.add('is-leaving');
    setTimeout(() => toast.remove(), 200);
  };
  if (action) {
    toast.append(h('button.toast__action', {
      type: 'button', text: action.label, on: { click: () => { close(); action.run(); } },
    }));
  }
  region.append(toast);
  if (!sticky) setTimeout(close, action ? SHOWN_MS * 2 : SHOWN_MS);
  return close;
}
