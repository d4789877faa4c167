//! What can be judged before any demuxer sees a stranger's file.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::Path;

use crate::adapters::ffmpeg::engine::fault::Fault;
use crate::domain::limits;
use crate::domain::media_failure::MediaFailure;

/// Top-level boxes of one file; real ones have fewer than a hundred, fragmented ones some
/// thousands.
const TOP_LEVEL_BOXES_MAX: usize = 10_000;
/// The index of a ten-minute video takes about 1 MB.
const MOOV_BYTES_MAX: u64 = 64 << 20;
/// moov > trak > mdia > minf > stbl > stsd, and one to spare.
const BOX_DEPTH_MAX: usize = 7;

/// Refuses what is no video container, is encrypted, or claims pictures beyond our limits.
///
/// The first bytes decide, never the name: playlists and pictures in disguise stop here.
/// libavformat does not report encryption when the `senc` box is missing, and it decodes a first
/// picture while probing, whatever its size: hence our own look into the sample descriptions of MP4
/// files.
pub fn sniff(path: &Path) -> Result<(), Fault> {
    let mut file = File::open(path)?;
    let length = file.metadata()?.len();
    if length == 0 {
        return Err(Fault::rejected(MediaFailure::EmptyFile, "zero bytes"));
    }
    let mut head = Vec::with_capacity(64);
    Read::by_ref(&mut file).take(64).read_to_end(&mut head)?;
    head.resize(64, 0);
    match Container::of(&head) {
        None => Err(Fault::rejected(MediaFailure::NotAVideo, "unknown file signature")),
        Some(Container::IsoMedia) => match read_moov(&mut file, length)? {
            Some(moov) => judge_boxes(&moov, 0),
            None => Ok(()), // The demuxer has the last word on a file without an index.
        },
        Some(Container::Other) => Ok(()),
    }
}

enum Container {
    /// MP4, MOV, 3GP.
    IsoMedia,
    /// Matroska, WebM, AVI, Ogg, FLV, ASF, MPEG.
    Other,
}

impl Container {
    fn of(head: &[u8]) -> Option<Self> {
        const ISO_BOXES: [&[u8]; 7] =
            [b"ftyp", b"moov", b"mdat", b"wide", b"free", b"skip", b"pnot"];
        const MAGIC: [&[u8]; 5] = [
            &[0x1A, 0x45, 0xDF, 0xA3], // Matroska, WebM: EBML.
            b"OggS",
            b"FLV",
            &[0x30, 0x26, 0xB2, 0x75], // ASF.
            &[0x00, 0x00, 0x01, 0xBA], // MPEG program stream.
        ];
        let transport_stream = head[0] == 0x47 || head[4] == 0x47;
        let avi = head.starts_with(b"RIFF") && &head[8..12] == b"AVI ";
        if ISO_BOXES.contains(&&head[4..8]) {
            Some(Self::IsoMedia)
        } else if avi || transport_stream || MAGIC.iter().any(|magic| head.starts_with(magic)) {
            Some(Self::Other)
        } else {
            None
        }
    }
}

/// The content of the `moov` box, if the file has one that can be reached.
fn read_moov(file: &mut File, length: u64) -> io::Result<Option<Vec<u8>>> {
    let mut offset = 0u64;
    for _ in 0..TOP_LEVEL_BOXES_MAX {
        file.seek(SeekFrom::Start(offset))?;
        let mut head = Vec::with_capacity(16);
        Read::by_ref(file).take(16).read_to_end(&mut head)?;
        let Some((size, kind, header)) = box_header(&head) else { return Ok(None) };
        let size = if size == 0 { length - offset } else { size }; // Zero: up to the end.
        if size < header {
            return Ok(None);
        }
        if &kind == b"moov" {
            let mut moov = Vec::new();
            file.seek(SeekFrom::Start(offset + header))?;
            Read::by_ref(file).take((size - header).min(MOOV_BYTES_MAX)).read_to_end(&mut moov)?;
            return Ok(Some(moov));
        }
        match offset.checked_add(size) {
            Some(next) if next < length => offset = next,
            _ => return Ok(None),
        }
    }
    Ok(None)
}

/// Size, type and header length of the box that starts with `bytes`.
fn box_header(bytes: &[u8]) -> Option<(u64, [u8; 4], u64)> {
    let size = u32::from_be_bytes(*bytes.first_chunk()?);
    let kind = *bytes.get(4..)?.first_chunk()?;
    if size == 1 {
        Some((u64::from_be_bytes(*bytes.get(8..)?.first_chunk()?), kind, 16))
    } else {
        Some((u64::from(size), kind, 8))
    }
}

