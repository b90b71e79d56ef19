//! What a dock signs when it has a recording whole. Pure.
//!
//! The text stands by itself: whoever has it, the signature and the dock's enrolled public key can check it without the
//! server.

use aws_lc_rs::signature::{ED25519, UnparsedPublicKey};
use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;

use crate::words::error::{Code, Error, Result};
use crate::words::ids::{DeviceId, RecordingId};

/// What is said.
#[derive(Clone, Copy, Debug)]
pub struct Held<'a> {
    pub recording: RecordingId,
    pub camera: DeviceId,
    pub dock: DeviceId,
    /// Lower-case hex.
    pub sha256: &'a str,
    pub size: i64,
    /// The dock's own clock, to the letter as it sent it.
    pub held_at: &'a str,
}

/// The exact text.
pub fn text(held: &Held<'_>) -> String {
    format!(
        "suixing-held-v1\n{}\n{}\n{}\n{}\n{}\n{}",
        held.recording, held.camera, held.dock, held.sha256, held.size, held.held_at
    )
}

/// The signature's bytes, if it is the dock's over this text. Errors: `bad_signature`.
pub fn verify(text: &str, signature: &str, public_key: Option<&[u8]>) -> Result<Vec<u8>> {
    let bad = |detail: &'static str| Error::new(Code::BadSignature).detail(detail);
    let key = public_key.ok_or_else(|| bad("the dock has no key"))?;
    let bytes = BASE64_URL_SAFE_NO_PAD
        .decode(signature.trim_end_matches('='))
        .map_err(|_not_base64| bad("signature is not URL-safe base64"))?;
    UnparsedPublicKey::new(&ED25519, key)
        .verify(text.as_bytes(), &bytes)
        .map_err(|_forged| bad("the statement's signature does not verify"))?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair as _};

    #[test]
    fn a_statement_is_its_docks_and_about_one_file() {
        let (pair, other) = (Ed25519KeyPair::generate().unwrap(), Ed25519KeyPair::generate().unwrap());
        let (recording, camera, dock) = (RecordingId::new(), DeviceId::new(), DeviceId::new());
        let hash = "ab".repeat(32);
        let held = Held { recording, camera, dock, sha256: &hash, size: 5, held_at: "2026-01-01T08:00:00+08:00" };
        let said = text(&held);
        assert_eq!(
            said,
            format!("suixing-held-v1\n{recording}\n{camera}\n{dock}\n{hash}\n5\n2026-01-01T08:00:00+08:00")
        );
        let signature = BASE64_URL_SAFE_NO_PAD.encode(pair.sign(said.as_bytes()).as_ref());
        let key = pair.public_key().as_ref();
        assert_eq!(verify(&said, &signature, Some(key)).unwrap().len(), 64);
        assert_eq!(verify(&said, &format!("{signature}=="), Some(key)).unwrap().len(), 64);
        let wrong = [
            verify(&said, &signature, None),
            verify(&said, &signature, Some(other.public_key().as_ref())),
            verify(&text(&Held { size: 6, ..held }), &signature, Some(key)),
            verify(&said, "not base64!", Some(key)),
            verify(&said, "", Some(key)),
        ];
        for outcome in wrong {
            assert!(outcome.unwrap_err().is(Code::BadSignature));
        }
    }
}
