//! The contract of the signer.

use std::collections::BTreeSet;
use std::sync::Arc;

use vitrine::adapters::system::KeyRing;
use vitrine::ports::signer::Purpose;
use vitrine::ports::signer::Signer;

const PURPOSES: [Purpose; 4] =
    [Purpose::Cursor, Purpose::Quote, Purpose::Attribution, Purpose::MediaGrant];

#[test]
fn key_ring_from_a_secret() {
    let open = |secret: u8| -> Arc<dyn Signer> { Arc::new(KeyRing::from_secret(&[secret; 32])) };
    suite(&open(1), &open(1), &open(2));
}

#[test]
fn key_ring_on_files() {
    let (mine, foreign) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let open = |directory: &tempfile::TempDir| -> Arc<dyn Signer> {
        Arc::new(KeyRing::open(directory.path()).unwrap())
    };
    suite(&open(&mine), &open(&mine), &open(&foreign));
}

/// `again` is another node of `signer`'s installation, `foreign` another installation.
pub fn suite(signer: &Arc<dyn Signer>, again: &Arc<dyn Signer>, foreign: &Arc<dyn Signer>) {
    nodes_agree_and_installations_do_not(signer, again, foreign);
    a_signature_serves_one_purpose(&**signer);
    no_tampering_goes_unseen(&**signer);
    derived_ids_keep_their_parts_apart(signer, again, foreign);
}

fn nodes_agree_and_installations_do_not(
    signer: &Arc<dyn Signer>,
    again: &Arc<dyn Signer>,
    foreign: &Arc<dyn Signer>,
) {
    for purpose in PURPOSES {
        for payload in [&b""[..], b"x", &[0; 1_000]] {
            let signature = signer.sign(purpose, payload);
            assert_eq!(signature, again.sign(purpose, payload), "the same on every node");
            assert!(again.verify(purpose, payload, &signature));
            assert!(again.verify(purpose, payload, &signature[..16]));
            assert!(!foreign.verify(purpose, payload, &signature));
            assert!(!foreign.verify(purpose, payload, &signature[..16]));
        }
    }
}

fn a_signature_serves_one_purpose(signer: &dyn Signer) {
    for signed in PURPOSES {
        let signature = signer.sign(signed, b"payload");
        for used in PURPOSES {
            for len in [16, 32] {
                let verified = signer.verify(used, b"payload", &signature[..len]);
                assert_eq!(verified, used == signed, "{signed:?} as {used:?}");
            }
        }
    }
}

fn no_tampering_goes_unseen(signer: &dyn Signer) {
    let payload = b"clips/clip_1/ until 99";
    let signature = signer.sign(Purpose::MediaGrant, payload);
    let verify =
        |payload: &[u8], signature: &[u8]| signer.verify(Purpose::MediaGrant, payload, signature);
    for bit in 0..payload.len() * 8 {
        let mut other = *payload;
        other[bit / 8] ^= 1 << (bit % 8);
        assert!(!verify(&other, &signature), "bit {bit} of the payload");
    }
    for bit in 0..256 {
        let mut other = signature;
        other[bit / 8] ^= 1 << (bit % 8);
        assert!(!verify(payload, &other), "bit {bit} of the signature");
        assert_eq!(verify(payload, &other[..16]), bit >= 128, "bit {bit} of the short one");
    }
    for len in (0..32).filter(|len| *len != 16) {
        assert!(!verify(payload, &signature[..len]), "{len} bytes of the signature");
    }
    let longer = [&signature[..], &[0]].concat();
    assert!(!verify(payload, &longer));
    assert!(!verify(&payload[1..], &signature));
    assert!(!verify(&[&payload[..], b"0"].concat(), &signature));
}

fn derived_ids_keep_their_parts_apart(
    signer: &Arc<dyn Signer>,
    again: &Arc<dyn Signer>,
    foreign: &Arc<dyn Signer>,
) {
    let splits: [&[&[u8]]; 8] = [
        &[],
        &[b""],
        &[b"", b""],
        &[b"abc"],
        &[b"ab", b"c"],
        &[b"a", b"bc"],
        &[b"a", b"b", b"c"],
        &[b"abc", b""],
    ];
    let derived: BTreeSet<u128> = splits.iter().map(|parts| signer.derive(parts)).collect();
    assert_eq!(derived.len(), splits.len(), "other parts, other id");
    for parts in splits {
        assert_eq!(signer.derive(parts), again.derive(parts));
        assert_ne!(signer.derive(parts), foreign.derive(parts));
    }
}
