// HLS for browsers without it: fetches CMAF segments and feeds them to Media Source Extensions.
// It plays short on-demand clips, so it is simple on purpose: one bounded buffer ahead of the
// play position, one request per track at a time, one rung decided per segment.

import { parseMaster, parseMedia } from './playlist.js';
import { Track } from './mse_track.js';
import { fetchBytes, fetchText, throughput } from './mse_fetch.js';

// Far enough ahead to ride out a slow moment, near enough not to pay for clips that get skipped.
const AHEAD_ACTIVE_S = 14;
const AHEAD_WARM_S = 3;
const SAFETY = 0.7;
const UP_SWITCH_BUFFER_S = 4;
const WAKE_ON = ['timeupdate', 'seeking', 'waiting'];
const CODECS_DEFAULT = { video: 'avc1.64001f', audio: 'mp4a.40.2' };

const Source = globalThis.ManagedMediaSource ?? globalThis.MediaSource;

/** @returns {boolean} whether this browser can play clips this way */
export function canPlayMse() {
  return Boolean(Source?.isTypeSupported?.(`video/mp4; codecs="${CODECS_DEFAULT.video}"`));
}

/** One clip, from master playlist to the end of its buffers. */
export class MseHls {
  #video;
  #url;
  #onError;
  #abort = new AbortController();
  #objectUrl = null;
  #source = new Source();
  #tracks = [];
  #variants = [];
  #level = 0;
  #aheadS = AHEAD_WARM_S;
  #sleepers = [];
  #destroyed = false;

  /**
   * @param {HTMLVideoElement} video @param {string} url of the master playlist
   * @param {(error: Error) => void} onError called once, after which nothing more is loaded
   */
  constructor(video, url, onError) {
    this.#video = video;
    this.#url = url;
    this.#onError = onError;
    this.#start().catch((error) => this.#fail(error));
  }

  /** @param {boolean} active the clip in view gets a long buffer, a waiting one its start only */
  setActive(active) {
    this.#aheadS = active ? AHEAD_ACTIVE_S : AHEAD_WARM_S;
    this.#poke();
  }

