//! Short payloads that leave the house as text and must come back unchanged.
//!
//! The text is unpadded base64url of the payload followed by 16 bytes of its signature: opaque to
//! clients, but not secret.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use crate::ports::signer::{Purpose, Signer};

/// How much of a signature travels: 128 bits are beyond guessing.
const SIGNATURE_LEN: usize = 16;

/// The text of a signed payload.
pub fn seal(signer: &dyn Signer, purpose: Purpose, payload: &[u8]) -> String {
    let mut bytes = payload.to_vec();
    bytes.extend_from_slice(&signer.sign(purpose, payload)[..SIGNATURE_LEN]);
    URL_SAFE_NO_PAD.encode(bytes)
}

/// The payload of a text that was sealed here for this purpose.
pub fn open(signer: &dyn Signer, purpose: Purpose, text: &str) -> Option<Vec<u8>> {
    let mut bytes = URL_SAFE_NO_PAD.decode(text).ok()?;
    let at = bytes.len().checked_sub(SIGNATURE_LEN)?;
    let signature = bytes.split_off(at);
    signer.verify(purpose, &bytes, &signature).then_some(bytes)
}
