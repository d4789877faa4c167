//! The keys of an installation: made on first use, kept in the data directory, readable by its owner.

use std::fs;
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use ring::hmac;
use ring::rand::SystemRandom;
use ring::signature::Ed25519KeyPair;

use crate::ports::signer::{Purpose, Signer};

/// File of the Ed25519 key (PKCS#8) that signs this installation's own tokens.
const TOKEN_KEY_FILE: &str = "token-key.pk8";
/// File of the 32 secret bytes behind cursors, quotes and grants.
const SECRET_FILE: &str = "secret.bin";

/// Why the keys cannot be had.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// The directory or a file cannot be used.
    #[error("the key file `{path}` cannot be read or made")]
    Io {
        /// The file.
        path: String,
        /// Why.
        #[source]
        cause: std::io::Error,
    },
    /// The file is no key.
    #[error("`{0}` does not hold a key: restore it from a backup, or remove it to void all tokens")]
    Damaged(String),
}

/// HMAC keys, one per purpose, all derived from one secret.
pub struct KeyRing {
    cursor: hmac::Key,
    quote: hmac::Key,
    attribution: hmac::Key,
    media_grant: hmac::Key,
    derive: hmac::Key,
}

impl KeyRing {
    /// The keys behind 32 secret bytes.
    pub fn from_secret(secret: &[u8]) -> Self {
        let master = hmac::Key::new(hmac::HMAC_SHA256, secret);
        let key = |label: &str| {
            hmac::Key::new(hmac::HMAC_SHA256, hmac::sign(&master, label.as_bytes()).as_ref())
        };
        Self {
            cursor: key("vitrine cursor"),
            quote: key("vitrine quote"),
            attribution: key("vitrine attribution"),
            media_grant: key("vitrine media grant"),
            derive: key("vitrine derive"),
        }
    }

    /// The keys of the installation in `directory`, made on first use.
    pub fn open(directory: &Path) -> Result<Self, KeyError> {
        let secret = load_or_create(&directory.join(SECRET_FILE), || {
            let mut secret = vec![0_u8; 32];
            ring::rand::SecureRandom::fill(&SystemRandom::new(), &mut secret).ok()?;
            Some(secret)
        })?;
        if secret.len() != 32 {
            return Err(KeyError::Damaged(directory.join(SECRET_FILE).display().to_string()));
        }
        Ok(Self::from_secret(&secret))
    }

    fn key(&self, purpose: Purpose) -> &hmac::Key {
        match purpose {
            Purpose::Cursor => &self.cursor,
            Purpose::Quote => &self.quote,
            Purpose::Attribution => &self.attribution,
            Purpose::MediaGrant => &self.media_grant,
        }
    }
}

impl Signer for KeyRing {
    fn sign(&self, purpose: Purpose, payload: &[u8]) -> [u8; 32] {
        let tag = hmac::sign(self.key(purpose), payload);
        let mut signature = [0; 32];
        signature.copy_from_slice(tag.as_ref());
        signature
    }

    fn verify(&self, purpose: Purpose, payload: &[u8], signature: &[u8]) -> bool {
        if signature.len() != 16 && signature.len() != 32 {
            return false;
        }
        let right = self.sign(purpose, payload);
        // No early exit: the time taken must not tell how much of a forgery is right.
        right.iter().zip(signature).fold(0, |diff, (a, b)| diff | (a ^ b)) == 0
    }

    fn derive(&self, parts: &[&[u8]]) -> u128 {
        let mut context = hmac::Context::with_key(&self.derive);
        for part in parts {
            context.update(&(part.len() as u64).to_be_bytes());
            context.update(part);
        }
        let tag = context.sign();
        let mut bits = [0; 16];
        bits.copy_from_slice(&tag.as_ref()[..16]);
        u128::from_be_bytes(bits)
    }
}

/// The PKCS#8 document of the installation's token key, made on first use.
pub fn token_key(directory: &Path) -> Result<Vec<u8>, KeyError> {
    let path = directory.join(TOKEN_KEY_FILE);
    let pkcs8 = load_or_create(&path, || {
        Ed25519KeyPair::generate_pkcs8(&SystemRandom::new()).ok().map(|key| key.as_ref().to_vec())
    })?;
    Ed25519KeyPair::from_pkcs8(&pkcs8)
        .map_err(|_| KeyError::Damaged(path.display().to_string()))?;
    Ok(pkcs8)
}

/// A fresh token key that is not kept: for tests.
pub fn throwaway_token_key() -> Option<Vec<u8>> {
    Ed25519KeyPair::generate_pkcs8(&SystemRandom::new()).ok().map(|key| key.as_ref().to_vec())
}

/// Reads `path`, or makes it whole: written aside, synced, then linked into place, so that two
/// processes that start at once end up with the same key.
fn load_or_create(
    path: &Path,
    make: impl FnOnce() -> Option<Vec<u8>>,
) -> Result<Vec<u8>, KeyError> {
    let failed = |cause| KeyError::Io { path: path.display().to_string(), cause };
    if let Ok(found) = fs::read(path) {
        return Ok(found);
    }
    if let Some(parent) = path.parent() {
        fs::create_dir_all(parent).map_err(failed)?;
    }
    let bytes =
        make().ok_or_else(|| failed(std::io::Error::other("the system has no random bits")))?;
    let aside = path.with_extension(format!("new-{}", std::process::id()));
    let written = fs::OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(&aside)
        .and_then(|mut file| file.write_all(&bytes).and_then(|()| file.sync_all()));
    // `hard_link` refuses to replace: the first maker wins.
    let linked = written.and_then(|()| fs::hard_link(&aside, path));
    fs::remove_file(&aside).ok();
    match linked {
        Ok(()) => {}
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {}
        Err(error) => return Err(failed(error)),
    }
    if let Some(parent) = path.parent() {
        fs::File::open(parent).and_then(|directory| directory.sync_all()).map_err(failed)?;
    }
    fs::read(path).map_err(failed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_survive_and_purposes_differ() {
        let dir = tempfile::tempdir().unwrap();
        let first = KeyRing::open(dir.path()).unwrap();
        let signature = first.sign(Purpose::Quote, b"payload");
        let again = KeyRing::open(dir.path()).unwrap();
        assert!(again.verify(Purpose::Quote, b"payload", &signature));
        assert!(again.verify(Purpose::Quote, b"payload", &signature[..16]));
        assert!(!again.verify(Purpose::Cursor, b"payload", &signature));
        assert!(!again.verify(Purpose::Quote, b"payloaD", &signature));
        assert!(!again.verify(Purpose::Quote, b"payload", &signature[..8]));
        assert_eq!(token_key(dir.path()).unwrap(), token_key(dir.path()).unwrap());
    }

    #[test]
    fn derived_parts_do_not_run_together() {
        let ring = KeyRing::from_secret(&[7; 32]);
        assert_ne!(ring.derive(&[b"ab", b"c"]), ring.derive(&[b"a", b"bc"]));
        assert_eq!(ring.derive(&[b"ab", b"c"]), ring.derive(&[b"ab", b"c"]));
    }
}