  destroy() {
    this.#destroyed = true;
    this.#abort.abort();
    for (const type of WAKE_ON) this.#video.removeEventListener(type, this.#poke);
    if (this.#objectUrl) URL.revokeObjectURL(this.#objectUrl);
  }

  async #start() {
    const opened = this.#open();
    const master = await this.#loadMaster();
    this.#variants = master.variants.filter(isSupported).sort((a, b) => a.bandwidth - b.bandwidth);
    if (this.#variants.length === 0) throw new Error('No rendition this browser can play');
    // By HLS custom the first variant listed is the one to start with when nothing is known.
    const listed = this.#variants.indexOf(master.variants.find(isSupported));
    this.#level = throughput.known ? this.#bestLevel() : Math.min(listed, this.#sizeLimit());
    const first = this.#variants[this.#level];
    const audioUrl = master.audio.get(first.audioGroup)?.url ?? null;
    const [media, audio] = await Promise.all([
      this.#loadMedia(first.url), audioUrl ? this.#loadMedia(audioUrl) : null, opened,
    ]);
    if (this.#destroyed) return;
    this.#addTracks(first, media, audio);
    for (const type of WAKE_ON) this.#video.addEventListener(type, this.#poke);
    await Promise.all(this.#tracks.map((track) => this.#feed(track)));
  }

  #open() {
    return new Promise((resolve) => {
      this.#source.addEventListener('sourceopen', resolve, { once: true });
      this.#objectUrl = URL.createObjectURL(this.#source);
      if (globalThis.ManagedMediaSource) this.#video.disableRemotePlayback = true;
      this.#video.src = this.#objectUrl;
    });
  }

  async #loadMaster() {
    const text = await fetchText(this.#url, this.#abort.signal);
    const master = parseMaster(text, this.#url);
    if (master) return master;
    const only = { url: this.#url, bandwidth: 0, width: 0, height: 0, codecs: [], audioGroup: null };
    return { variants: [only], audio: new Map() };
  }

  async #loadMedia(url) {
    return parseMedia(await fetchText(url, this.#abort.signal), url);
  }

  #addTracks(variant, media, audio) {
    const video = variant.codecs.filter(isVideoCodec);
    const sound = variant.codecs.filter((codec) => !isVideoCodec(codec));
    if (video.length === 0) video.push(CODECS_DEFAULT.video);
    const mainCodecs = audio ? video : [...video, ...sound];
    this.#tracks.push(new Track(this.#source, `video/mp4; codecs="${mainCodecs.join(',')}"`, media));
    if (audio) {
      const codec = sound[0] ?? CODECS_DEFAULT.audio;
      this.#tracks.push(new Track(this.#source, `audio/mp4; codecs="${codec}"`, audio));
    }
    this.#tracks[0].variant = variant;
    // Without a duration the last segment's rounding would decide where the loop turns.
    this.#source.duration = Math.max(...this.#tracks.map((track) => track.media.duration));
  }

  /** The life of one track: sleep while enough is buffered, else fetch and append the next segment. */
  async #feed(track) {
    while (!this.#destroyed) {
      const position = this.#video.currentTime;
      const end = track.bufferedEnd(position);
      const segment = end - position < this.#aheadS ? track.segmentAt(end) : null;
      if (!segment) {
        await this.#idle(track, end);
        continue;
      }
      track.note(segment.index, end);
      if (track.variant) await this.#switchLevel(track, end - position);
      await this.#appendSegment(track, track.media.segments[segment.index]);
      track.trim(this.#video.currentTime);
      await track.settled();
    }
  }

  async #idle(track, end) {
    track.isComplete = track.segmentAt(end) === null;
    const allComplete = this.#tracks.every((other) => other.isComplete && !other.isUpdating);
    if (allComplete && this.#source.readyState === 'open') this.#source.endOfStream();
    await new Promise((resolve) => this.#sleepers.push(resolve));
    track.isComplete = false;
  }

  #poke = () => {
    const sleepers = this.#sleepers;
    this.#sleepers = [];
    for (const wake of sleepers) wake();
    this.#stepOverHole();
  };

  /** Encoders leave small holes, often at the very start; waiting in one would last for ever. */
  #stepOverHole() {
    if (this.#video.readyState > 2 || this.#video.paused) return;
    const starts = this.#tracks.map((track) => track.startAfterHole(this.#video.currentTime));
    const start = Math.max(...starts.map((value) => value ?? -1));
    if (start > 0) this.#video.currentTime = start + 0.001;
  }

  async #appendSegment(track, segment) {
    const signal = this.#abort.signal;
    const needsInit = track.media.init && track.initOf !== track.media;
    const [init, bytes] = await Promise.all([
      needsInit ? fetchBytes(track.media.init, signal) : null,
      fetchBytes(segment, signal, track.variant ? throughput : null),
    ]);
    if (this.#destroyed) return;
    if (init) {
      await track.append(init, this.#video);
      track.initOf = track.media;
    }
    await track.append(bytes, this.#video);
  }

  async #switchLevel(track, buffered) {
    if (!throughput.known) return;
    const best = this.#bestLevel();
    if (best === this.#level || (best > this.#level && buffered < UP_SWITCH_BUFFER_S)) return;
    const variant = this.#variants[best];
    const media = await this.#loadMedia(variant.url);
    // Segments are chosen by number across rungs, so only a rung cut at the same places will do.
    if (this.#destroyed || media.segments.length !== track.media.segments.length) return;
    if (!track.changeType(`video/mp4; codecs="${variant.codecs.filter(isVideoCodec).join(',')}"`)) return;
    this.#level = best;
    Object.assign(track, { media, variant });
  }

  #bestLevel() {
    const budget = throughput.bitsPerSecond * SAFETY;
    const limit = this.#sizeLimit();
    let best = 0;
    for (let level = 0; level <= limit; level += 1) {
      if (this.#variants[level].bandwidth <= budget) best = level;
    }
    return best;
  }

  /** The lowest rung that fills the picture's box: more pixels than the screen has are waste. */
  #sizeLimit() {
    const box = this.#video.getBoundingClientRect();
    const wanted = Math.max(box.width, 1) * Math.min(devicePixelRatio || 1, 2) * 0.9;
    const enough = this.#variants.findIndex(({ width, height }) => Math.min(width, height) >= wanted);
    return enough === -1 ? this.#variants.length - 1 : enough;
  }

  #fail(error) {
    if (this.#destroyed) return;
    this.destroy();
    this.#onError(error);
  }
}

function isVideoCodec(codec) {
  return /^(avc|hev|hvc|av01|vp0?9|dvh)/.test(codec);
}

function isSupported(variant) {
  const codecs = variant.codecs.filter(isVideoCodec);
  return codecs.length === 0 || Source.isTypeSupported(`video/mp4; codecs="${codecs.join(',')}"`);
}
