//! Encryption of personal fields, blind indexes and keyed hashes.
//!
//! A sealed value is `version(1) | nonce(12) | ciphertext | tag(16)`, AES-256-GCM.
//! A blind index is HMAC-SHA-256 over `purpose | 0 | normalised value`: equal
//! values can be found, values cannot be read.

use std::fmt::Write as _;
use std::path::Path;

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use aws_lc_rs::{digest, hkdf, hmac, rand};
use base64::Engine as _;
use base64::prelude::{BASE64_STANDARD, BASE64_URL_SAFE_NO_PAD};

use crate::words::error::{Error, Result};

/// The key id stored beside what it sealed, so that a rotation can tell them apart.
pub const CURRENT_KEY_ID: i32 = 1;
const FORMAT: u8 = 1;

/// Where keys come from; another implementation may ask an HSM.
pub trait KeySource {
    /// The 32-byte master secret.
    fn master(&self) -> Result<[u8; 32]>;
}

/// The default: a file only its owner can read, made on first use.
pub struct FileKeySource<'a> {
    pub path: &'a Path,
}

impl KeySource for FileKeySource<'_> {
    fn master(&self) -> Result<[u8; 32]> {
        if let Ok(text) = std::fs::read_to_string(self.path) {
            let bytes = BASE64_STANDARD.decode(text.trim()).map_err(Error::internal)?;
            return bytes
                .try_into()
                .map_err(|_wrong| Error::internal(format!("{}: not 32 bytes of base64", self.path.display())));
        }
        let mut secret = [0u8; 32];
        fill_random(&mut secret)?;
        write_private(self.path, BASE64_STANDARD.encode(secret).as_bytes())?;
        Ok(secret)
    }
}

fn write_private(path: &Path, bytes: &[u8]) -> Result<()> {
    use std::io::Write as _;
    use std::os::unix::fs::OpenOptionsExt as _;
    let mut file = std::fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    if let Some(folder) = path.parent() {
        std::fs::File::open(folder)?.sync_all()?;
    }
    Ok(())
}

/// The derived keys of one installation.
pub struct Keys {
    seal: LessSafeKey,
    index: hmac::Key,
    token: hmac::Key,
}

impl Keys {
    pub fn open(source: &dyn KeySource) -> Result<Self> {
        let master = source.master()?;
        let salt = hkdf::Salt::new(hkdf::HKDF_SHA256, b"suixing v1");
        let prk = salt.extract(&master);
        let derive = |purpose: &str| -> Result<[u8; 32]> {
            let mut out = [0u8; 32];
            prk.expand(&[purpose.as_bytes()], hkdf::HKDF_SHA256)
                .and_then(|okm| okm.fill(&mut out))
                .map_err(|_unspecified| Error::internal("key derivation failed"))?;
            Ok(out)
        };
        let seal = UnboundKey::new(&AES_256_GCM, &derive("seal")?)
            .map_err(|_unspecified| Error::internal("bad sealing key"))?;
        Ok(Self {
            seal: LessSafeKey::new(seal),
            index: hmac::Key::new(hmac::HMAC_SHA256, &derive("blind index")?),
            token: hmac::Key::new(hmac::HMAC_SHA256, &derive("token")?),
        })
    }

    /// Encrypts a personal field.
    pub fn seal(&self, plain: &[u8]) -> Result<Vec<u8>> {
        let mut nonce = [0u8; NONCE_LEN];
        fill_random(&mut nonce)?;
        let mut body = plain.to_vec();
        self.seal
            .seal_in_place_append_tag(Nonce::assume_unique_for_key(nonce), Aad::from([FORMAT]), &mut body)
            .map_err(|_unspecified| Error::internal("sealing failed"))?;
        let mut out = Vec::with_capacity(1 + NONCE_LEN + body.len());
        out.push(FORMAT);
        out.extend_from_slice(&nonce);
        out.append(&mut body);
        Ok(out)
    }

