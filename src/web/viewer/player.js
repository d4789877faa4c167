// Plays clips: a small pool of <video> elements, native HLS or the fallback, sound, metering.

import { MseHls, canPlayMse } from './mse_hls.js';
import { webUrl } from './dom.js';
import { load, save } from './store.js';

const HLS_TYPE = 'application/vnd.apple.mpegurl';
/** Videos cost memory and decoders; the clip in view and its two neighbours are enough. */
export const VIDEOS_MAX = 3;

/** Elements are reused: in Safari a video that was unmuted by a tap may stay so for the next clip. */
export class VideoPool {
  #free = [];
  #live = new Set();

  /** @returns {HTMLVideoElement|null} `null` when all are in use */
  acquire() {
    if (this.#live.size >= VIDEOS_MAX) return null;
    const video = this.#free.pop() ?? makeVideo();
    this.#live.add(video);
    return video;
  }

  /** @param {HTMLVideoElement} video */
  release(video) {
    video.pause();
    video.remove();
    video.removeAttribute('src');
    video.load();
    if (this.#live.delete(video)) this.#free.push(video);
  }

  /** @param {boolean} muted must run inside the viewer's own gesture to count as permission */
  setMuted(muted) {
    for (const video of [...this.#live, ...this.#free]) video.muted = muted;
  }
}

function makeVideo() {
  const video = document.createElement('video');
  video.className = 'clip__video';
  video.dataset.testid = 'video';
  video.playsInline = true;
  video.setAttribute('playsinline', '');
  video.setAttribute('webkit-playsinline', '');
  video.setAttribute('tabindex', '-1');
  video.loop = true;
  video.muted = true;
  video.preload = 'auto';
  video.disablePictureInPicture = true;
  return video;
}

/** Whether clips sound; starts muted because browsers only start silent clips by themselves. */
export class Sound extends EventTarget {
  muted = load('muted', true);
  /** @type {boolean} whether the viewer has chosen, so that the hint is not needed any more */
  chosen = load('muted') !== null;

  /** @param {boolean} muted the viewer's choice */
  choose(muted) {
    this.chosen = true;
    save('muted', muted);
    this.#become(muted);
  }

  /** The browser refused to start with sound: stay silent until the viewer asks again. */
  wasRefused() {
    this.chosen = false;
    this.#become(true);
  }

  #become(muted) {
    this.muted = muted;
    this.dispatchEvent(new Event('change'));
  }
}

/**
 * Connects a clip to a video element.
 * @param {HTMLVideoElement} video @param {string} url @param {() => void} onFailure
 * @returns {{ destroy: () => void, setActive: (active: boolean) => void }}
 */
export function attach(video, url, onFailure) {
  const address = webUrl(url);
  if (!address) {
    queueMicrotask(onFailure);
    return { destroy() {}, setActive() {} };
  }
  return chooseEngine(video) === 'mse'
    ? attachMse(video, address, onFailure)
    : attachNative(video, address, onFailure);
}

/** `?player=mse` or `?player=native` overrules the choice, to compare the two in one browser. */
function chooseEngine(video) {
  const wanted = new URLSearchParams(location.search).get('player');
  if (wanted === 'mse' && canPlayMse()) return 'mse';
  if (wanted === 'native') return 'native';
  if (video.canPlayType(HLS_TYPE) !== '') return 'native';
  return canPlayMse() ? 'mse' : 'native';
}

function attachMse(video, url, onFailure) {
  video.dataset.engine = 'mse';
  const onError = () => onFailure();
  video.addEventListener('error', onError);
  const player = new MseHls(video, url, onFailure);
  return {
    setActive: (active) => player.setActive(active),
    destroy() {
      video.removeEventListener('error', onError);
      player.destroy();
    },
  };
}

/** Some browsers claim HLS and then fail at it; the fallback gets its turn before we give up. */
function attachNative(video, url, onFailure) {
  video.dataset.engine = 'native';
  let inner = null;
  let active = false;
  const onError = () => {
    video.removeEventListener('error', onError);
    if (!canPlayMse()) return onFailure();
    inner = attachMse(video, url, onFailure);
    inner.setActive(active);
    if (active) video.play().catch(() => {});
  };
  video.addEventListener('error', onError);
  video.src = url;
  return {
    setActive(now) {
      active = now;
      inner?.setActive(now);
    },
    destroy() {
      video.removeEventListener('error', onError);
      inner?.destroy();
    },
  };
}

/** Watches shorter than this are skips to the ranking. */
const SKIP_MS = 2000;

/** Counts what was really watched: media time that passed, not time on the screen. */
export class WatchMeter {
  #video;
  #last = 0;
  #watchedS = 0;
  #loops = 0;

  /** @param {HTMLVideoElement} video */
  constructor(video) {
    this.#video = video;
    this.#last = video.currentTime;
    video.addEventListener('timeupdate', this.#tick);
  }

  #tick = () => {
    const now = this.#video.currentTime;
    const duration = this.#video.duration || 0;
    const step = now - this.#last;
    if (step >= 0 && step < 2) this.#watchedS += step;
    else if (duration > 0 && -step > duration / 2) {
      this.#loops += 1;
      this.#watchedS += Math.min(Math.max(duration - this.#last, 0) + now, 2);
    }
    this.#last = now;
  };

  /** @returns {boolean} whether what was watched since the last call of `take` is more than a skip */
  isMoreThanASkip() {
    this.#tick();
    return this.#loops > 0 || this.#watchedS * 1000 >= SKIP_MS;
  }

  /** @returns {{ watch_ms: number, loops: number }} since the last call */
  take() {
    this.#tick();
    const taken = { watch_ms: Math.round(this.#watchedS * 1000), loops: this.#loops };
    this.#watchedS = 0;
    this.#loops = 0;
    return taken;
  }

  stop() {
    this.#video.removeEventListener('timeupdate', this.#tick);
  }
}
