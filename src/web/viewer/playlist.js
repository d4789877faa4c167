// Reads HLS playlists (RFC 8216), as far as on-demand CMAF clips need them.

const SEGMENTS_MAX = 10_000;

/**
 * @typedef {{ url: string, bandwidth: number, width: number, height: number, codecs: string[],
 *   audioGroup: string|null }} Variant
 * @typedef {{ variants: Variant[], audio: Map<string, { url: string|null, isDefault: boolean }> }} Master
 * @typedef {{ url: string, range: string|null }} Resource
 * @typedef {Resource & { start: number, duration: number }} Segment
 * @typedef {{ init: Resource|null, segments: Segment[], duration: number }} Media
 */

/**
 * @param {string} text @param {string} base address of the playlist
 * @returns {Master|null} `null` when this is not a master playlist
 */
export function parseMaster(text, base) {
  const lines = linesOf(text);
  const master = { variants: [], audio: new Map() };
  for (const [index, line] of lines.entries()) {
    if (line.startsWith('#EXT-X-STREAM-INF:')) {
      const uri = lines.slice(index + 1).find((next) => !next.startsWith('#'));
      if (uri) master.variants.push(variantOf(attributesOf(line), new URL(uri, base).href));
    } else if (line.startsWith('#EXT-X-MEDIA:')) {
      const media = attributesOf(line);
      if (media.TYPE === 'AUDIO') addAudio(master.audio, media, base);
    }
  }
  return master.variants.length > 0 ? master : null;
}

/**
 * @param {string} text @param {string} base
 * @returns {Media}
 */
export function parseMedia(text, base) {
  const media = { init: null, segments: [], duration: 0 };
  let duration = 0;
  let range = null;
  let rangeEnd = 0;
  for (const line of linesOf(text)) {
    if (line.startsWith('#EXTINF:')) duration = Number.parseFloat(line.slice(8)) || 0;
    else if (line.startsWith('#EXT-X-BYTERANGE:')) {
      [range, rangeEnd] = rangeOf(line.slice(17), rangeEnd);
    } else if (line.startsWith('#EXT-X-MAP:')) media.init ??= mapOf(attributesOf(line), base);
    else if (!line.startsWith('#') && media.segments.length < SEGMENTS_MAX) {
      media.segments.push({ url: new URL(line, base).href, range, start: media.duration, duration });
      media.duration += duration;
      range = null;
    }
  }
  return media;
}

function linesOf(text) {
  return text.split(/\r?\n/).map((line) => line.trim()).filter((line) => line.length > 0);
}

/** `KEY=value,KEY="quoted, value"` after the tag's colon. */
function attributesOf(line) {
  const attributes = {};
  const list = line.slice(line.indexOf(':') + 1);
  for (const [, name, quoted, plain] of list.matchAll(/([A-Z0-9-]+)=(?:"([^"]*)"|([^,]*))/g)) {
    attributes[name] = quoted ?? plain;
  }
  return attributes;
}

function variantOf(attributes, url) {
  const [width, height] = (attributes.RESOLUTION ?? '0x0').split('x').map(Number);
  return {
    url, width, height,
    bandwidth: Number(attributes.BANDWIDTH) || 0,
    codecs: (attributes.CODECS ?? '').split(',').map((codec) => codec.trim()).filter(Boolean),
    audioGroup: attributes.AUDIO ?? null,
  };
}

function addAudio(groups, media, base) {
  const known = groups.get(media['GROUP-ID']);
  const isDefault = media.DEFAULT === 'YES';
  if (known && (known.isDefault || !isDefault)) return;
  groups.set(media['GROUP-ID'], { url: media.URI ? new URL(media.URI, base).href : null, isDefault });
}

/** `length[@offset]`; without an offset the range follows the one before it. */
function rangeOf(text, previousEnd) {
  const [length, offset] = text.split('@').map(Number);
  const start = Number.isFinite(offset) ? offset : previousEnd;
  return [`bytes=${start}-${start + length - 1}`, start + length];
}

function mapOf(attributes, base) {
  const range = attributes.BYTERANGE ? rangeOf(attributes.BYTERANGE, 0)[0] : null;
  return { url: new URL(attributes.URI, base).href, range };
}