/// Walks down to the sample descriptions.
fn judge_boxes(mut boxes: &[u8], depth: usize) -> Result<(), Fault> {
    while let Some((size, kind, header)) = box_header(boxes) {
        let (Ok(size), Ok(header)) = (usize::try_from(size), usize::try_from(header)) else {
            break;
        };
        if size < header || size > boxes.len() || depth >= BOX_DEPTH_MAX {
            break; // Damaged; the demuxer will say so.
        }
        let (content, rest) = (&boxes[header..size], &boxes[size..]);
        match &kind {
            b"trak" | b"mdia" | b"minf" | b"stbl" => judge_boxes(content, depth + 1)?,
            // Version, flags and the count of entries come first.
            b"stsd" => judge_boxes(content.get(8..).unwrap_or_default(), depth + 1)?,
            b"encv" | b"enca" => {
                return Err(Fault::rejected(MediaFailure::Encrypted, "encrypted sample entry"));
            }
            b"avc1" | b"avc3" | b"hvc1" | b"hev1" | b"av01" | b"vp09" | b"mp4v" => {
                judge_picture_entry(content)?;
            }
            _ => {}
        }
        boxes = rest;
    }
    Ok(())
}

/// Width and height stand at bytes 24..28 of a visual sample entry (ISO/IEC 14496-12, 12.1.3).
fn judge_picture_entry(entry: &[u8]) -> Result<(), Fault> {
    let Some(&[w1, w0, h1, h0]) = entry.get(24..28) else { return Ok(()) };
    let (width, height) = (u16::from_be_bytes([w1, w0]), u16::from_be_bytes([h1, h0]));
    judge_size(u32::from(width), u32::from(height))
}

/// Refuses pictures above our limits.
pub fn judge_size(width: u32, height: u32) -> Result<(), Fault> {
    let pixels = u64::from(width) * u64::from(height);
    if width.max(height) > limits::SOURCE_SIDE_MAX || pixels > limits::SOURCE_PIXELS_MAX {
        return Err(Fault::rejected(MediaFailure::TooLarge, format!("{width}x{height}")));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::{Container, judge_boxes, judge_size};
    use crate::domain::media_failure::MediaFailure;

    fn boxed(kind: &[u8], content: &[u8]) -> Vec<u8> {
        let mut bytes = (content.len() as u32 + 8).to_be_bytes().to_vec();
        bytes.extend_from_slice(kind);
        bytes.extend_from_slice(content);
        bytes
    }

    fn moov_with(entry: &[u8]) -> Vec<u8> {
        let mut table = vec![0, 0, 0, 0, 0, 0, 0, 1];
        table.extend_from_slice(entry);
        let stbl = boxed(b"stbl", &boxed(b"stsd", &table));
        boxed(b"trak", &boxed(b"mdia", &boxed(b"minf", &stbl)))
    }

    fn picture_entry(width: u16, height: u16) -> Vec<u8> {
        let mut content = vec![0; 24];
        content.extend_from_slice(&width.to_be_bytes());
        content.extend_from_slice(&height.to_be_bytes());
        content.extend_from_slice(&[0; 50]);
        boxed(b"avc1", &content)
    }

    fn verdict(moov: &[u8]) -> Option<MediaFailure> {
        judge_boxes(moov, 0).err().map(|fault| fault.failure())
    }

    #[test]
    fn encrypted_and_giant_tracks_are_found() {
        assert_eq!(verdict(&moov_with(&boxed(b"encv", &[0; 78]))), Some(MediaFailure::Encrypted));
        assert_eq!(verdict(&moov_with(&boxed(b"enca", &[0; 28]))), Some(MediaFailure::Encrypted));
        assert_eq!(
            verdict(&moov_with(&picture_entry(16_000, 9_000))),
            Some(MediaFailure::TooLarge)
        );
        assert_eq!(verdict(&moov_with(&picture_entry(1080, 1920))), None);
    }

    #[test]
    fn damaged_boxes_do_not_panic() {
        let whole = moov_with(&picture_entry(1080, 1920));
        for length in 0..whole.len() {
            assert_eq!(verdict(&whole[..length]), None);
        }
        assert_eq!(verdict(&[0, 0, 0, 0, b't', b'r', b'a', b'k']), None);
        assert_eq!(verdict(&[0xff; 64]), None);
    }

    #[test]
    fn signatures_decide() {
        let known = |head: &[u8]| {
            let mut head = head.to_vec();
            head.resize(64, 0);
            Container::of(&head).is_some()
        };
        assert!(known(b"\0\0\0\x18ftypmp42") && known(&[0x1A, 0x45, 0xDF, 0xA3]));
        assert!(!known(b"#EXTM3U\n") && !known(b"\xFF\xD8\xFF\xE0") && !known(b"RIFF....WAVE"));
        assert!(judge_size(8192, 4352).is_ok() && judge_size(8192, 8192).is_err());
    }
}
