//! How much of a picture track is damaged: a count that is the same whenever the same file is judged.
//!
//! A decoder with frame threads marks a damaged picture while it conceals the damage, which may be after
//! the picture was handed out, and it tells errors late: what it marks depends on threads and timing. It
//! is trusted only to say *that* something is damaged. Then this counts with one thread, which marks each
//! picture before it hands it out. Sound files are decoded once.

use std::path::Path;

use ffmpeg_next as ff;
use ffmpeg_next::frame;

use crate::adapters::ffmpeg::engine::fault::Fault;
use crate::adapters::ffmpeg::engine::source::{self, PictureTrack, Received};
use crate::domain::media_failure::MediaFailure;

/// Damaged pictures that any file may have: a recording that was cut begins and ends with some.
const DAMAGED_ALLOWED: u64 = 3;

/// What a decoder with one thread said of a whole track.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Damage {
    /// Pictures that came out.
    decoded: u64,
    /// Those that are marked, and packets of which nothing came out.
    damaged: u64,
}

impl Damage {
    /// Decodes the whole track once more.
    pub fn count(input: &Path, track: &PictureTrack) -> Result<Self, Fault> {
        let mut input = source::open_input(input)?;
        let mut decoder = source::open_decoder(&input, track, 1)?;
        let mut damage = Self::default();
        let mut packet = ff::Packet::empty();
        while source::next_packet(&mut input, &mut packet) {
            if packet.stream() == track.index {
                damage.damaged += u64::from(decoder.send_packet(&packet).is_err());
                damage.drain(&mut decoder);
            }
        }
        // An error here means "already ended".
        let _ = decoder.send_eof();
        damage.drain(&mut decoder);
        Ok(damage)
    }

    fn drain(&mut self, decoder: &mut ff::decoder::Video) {
        let mut picture = frame::Video::empty();
        loop {
            match source::receive(decoder, &mut picture) {
                Received::Picture => {
                    self.decoded += 1;
                    let marked = picture.is_corrupt() || picture.has_decode_errors();
                    self.damaged += u64::from(marked);
                }
                Received::Damage => self.damaged += 1,
                Received::Nothing => return,
            }
        }
    }

    /// Refuses a track that is mostly damaged.
    pub fn judge(self) -> Result<(), Fault> {
        let Self { decoded, damaged } = self;
        if damaged > DAMAGED_ALLOWED && damaged * 2 > decoded + 2 {
            let detail = format!("{damaged} times damaged, {decoded} pictures came out");
            return Err(Fault::rejected(MediaFailure::Corrupt, detail));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::Damage;

    #[test]
    fn a_track_is_refused_when_most_of_it_is_damaged() {
        let refused = |decoded, damaged| Damage { decoded, damaged }.judge().is_err();
        assert!(!refused(0, 0) && !refused(2, 3), "too few to tell");
        assert!(!refused(100, 51), "a half, with a picture to spare");
        assert!(refused(100, 52) && refused(4, 4));
    }
}
