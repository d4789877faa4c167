// The column of actions beside a clip: creator, like, save, share, sound, more.

import { asProblem } from './api.js';
import { h } from './dom.js';
import { icon } from './icons.js';
import { say } from './notice.js';

/** The actions of one clip. */
export class Rail {
  #ctx;
  #entry;
  #menu = null;
  #onSound = () => this.#showSound();

  /** @param {any} ctx @param {any} entry @param {{ onDismiss: () => void }} ways */
  constructor(ctx, entry, ways) {
    this.#ctx = ctx;
    this.#entry = entry;
    const { clip } = entry.item;
    this.like = action('like', 'heart', 'Like', () => this.toggleLike());
    this.save = action('save', 'bookmark', 'Save', () => this.#toggleSave());
    this.share = action('share', 'share', 'Share', () => this.#share());
    this.sound = action('mute', 'soundOff', 'Sound', () => ctx.setMuted(!ctx.sound.muted));
    this.more = action('more', 'more', 'More', () => this.#toggleMenu(ways));
    this.more.setAttribute('aria-haspopup', 'menu');
    this.more.setAttribute('aria-expanded', 'false');
    this.element = h('div.rail', { role: 'group', 'aria-label': 'Actions' },
      this.#creator(clip.creator), this.like, this.save, this.share, this.sound, this.more);
    this.#showLike();
    this.#showSave();
    this.#showSound();
    ctx.sound.addEventListener('change', this.#onSound);
  }

  destroy() {
    this.#ctx.sound.removeEventListener('change', this.#onSound);
  }

  #creator(creator) {
    const initial = [...(creator.display_name || creator.handle || '?')][0].toUpperCase();
    this.follow = h('button.follow', {
      type: 'button', testid: 'follow', on: { click: () => this.#toggleFollow() },
    }, icon('plus'), icon('check'));
    this.#showFollow();
    return h('div.creator', {},
      h('span.avatar', { 'aria-hidden': 'true', data: { hue: String(hueOf(creator.id)) }, text: initial }), this.follow);
  }

  async toggleLike() {
    const { clip } = this.#entry.item;
    const on = !this.#ctx.marks.has('liked', clip.id);
    this.#entry.likeDelta = (this.#entry.likeDelta ?? 0) + (on ? 1 : -1);
    this.#ctx.events.add(on ? 'like' : 'unlike', this.#entry);
    this.like.classList.toggle('is-popping', on);
    await this.#mark('liked', clip.id, on, `/v1/clips/${encodeURIComponent(clip.id)}/like`, () => {
      if (this.#ctx.marks.has('liked', clip.id) !== on) this.#entry.likeDelta -= on ? 1 : -1;
      this.#showLike();
    });
  }

  async #toggleSave() {
    const { clip } = this.#entry.item;
    const on = !this.#ctx.marks.has('saved', clip.id);
    if (on) this.#ctx.events.add('save', this.#entry);
    await this.#mark('saved', clip.id, on, `/v1/clips/${encodeURIComponent(clip.id)}/save`, () => this.#showSave());
  }

  async #toggleFollow() {
    const { creator } = this.#entry.item.clip;
    const on = !this.#ctx.marks.has('following', creator.id);
    if (on) this.#ctx.events.add('follow', this.#entry);
    await this.#mark('following', creator.id, on, `/v1/creators/${encodeURIComponent(creator.id)}/follow`, () => this.#showFollow());
  }

  /** Shows the change at once and takes it back when the server refuses. */
  async #mark(kind, id, on, path, show) {
    this.#ctx.marks.set(kind, id, on);
    show();
    try {
      await this.#ctx.api.send(on ? 'PUT' : 'DELETE', path);
    } catch (error) {
      this.#ctx.marks.set(kind, id, !on);
      show();
      say(asProblem(error).title);
    }
  }

  #showLike() {
    const { clip } = this.#entry.item;
    const on = this.#ctx.marks.has('liked', clip.id);
    const count = Math.max((clip.stats?.likes ?? 0) + (this.#entry.likeDelta ?? 0), on ? 1 : 0);
    press(this.like, on);
    this.like.setAttribute('aria-label', `Like, ${count}`);
    this.like.lastChild.textContent = count > 0 ? compact(count) : 'Like';
  }

  #showSave() {
    press(this.save, this.#ctx.marks.has('saved', this.#entry.item.clip.id));
  }

  #showFollow() {
    const { creator } = this.#entry.item.clip;
    const on = this.#ctx.marks.has('following', creator.id);
    press(this.follow, on);
    this.follow.setAttribute('aria-label', `Follow ${creator.display_name || creator.handle}`);
  }

  #showSound() {
    const { muted } = this.#ctx.sound;
    this.sound.firstChild.replaceWith(icon(muted ? 'soundOff' : 'soundOn'));
    this.sound.setAttribute('aria-label', muted ? 'Turn sound on' : 'Turn sound off');
    this.sound.lastChild.textContent = muted ? 'Muted' : 'Sound';
  }

  async #share() {
    const { clip } = this.#entry.item;
    const url = `${location.origin}/?clip=${encodeURIComponent(clip.id)}`;
    try {
      if (navigator.share) await navigator.share({ title: 'Vitrine', text: clip.caption, url });
      else {
        await navigator.clipboard.writeText(url);
        say('Link copied');
      }
      this.#ctx.events.add('share', this.#entry);
    } catch (error) {
      // Closing the system's share sheet is not a failure.
      if (error.name !== 'AbortError') say(`Copy this link: ${url}`);
    }
  }

  #toggleMenu({ onDismiss }) {
    if (this.#menu) return this.closeMenu();
    const item = (name, label, testid, run) => h('button.menu__item', {
      type: 'button', role: 'menuitem', testid, on: { click: () => { this.closeMenu(); run(); } },
    }, icon(name), label);
    this.#menu = h('div.menu', { role: 'menu', 'aria-label': 'More' },
      item('block', 'Not interested', 'not-interested', onDismiss));
    this.#menu.addEventListener('keydown', (event) => {
      if (event.key !== 'Escape' && event.key !== 'Tab') return;
      event.stopPropagation();
      this.closeMenu();
      this.more.focus();
    });
    this.element.append(this.#menu);
    this.more.setAttribute('aria-expanded', 'true');
    this.#menu.firstChild.focus({ preventScroll: true });
    return undefined;
  }

  closeMenu() {
    this.#menu?.remove();
    this.#menu = null;
    this.more.setAttribute('aria-expanded', 'false');
  }
}

function action(testid, iconName, label, run) {
  return h('button.action', { type: 'button', testid, 'aria-label': label, on: { click: run } },
    icon(iconName), h('span.action__label', { 'aria-hidden': 'true', text: label }));
}

function press(button, on) {
  button.setAttribute('aria-pressed', String(on));
}

function compact(count) {
  return count.toLocaleString(undefined, { notation: 'compact', maximumFractionDigits: 1 });
}

/** A stable colour per creator, out of the six in the style sheet. */
function hueOf(id) {
  let sum = 0;
  for (const character of id) sum = (sum * 31 + character.codePointAt(0)) % 9973;
  return sum % 6;
}
