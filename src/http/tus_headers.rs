//! The headers of the tus protocol 1.0 that carry structure: `Upload-Metadata` and
//! `Upload-Checksum`. Pure functions over header text.

use std::fmt::Write as _;

use base64::Engine as _;
use base64::alphabet::STANDARD as STANDARD_ALPHABET;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};

use crate::domain::upload::MetadataError;
use crate::domain::upload::UploadMetadata;

/// Standard base 64, with or without padding: some clients leave the padding out.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &STANDARD_ALPHABET,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// The value of `Tus-Checksum-Algorithm`.
pub const CHECKSUM_ALGORITHMS: &str = "sha1,sha256";

/// Why a tus header is not understood. All are the client's fault (400).
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TusHeaderError {
    /// A value is not base 64.
    #[error("the value of `{0}` is not base 64")]
    Base64(String),
    /// The pairs break a rule of metadata.
    #[error(transparent)]
    Metadata(#[from] MetadataError),
    /// Not `<algorithm> <base 64 digest>`.
    #[error("a checksum is an algorithm, a space and a base 64 digest")]
    Checksum,
    /// An algorithm that the server does not announce.
    #[error("checksum algorithms are {CHECKSUM_ALGORITHMS}")]
    Algorithm,
    /// A digest whose length is not that of its algorithm.
    #[error("the digest has {got} bytes, not {expected}")]
    DigestLength {
        /// Bytes of a digest of that algorithm.
        expected: usize,
        /// Bytes of the header's digest.
        got: usize,
    },
}

/// Parses `Upload-Metadata`: pairs separated by commas, each a key and, after a space, an optional
/// base 64 value. An empty header means no metadata.
pub fn parse_metadata(header: &str) -> Result<UploadMetadata, TusHeaderError> {
    if header.trim().is_empty() {
        return Ok(UploadMetadata::default());
    }
    let pair = |part: &str| {
        let (key, value) = part.trim().split_once(' ').unwrap_or((part.trim(), ""));
        match BASE64.decode(value.trim()) {
            Ok(bytes) => Ok((key.to_owned(), bytes)),
            Err(_) => Err(TusHeaderError::Base64(key.chars().take(64).collect())),
        }
    };
    let pairs = header.split(',').map(pair).collect::<Result<Vec<_>, _>>()?;
    Ok(UploadMetadata::new(pairs)?)
}

/// The inverse of [`parse_metadata`], for the answer to `HEAD`.
pub fn format_metadata(metadata: &UploadMetadata) -> String {
    let mut header = String::new();
    for (key, value) in metadata.pairs() {
        if !header.is_empty() {
            header.push(',');
        }
        header.push_str(key);
        if !value.is_empty() {
            // Writing to a string does not fail.
            let _ = write!(header, " {}", BASE64.encode(value));
        }
    }
    header
}

/// An algorithm of `Upload-Checksum`. SHA-1 is the one the protocol demands; it finds accidents,
/// not attacks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ChecksumAlgorithm {
    /// 20 bytes.
    Sha1,
    /// 32 bytes.
    Sha256,
}

impl ChecksumAlgorithm {
    /// Length of a digest, in bytes.
    pub const fn digest_len(self) -> usize {
        match self {
            Self::Sha1 => 20,
            Self::Sha256 => 32,
        }
    }
}

/// What the bytes of one request must digest to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UploadChecksum {
    /// How to digest.
    pub algorithm: ChecksumAlgorithm,
    /// The expected result; its length is that of the algorithm.
    pub digest: Vec<u8>,
}

/// Parses `Upload-Checksum`: an algorithm, a space, a base 64 digest.
pub fn parse_checksum(header: &str) -> Result<UploadChecksum, TusHeaderError> {
    let (name, digest) = header.trim().split_once(' ').ok_or(TusHeaderError::Checksum)?;
    let algorithm = match name {
        "sha1" => ChecksumAlgorithm::Sha1,
        "sha256" => ChecksumAlgorithm::Sha256,
        _ => return Err(TusHeaderError::Algorithm),
    };
    let digest = BASE64.decode(digest.trim()).map_err(|_| TusHeaderError::Checksum)?;
    if digest.len() != algorithm.digest_len() {
        let expected = algorithm.digest_len();
        return Err(TusHeaderError::DigestLength { expected, got: digest.len() });
    }
    Ok(UploadChecksum { algorithm, digest })
}

#[cfg(test)]
mod tests {
    use proptest::collection::{btree_map, vec};
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_protocols_own_example_is_understood() {
        let header = "filename d29ybGRfZG9taW5hdGlvbl9wbGFuLnBkZg==,is_confidential";
        let metadata = parse_metadata(header).unwrap();
        assert_eq!(metadata.get("filename"), Some(&b"world_domination_plan.pdf"[..]));
        assert_eq!(metadata.get("is_confidential"), Some(&b""[..]));
        assert_eq!(metadata.get("other"), None);
        assert_eq!(format_metadata(&metadata), header);
    }

    #[test]
    fn spaces_and_missing_padding_are_forgiven() {
        let metadata = parse_metadata("a YQ, b ").unwrap();
        assert_eq!(metadata.pairs(), [("a".into(), b"a".to_vec()), ("b".into(), vec![])]);
        assert_eq!(parse_metadata(" "), Ok(UploadMetadata::default()));
    }

    #[test]
    fn faults_are_named() {
        assert_eq!(parse_metadata("a !!"), Err(TusHeaderError::Base64("a".into())));
        assert_eq!(parse_metadata("a YQ==,"), Err(TusHeaderError::Metadata(MetadataError::Key)));
        assert_eq!(
            parse_metadata("a YQ==,a YQ=="),
            Err(TusHeaderError::Metadata(MetadataError::Duplicate("a".into())))
        );
    }

    #[test]
    fn a_checksum_has_a_known_algorithm_and_its_length() {
        let parsed = parse_checksum("sha1 Kq5sNclPz7QV2+lfQIuc6R7oRu0=").unwrap();
        assert_eq!(parsed.algorithm, ChecksumAlgorithm::Sha1);
        assert_eq!(parsed.digest.len(), 20);
        assert_eq!(parse_checksum("sha1"), Err(TusHeaderError::Checksum));
        assert_eq!(parse_checksum("sha1 %"), Err(TusHeaderError::Checksum));
        assert_eq!(parse_checksum("crc32 AAAA"), Err(TusHeaderError::Algorithm));
        assert_eq!(
            parse_checksum("sha256 AAAA"),
            Err(TusHeaderError::DigestLength { expected: 32, got: 3 })
        );
    }

    proptest! {
        #[test]
        fn metadata_survives_the_header(
            pairs in btree_map("[!-+\\--~]{1,20}", vec(any::<u8>(), 0..50), 0..10),
        ) {
            let metadata = UploadMetadata::new(pairs.into_iter().collect()).unwrap();
            prop_assert_eq!(parse_metadata(&format_metadata(&metadata)), Ok(metadata));
        }

        #[test]
        fn no_text_makes_the_parsers_panic(text in "\\PC{0,200}") {
            let _ = parse_metadata(&text);
            let _ = parse_checksum(&text);
        }
    }
}