    /// Decrypts what [`Keys::seal`] made; a changed byte is an error.
    pub fn unseal(&self, sealed: &[u8]) -> Result<Vec<u8>> {
        let broken = || Error::internal("a sealed field does not open");
        let (format, rest) = sealed.split_first().ok_or_else(broken)?;
        if *format != FORMAT {
            return Err(broken());
        }
        let (nonce, body) = rest.split_at_checked(NONCE_LEN).ok_or_else(broken)?;
        let nonce = Nonce::try_assume_unique_for_key(nonce).map_err(|_short| broken())?;
        let mut body = body.to_vec();
        let plain = self.seal.open_in_place(nonce, Aad::from([FORMAT]), &mut body).map_err(|_forged| broken())?;
        Ok(plain.to_vec())
    }

    /// [`Keys::unseal`] for text.
    pub fn unseal_text(&self, sealed: &[u8]) -> Result<String> {
        String::from_utf8(self.unseal(sealed)?).map_err(Error::internal)
    }

    /// Finds equal values without storing them: hex of an HMAC.
    pub fn blind_index(&self, purpose: &str, normalised: &str) -> String {
        let mut context = hmac::Context::with_key(&self.index);
        context.update(purpose.as_bytes());
        context.update(&[0]);
        context.update(normalised.as_bytes());
        hex(context.sign().as_ref())
    }

    /// A keyed tag over `parts`, URL-safe base64; for tokens the server can make again.
    pub fn token_tag(&self, parts: &[&[u8]]) -> String {
        let mut context = hmac::Context::with_key(&self.token);
        for part in parts {
            context.update(&(part.len() as u64).to_be_bytes());
            context.update(part);
        }
        BASE64_URL_SAFE_NO_PAD.encode(context.sign())
    }
}

/// Fills with cryptographically secure random bytes.
pub fn fill_random(out: &mut [u8]) -> Result<()> {
    rand::fill(out).map_err(|_unspecified| Error::internal("no randomness"))
}

/// A fresh secret of 32 random bytes, URL-safe base64.
pub fn random_secret() -> Result<String> {
    let mut bytes = [0u8; 32];
    fill_random(&mut bytes)?;
    Ok(BASE64_URL_SAFE_NO_PAD.encode(bytes))
}

/// SHA-256 as lower-case hex.
pub fn sha256_hex(bytes: &[u8]) -> String {
    hex(digest::digest(&digest::SHA256, bytes).as_ref())
}

/// Lower-case hex.
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut out, byte| {
        // Writing to a String cannot fail.
        write!(out, "{byte:02x}").ok();
        out
    })
}

/// Compares in constant time.
pub fn same(a: &[u8], b: &[u8]) -> bool {
    aws_lc_rs::constant_time::verify_slices_are_equal(a, b).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Fixed;
    impl KeySource for Fixed {
        fn master(&self) -> Result<[u8; 32]> {
            Ok([7; 32])
        }
    }

    #[test]
    fn sealed_fields_open_and_tampering_is_seen() {
        let keys = Keys::open(&Fixed).unwrap();
        let mut sealed = keys.seal("13800138000".as_bytes()).unwrap();
        assert_eq!(keys.unseal_text(&sealed).unwrap(), "13800138000");
        assert_ne!(sealed, keys.seal(b"13800138000").unwrap(), "a nonce is never reused");
        *sealed.last_mut().unwrap() ^= 1;
        assert!(keys.unseal(&sealed).is_err());
        assert!(keys.unseal(&[]).is_err() && keys.unseal(&[1, 2]).is_err());
    }

    #[test]
    fn blind_indexes_depend_on_purpose_and_value() {
        let keys = Keys::open(&Fixed).unwrap();
        assert_eq!(keys.blind_index("phone", "1"), keys.blind_index("phone", "1"));
        assert_ne!(keys.blind_index("phone", "1"), keys.blind_index("identity", "1"));
    }
}
