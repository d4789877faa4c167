// One clip of the feed: poster, video, tags, caption and actions.

import { h, picture } from './dom.js';
import { icon } from './icons.js';
import { WatchMeter, attach } from './player.js';
import { Rail } from './rail.js';
import { TagLayer } from './tags.js';

const IMPRESSION_AFTER_MS = 500;
const DOUBLE_TAP_MS = 260;
// Upright clips fill the stage; wider ones would lose too much picture and are shown whole.
const COVER_ASPECT_MAX = 0.78;

/** Everything inside one slide. */
export class ClipView {
  #ctx;
  #entry;
  #video = null;
  #source = null;
  #meter = null;
  #isActive = false;
  #userPaused = false;
  #impressionTimer = 0;
  #frame = 0;
  #tapTimer = 0;
  #resize;

  /** @param {any} ctx @param {any} entry @param {{ onDismiss: () => void }} ways */
  constructor(ctx, entry, ways) {
    this.#ctx = ctx;
    this.#entry = entry;
    const { clip } = entry.item;
    const tags = (entry.item.product_tags ?? []).filter((tag) => tag.card);
    this.fit = clip.width / clip.height > COVER_ASPECT_MAX ? 'contain' : 'cover';
    this.rail = new Rail(ctx, entry, ways);
    this.tags = new TagLayer(tags, {
      onOpen: (tag) => this.#open(tag),
      onImpression: (tag) => ctx.events.add('tag_impression', entry, { product_id: tag.product_id, tag_id: tag.id }),
    });
    this.poster = picture('clip__poster', clip.playback.poster_url);
    this.bar = h('span.progress__bar');
    this.media = h(`div.clip__media${this.fit === 'contain' ? '.is-contained' : ''}`, {},
      this.fit === 'contain' && picture('clip__blur', clip.playback.poster_url), this.poster);
    this.surface = h('div.clip__surface', { on: { click: (event) => this.#onTap(event) } });
    this.pausedMark = h('span.clip__paused', { 'aria-hidden': 'true' }, icon('play'));
    this.trouble = h('div.clip__trouble', { hidden: true, role: 'alert' });
    this.soundHint = h('button.sound-hint', {
      type: 'button', testid: 'unmute', hidden: true, on: { click: () => ctx.setMuted(false) },
    }, icon('soundOff'), 'Tap for sound');
    this.stage = h('div.stage', {}, this.media, this.surface, this.pausedMark, this.tags.dots, this.soundHint,
      h('div.clip__foot', {}, this.#caption(clip), this.tags.cards), this.trouble,
      h('div.progress', { 'aria-hidden': 'true' }, this.bar));
    this.element = h('div.clip__inner', {}, this.stage, this.rail.element);
    this.#resize = new ResizeObserver(() => this.#layout());
    this.#resize.observe(this.stage);
    ctx.sound.addEventListener('change', this.#onSound);
  }

  #caption(clip) {
    const words = (clip.caption ?? '').split(/(#[\p{L}\p{N}_]+)/u);
    return h('div.caption', {},
      h('p.caption__handle', { text: `@${clip.creator.handle}` }),
      h('p.caption__text', { dir: 'auto' }, ...words.map((word) => (word.startsWith('#') && word.length > 1
        ? h('span.caption__hashtag', { text: word }) : word))));
  }

  #layout() {
    const { width, height } = this.#entry.item.clip;
    const box = { width: this.stage.clientWidth, height: this.stage.clientHeight };
    if (width > 0 && height > 0 && box.width > 0) this.tags.layout({ width, height }, box, this.fit);
  }

  get hasVideo() {
    return this.#video !== null;
  }

  /** Takes a video from the pool and starts loading the clip. */
  mountVideo() {
    if (this.#video) return;
    this.#video = this.#ctx.pool.acquire();
    if (!this.#video) return;
    const video = this.#video;
    video.muted = this.#ctx.sound.muted;
    video.setAttribute('aria-label', `Clip by ${this.#entry.item.clip.creator.display_name || this.#entry.item.clip.creator.handle}`);
    video.addEventListener('timeupdate', this.#onTime);
    for (const type of ['waiting', 'playing', 'pause', 'play']) video.addEventListener(type, this.#onState);
    this.media.append(video);
    this.#source = attach(video, this.#entry.item.clip.playback.hls_url, () => this.#fail());
  }

  unmountVideo() {
    const video = this.#video;
    if (!video) return;
    this.#video = null;
    video.removeEventListener('timeupdate', this.#onTime);
    for (const type of ['waiting', 'playing', 'pause', 'play']) video.removeEventListener(type, this.#onState);
    this.#source.destroy();
    this.#ctx.pool.release(video);
    this.stage.classList.remove('has-picture', 'is-paused', 'is-waiting');
    this.trouble.hidden = true;
  }

  destroy() {
    if (this.#isActive) this.deactivate();
    this.unmountVideo();
    this.rail.destroy();
    this.#resize.disconnect();
    this.#ctx.sound.removeEventListener('change', this.#onSound);
  }

  /** This clip is in view from now on. */
  activate() {
    if (this.#isActive) return;
    this.#isActive = true;
    this.#userPaused = false;
    this.tags.reset();
    this.mountVideo();
    this.#source?.setActive(true);
    if (this.#video) this.#meter = new WatchMeter(this.#video);
    this.#impressionTimer = setTimeout(() => this.#ctx.events.add('impression', this.#entry), IMPRESSION_AFTER_MS);
    this.#onSound();
    this.play();
    this.#tick();
  }

  deactivate() {
    if (!this.#isActive) return;
    this.#isActive = false;
    clearTimeout(this.#impressionTimer);
    clearTimeout(this.#tapTimer);
    cancelAnimationFrame(this.#frame);
    this.reportWatch(true);
    this.#meter?.stop();
    this.#meter = null;
    this.rail.closeMenu();
    this.#source?.setActive(false);
    if (this.#video) {
      this.#video.pause();
      if (this.#video.readyState > 0) this.#video.currentTime = 0;
    }
    this.stage.classList.remove('is-paused');
    this.bar.style.transform = 'scaleX(0)';
  }

  /** Says what was watched since the last report. @param {boolean} [evenNothing] a skip counts too */
  reportWatch(evenNothing = false) {
    const watched = this.#meter?.take();
    if (watched && (evenNothing || watched.watch_ms > 0)) this.#ctx.events.add('watch', this.#entry, watched);
  }

  async play() {
    const video = this.#video;
    if (!video || !this.#isActive || this.#userPaused || document.hidden) return;
    video.muted = this.#ctx.sound.muted;
    try {
      await video.play();
    } catch (error) {
      if (error.name !== 'NotAllowedError' || video !== this.#video) return;
      if (video.muted) this.#setPaused(true);
      else {
        // Sound needs a gesture first: show the clip silently and offer the sound.
        this.#ctx.sound.wasRefused();
        await this.play();
      }
    }
  }

  /**
   * The page is hidden: stop without it being the viewer's wish. It may never come back, so what was watched
   * is told now; but not so little that it would count as a skip, which a look at a message is not.
   */
  suspend() {
    this.#video?.pause();
    if (this.#meter?.isMoreThanASkip()) this.reportWatch();
  }

  togglePause() {
    this.#setPaused(!this.#userPaused);
  }

  #setPaused(paused) {
    this.#userPaused = paused;
    this.stage.classList.toggle('is-paused', paused);
    if (paused) this.#video?.pause();
    else this.play();
  }

  #tick = () => {
    const video = this.#video;
    if (video && video.duration > 0) {
      this.bar.style.transform = `scaleX(${Math.min(video.currentTime / video.duration, 1)})`;
    }
    this.tags.update((video?.currentTime ?? 0) * 1000);
    this.#frame = requestAnimationFrame(this.#tick);
  };

  #onTime = () => {
    if (this.#video.currentTime > 0 && this.#video.readyState >= 2) this.stage.classList.add('has-picture');
  };

  #onState = () => {
    const video = this.#video;
    this.stage.classList.toggle('is-waiting', !video.paused && video.readyState < 3);
  };

  #onSound = () => {
    const { muted, chosen } = this.#ctx.sound;
    if (this.#video) this.#video.muted = muted;
    this.soundHint.hidden = !muted || chosen;
  };

  /** One tap pauses, two like: the first waits a moment for the second. */
  #onTap(event) {
    this.rail.closeMenu();
    if (this.#tapTimer) {
      clearTimeout(this.#tapTimer);
      this.#tapTimer = 0;
      this.#burst(event);
      if (!this.#ctx.marks.has('liked', this.#entry.item.clip.id)) this.rail.toggleLike();
      return;
    }
    this.#tapTimer = setTimeout(() => {
      this.#tapTimer = 0;
      this.togglePause();
    }, DOUBLE_TAP_MS);
  }

  #burst(event) {
    const box = this.stage.getBoundingClientRect();
    const heart = h('span.burst', { 'aria-hidden': 'true' }, icon('heart'));
    heart.style.setProperty('--x', `${event.clientX - box.left}px`);
    heart.style.setProperty('--y', `${event.clientY - box.top}px`);
    heart.addEventListener('animationend', () => heart.remove());
    this.stage.append(heart);
  }

  #open(tag) {
    this.#ctx.events.add('tag_tap', this.#entry, { product_id: tag.product_id, tag_id: tag.id });
    this.#ctx.openProduct({ productId: tag.product_id, tag, entry: this.#entry });
  }

  #fail() {
    if (!this.#video) return;
    this.trouble.replaceChildren(
      h('p', { text: navigator.onLine === false ? 'You are offline' : 'This clip cannot be played right now' }),
      h('button.button.is-soft', { type: 'button', text: 'Try again', on: { click: () => this.retry() } }));
    this.trouble.hidden = false;
  }

  /** Loads the clip from scratch, if it had failed. */
  retry() {
    if (this.trouble.hidden) return;
    const wasActive = this.#isActive;
    if (wasActive) this.deactivate();
    this.unmountVideo();
    if (wasActive) this.activate();
    else this.mountVideo();
  }
}
