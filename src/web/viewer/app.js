// The page's composition: makes the services, connects the controls, starts the feed.

import { Api } from './api.js';
import { isSheetOpen } from './dialog.js';
import { Events } from './events.js';
import { Feed, paintBackdrop } from './feed.js';
import { icon } from './icons.js';
import { Marks } from './marks.js';
import { say } from './notice.js';
import { openOrders } from './orders.js';
import { Sound, VideoPool } from './player.js';
import { Session } from './session.js';
import { openProduct } from './sheet.js';

const WHEEL_STEP_PX = 40;
const WHEEL_QUIET_MS = 140;
const WHEEL_LOCK_MS = 420;
const INTERACTIVE = 'a, button, input, select, textarea, [contenteditable]';

function main() {
  const session = new Session();
  const api = new Api(session);
  const ctx = {
    session, api,
    events: new Events(api, session),
    marks: new Marks(session),
    pool: new VideoPool(),
    sound: new Sound(),
    openProduct: (subject) => openProduct(ctx, subject),
    setMuted(muted) {
      ctx.pool.setMuted(muted);
      ctx.sound.choose(muted);
    },
    switchTo: (surface) => switchTo(feed, surface),
  };
  const root = document.getElementById('feed');
  const backdrop = document.getElementById('backdrop');
  const feed = new Feed(root, ctx, (entry) => paintBackdrop(backdrop, entry?.item.clip.playback.poster_url));

  connectHeader(ctx, feed);
  connectKeys(ctx, feed);
  connectWheel(root, feed);
  connectPage(feed);
  ctx.events.onLeave = () => feed.activeView?.reportWatch();
  feed.start('for_you', takeSharedClip());
}

function connectHeader(ctx, feed) {
  const orders = document.getElementById('orders-open');
  orders.prepend(icon('bag'));
  orders.addEventListener('click', () => openOrders(ctx));
  const tabs = [...document.querySelectorAll('[data-surface]')];
  for (const [index, tab] of tabs.entries()) {
    tab.addEventListener('click', () => switchTo(feed, tab.dataset.surface));
    tab.addEventListener('keydown', (event) => {
      if (event.key !== 'ArrowRight' && event.key !== 'ArrowLeft') return;
      const next = tabs[(index + 1) % tabs.length];
      next.focus();
      switchTo(feed, next.dataset.surface);
    });
  }
  for (const [id, name, direction] of [['step-previous', 'up', -1], ['step-next', 'down', 1]]) {
    const button = document.getElementById(id);
    button.append(icon(name));
    button.addEventListener('click', () => feed.step(direction));
  }
}

function switchTo(feed, surface) {
  if (feed.surface === surface) return;
  for (const tab of document.querySelectorAll('[data-surface]')) {
    const on = tab.dataset.surface === surface;
    tab.setAttribute('aria-selected', String(on));
    tab.tabIndex = on ? 0 : -1;
  }
  document.getElementById('feed').setAttribute('aria-labelledby', `tab-${surface}`);
  feed.start(surface);
}

function connectKeys(ctx, feed) {
  const actions = {
    ArrowDown: () => feed.step(1), j: () => feed.step(1), PageDown: () => feed.step(1),
    ArrowUp: () => feed.step(-1), k: () => feed.step(-1), PageUp: () => feed.step(-1),
    ' ': () => feed.activeView?.togglePause(),
    m: () => ctx.setMuted(!ctx.sound.muted),
    l: () => feed.activeView?.rail.toggleLike(),
    Enter: () => feed.activeView?.tags.openFirst(),
  };
  // A focused control keeps its own keys; the others still steer the feed.
  const ownKeys = new Set([' ', 'Enter']);
  document.addEventListener('keydown', (event) => {
    if (isSheetOpen() || event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey) return;
    const key = event.key.length === 1 ? event.key.toLowerCase() : event.key;
    if (!Object.hasOwn(actions, key)) return;
    if (ownKeys.has(key) && event.target.closest?.(INTERACTIVE)) return;
    event.preventDefault();
    if (!event.repeat || key.startsWith('Arrow')) actions[key]();
  });
}

/**
 * One turn of the wheel or one swipe on a trackpad is one clip. Left to the browser, a small
 * turn would snap back and a long swipe would fly past several clips.
 */
function connectWheel(root, feed) {
  let sum = 0;
  let lastMs = 0;
  let lastSize = 0;
  let lockedUntilMs = 0;
  root.addEventListener('wheel', (event) => {
    if (event.ctrlKey || Math.abs(event.deltaX) > Math.abs(event.deltaY)) return;
    event.preventDefault();
    const size = Math.abs(event.deltaY) * (event.deltaMode === 1 ? 18 : 1);
    const isFresh = event.timeStamp - lastMs > WHEEL_QUIET_MS || size > lastSize * 1.6 + 8;
    lastMs = event.timeStamp;
    lastSize = size;
    if (event.timeStamp < lockedUntilMs) return;
    if (isFresh) sum = 0;
    else if (sum === Infinity) return;
    sum += size;
    if (sum < WHEEL_STEP_PX) return;
    // Infinity marks this swipe as used up, however long its momentum lasts.
    sum = Infinity;
    lockedUntilMs = event.timeStamp + WHEEL_LOCK_MS;
    feed.step(event.deltaY > 0 ? 1 : -1);
  }, { passive: false });
}

function connectPage(feed) {
  let closeOffline = null;
  addEventListener('offline', () => {
    closeOffline ??= say('You are offline. Clips go on when the connection is back.', { sticky: true });
  });
  addEventListener('online', () => {
    closeOffline?.();
    closeOffline = null;
    feed.onOnline();
  });
  document.addEventListener('visibilitychange', () => feed.onVisibility());
}

/** Reads `?clip=…` of a shared link and takes it out of the address. */
function takeSharedClip() {
  const url = new URL(location.href);
  const id = url.searchParams.get('clip');
  if (!id) return null;
  url.searchParams.delete('clip');
  history.replaceState(history.state, '', url);
  return id;
}

main();
