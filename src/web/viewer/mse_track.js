// One SourceBuffer and the playlist it is fed from.

// Players leave gaps of a frame or so between segments; anything this close counts as joined.
const GAP_S = 0.15;
// A hole in the media that playback may step over instead of waiting.
const HOLE_S = 0.6;
// Behind the play position this much stays, so that the loop's turn finds its start again.
const KEEP_BEHIND_S = 20;
const KEEP_START_S = 6;

/** A track of the clip: video, audio, or both in one. */
export class Track {
  #buffer;
  #type;
  #asked = { index: -1, time: -1 };
  /** @type {import('./playlist.js').Media} */
  media;
  /** @type {import('./playlist.js').Variant|null} set on the track whose rung may change */
  variant = null;
  initOf = null;
  isComplete = false;

  /** @param {MediaSource} source @param {string} type @param {import('./playlist.js').Media} media */
  constructor(source, type, media) {
    if (media.segments.length === 0) throw new Error('The playlist is empty');
    this.#buffer = source.addSourceBuffer(type);
    this.#type = type;
    this.media = media;
  }

  get isUpdating() {
    return this.#buffer.updating;
  }

  /** @param {number} position @returns {number} where the buffered stretch around it ends */
  bufferedEnd(position) {
    const ranges = this.#buffer.buffered;
    let end = position;
    for (let index = 0; index < ranges.length; index += 1) {
      if (ranges.start(index) <= end + GAP_S && ranges.end(index) > end) end = ranges.end(index);
    }
    return end;
  }

  /** @param {number} time @returns {{ index: number }|null} the segment to fetch for it */
  segmentAt(time) {
    const { segments, duration } = this.media;
    if (time >= duration - GAP_S) return null;
    let index = segments.findIndex((one) => time < one.start + one.duration - GAP_S);
    // A segment that is shorter than its playlist says must not be fetched for ever.
    if (index === this.#asked.index && Math.abs(time - this.#asked.time) < 0.01) index += 1;
    if (index === -1 || index >= segments.length) return null;
    return { index };
  }

  /** Notes for which moment a segment was fetched. @param {number} index @param {number} time */
  note(index, time) {
    this.#asked = { index, time };
  }

  /** @param {number} position @returns {number|null} the start of a stretch just ahead of a hole */
  startAfterHole(position) {
    const ranges = this.#buffer.buffered;
    for (let index = 0; index < ranges.length; index += 1) {
      if (ranges.start(index) <= position && position < ranges.end(index)) return null;
      const ahead = ranges.start(index) - position;
      if (ahead > 0 && ahead < HOLE_S) return ranges.start(index);
    }
    return null;
  }

  /**
   * Appends bytes; when the browser's memory is full, makes room once and tries again.
   * @param {ArrayBuffer} bytes @param {HTMLVideoElement} video
   */
  async append(bytes, video) {
    await this.settled();
    try {
      this.#buffer.appendBuffer(bytes);
    } catch (error) {
      if (error.name !== 'QuotaExceededError') throw error;
      this.#remove(0, video.currentTime - 1);
      await this.settled();
      this.#remove(video.currentTime + KEEP_BEHIND_S, Infinity);
      await this.settled();
      this.#buffer.appendBuffer(bytes);
    }
    await this.settled();
  }

  /** @param {string} type @returns {boolean} whether the buffer takes this type from now on */
  changeType(type) {
    if (type === this.#type) return true;
    if (!this.#buffer.changeType) return false;
    this.#buffer.changeType(type);
    this.#type = type;
    return true;
  }

  /** Drops what lies far behind; the clip's first seconds stay for the next loop. @param {number} position */
  trim(position) {
    if (!this.#buffer.updating) this.#remove(KEEP_START_S, position - KEEP_BEHIND_S);
  }

  #remove(start, end) {
    if (end > start && this.#buffer.buffered.length > 0) this.#buffer.remove(start, end);
  }

  /** @returns {Promise<void>} when the buffer is ready for the next operation */
  settled() {
    if (!this.#buffer.updating) return Promise.resolve();
    return new Promise((resolve, reject) => {
      const failed = () => reject(new Error('The media could not be decoded'));
      this.#buffer.addEventListener('error', failed, { once: true });
      this.#buffer.addEventListener('updateend', () => {
        this.#buffer.removeEventListener('error', failed);
        resolve();
      }, { once: true });
    });
  }
}
