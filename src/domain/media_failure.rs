//! Why an uploaded video cannot become a clip: the stable code for programs, the sentence for its
//! creator.

/// A reason to refuse a source. All but [`MediaFailure::Timeout`] and [`MediaFailure::Internal`]
/// are properties of the file: the same file fails again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum MediaFailure {
    /// Zero bytes.
    EmptyFile,
    /// The first bytes are those of no video container we take.
    NotAVideo,
    /// The container's index is damaged or missing, as in an interrupted recording.
    Unreadable,
    /// Sound or pictures, but no moving picture.
    NoVideo,
    /// A video codec we do not decode.
    UnsupportedCodec,
    /// The picture's size cannot be learned.
    NoDimensions,
    /// A side of the picture is below the minimum.
    TooSmall,
    /// The picture has more pixels than we decode.
    TooLarge,
    /// Lasts longer than a clip may.
    TooLong,
    /// Lasts shorter than players can show.
    TooShort,
    /// More streams than any camera or editor writes, or a header that asks for absurd memory.
    TooManyStreams,
    /// Under digital rights management.
    Encrypted,
    /// No single picture can be decoded.
    Undecodable,
    /// Most pictures are damaged.
    Corrupt,
    /// Used up its processing time.
    Timeout,
    /// Our fault, not the file's.
    Internal,
}

impl MediaFailure {
    /// Every reason, in the order in which a source is judged.
    pub const ALL: [Self; 16] = [
        Self::EmptyFile,
        Self::NotAVideo,
        Self::Unreadable,
        Self::NoVideo,
        Self::UnsupportedCodec,
        Self::NoDimensions,
        Self::TooSmall,
        Self::TooLarge,
        Self::TooLong,
        Self::TooShort,
        Self::TooManyStreams,
        Self::Encrypted,
        Self::Undecodable,
        Self::Corrupt,
        Self::Timeout,
        Self::Internal,
    ];

    /// The stable name that leaves the house: lower case with underscores.
    pub const fn code(self) -> &'static str {
        match self {
            Self::EmptyFile => "empty_file",
            Self::NotAVideo => "not_a_video",
            Self::Unreadable => "unreadable",
            Self::NoVideo => "no_video",
            Self::UnsupportedCodec => "unsupported_codec",
            Self::NoDimensions => "no_dimensions",
            Self::TooSmall => "too_small",
            Self::TooLarge => "too_large",
            Self::TooLong => "too_long",
            Self::TooShort => "too_short",
            Self::TooManyStreams => "too_many_streams",
            Self::Encrypted => "encrypted",
            Self::Undecodable => "undecodable",
            Self::Corrupt => "corrupt",
            Self::Timeout => "timeout",
            Self::Internal => "internal",
        }
    }

    /// The reason with that code, if there is one.
    pub fn from_code(code: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|failure| failure.code() == code)
    }

    /// What the creator reads: what is wrong and, where it helps, what to do.
    pub const fn sentence(self) -> &'static str {
        match self {
            Self::EmptyFile => "The file is empty. Please upload it again.",
            Self::NotAVideo => "This file is not a video. MP4, MOV and WebM files work best.",
            Self::Unreadable => {
                "The video file is damaged or incomplete. Please export it again and retry."
            }
            Self::NoVideo => "The file has no picture, only sound or other data.",
            Self::UnsupportedCodec => {
                "The video uses a format we cannot read. Please export it as H.264 or HEVC."
            }
            Self::NoDimensions => "The video does not say how large its picture is.",
            Self::TooSmall => "The picture is too small. Each side needs at least 64 pixels.",
            Self::TooLarge => "The picture is too large. The most we take is 8192 x 4352 pixels.",
            Self::TooLong => "The video is longer than clips may be here. Please cut it shorter.",
            Self::TooShort => "The video is too short. A clip lasts at least half a second.",
            Self::TooManyStreams => "The file holds too many tracks. Please export it again.",
            Self::Encrypted => "The video is copy protected, so it cannot be published.",
            Self::Undecodable => "No picture of the video can be read. Please export it again.",
            Self::Corrupt => "Most of the video is damaged. Please export it again.",
            Self::Timeout => {
                "The video took too long to process. A shorter or smaller one may work."
            }
            Self::Internal => "Something went wrong on our side. Please try again later.",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::MediaFailure;
    use crate::domain::limits;

    #[test]
    fn every_code_is_distinct_and_leads_back() {
        for failure in MediaFailure::ALL {
            assert_eq!(MediaFailure::from_code(failure.code()), Some(failure));
            assert!(failure.sentence().ends_with('.'), "{failure:?}");
        }
        assert_eq!(MediaFailure::from_code("nonsense"), None);
    }

    #[test]
    fn sentences_state_the_limits_that_hold() {
        assert!(MediaFailure::TooSmall.sentence().contains(&limits::SOURCE_SIDE_MIN.to_string()));
        assert!(MediaFailure::TooLarge.sentence().contains(&limits::SOURCE_SIDE_MAX.to_string()));
        assert_eq!(limits::CLIP_DURATION_MS_MIN, 500, "the sentence says half a second");
    }
}
