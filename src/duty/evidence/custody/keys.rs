//! The keys that heads and receipts are signed with.
//!
//! The first is made on first use, a successor every year. A key is named by the hash of its public half, and each is
//! signed by itself and by the one before it: whoever trusts one of them can follow the others from there. Public
//! halves are kept for ever, private ones sealed, all beside the settings.

use std::collections::BTreeMap;

use aws_lc_rs::signature::{ED25519, Ed25519KeyPair, KeyPair as _, UnparsedPublicKey};
use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};

use crate::duty::evidence::store::custody as store;
use crate::platform::db::{Conn, Tx};
use crate::platform::keys::{Keys, sha256_hex};
use crate::words::error::{Error, Result};
use crate::words::time::Timestamp;

/// Seconds after which a successor is made: a year.
const ROTATE_AFTER_S: i64 = 365 * 86_400;

/// The public half of a signing key and where it stands among the others.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PublicKey {
    /// SHA-256 of the public key, hex.
    pub key_id: String,
    /// Ed25519, URL-safe base64.
    pub public_key: String,
    /// When it was made and began to sign.
    pub since: Timestamp,
    /// The key before it; null for the first.
    pub after: Option<String>,
    /// Its own, over the lines suixing-custody-key-v1 · `key_id` · `since` in microseconds · `after` or nothing.
    pub signature: String,
    /// The signature of the key before it over the same; null for the first.
    pub endorsement: Option<String>,
}

impl PublicKey {
    fn signing_text(&self) -> String {
        let after = self.after.as_deref().unwrap_or_default();
        format!("suixing-custody-key-v1\n{}\n{}\n{after}", self.key_id, self.since.as_micros())
    }
}

/// A key as it is stored.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Stored {
    public: PublicKey,
    /// PKCS#8, sealed with the installation's key.
    sealed: String,
}

/// A key that signs.
pub struct CustodyKey {
    public: PublicKey,
    pair: Ed25519KeyPair,
}

impl CustodyKey {
    pub fn key_id(&self) -> &str {
        &self.public.key_id
    }

    pub fn public(&self) -> &PublicKey {
        &self.public
    }

    pub fn sign(&self, message: &[u8]) -> Vec<u8> {
        self.pair.sign(message).as_ref().to_vec()
    }

    /// A fresh key, signed by itself and by the one before it.
    pub fn make(before: Option<&Self>, since: Timestamp) -> Result<Self> {
        let pair = Ed25519KeyPair::generate().map_err(|_unspecified| Error::internal("no randomness"))?;
        let mut public = PublicKey {
            key_id: sha256_hex(pair.public_key().as_ref()),
            public_key: BASE64_URL_SAFE_NO_PAD.encode(pair.public_key()),
            since,
            after: before.map(|key| key.key_id().to_owned()),
            signature: String::new(),
            endorsement: None,
        };
        let text = public.signing_text();
        public.signature = BASE64_URL_SAFE_NO_PAD.encode(pair.sign(text.as_bytes()));
        public.endorsement = before.map(|key| BASE64_URL_SAFE_NO_PAD.encode(key.pair.sign(text.as_bytes())));
        Ok(Self { public, pair })
    }

    fn stored(&self, keys: &Keys) -> Result<String> {
        let pkcs8 = self.pair.to_pkcs8().map_err(|_unspecified| Error::internal("cannot encode a key"))?;
        let sealed = BASE64_URL_SAFE_NO_PAD.encode(keys.seal(pkcs8.as_ref())?);
        Ok(serde_json::to_string(&Stored { public: self.public.clone(), sealed })?)
    }

    /// Opens a stored key; a private half that is not the public one's is an error.
    pub fn open(text: &str, keys: &Keys) -> Result<Self> {
        let stored: Stored = serde_json::from_str(text)?;
        let sealed = BASE64_URL_SAFE_NO_PAD.decode(&stored.sealed).map_err(Error::internal)?;
        let pair = Ed25519KeyPair::from_pkcs8(&keys.unseal(&sealed)?)
            .map_err(|rejected| Error::internal(format!("a signing key of the custody log: {rejected:?}")))?;
        if sha256_hex(pair.public_key().as_ref()) != stored.public.key_id {
            return Err(Error::internal("a signing key of the custody log has another's private half"));
        }
        Ok(Self { public: stored.public, pair })
    }
}

/// The key that signs now; makes the first.
pub fn current(tx: &mut Tx<'_>, keys: &Keys) -> Result<CustodyKey> {
    let mut all = store::keys_all(tx.conn())?;
    if all.is_empty() {
        let first = CustodyKey::make(None, tx.now)?.stored(keys)?;
        // Of two nodes that make it at once one is late, and takes the other's.
        store::key_add(tx.conn(), 0, &first)?;
        all = store::keys_all(tx.conn())?;
    }
    let newest = all.last().ok_or_else(|| Error::internal("the custody log has no signing key"))?;
    CustodyKey::open(newest, keys)
}

/// Makes a successor when the newest key has signed for a year.
pub fn rotate_due(tx: &mut Tx<'_>, keys: &Keys) -> Result<CustodyKey> {
    let newest = current(tx, keys)?;
    if newest.public.since.plus_secs(ROTATE_AFTER_S) > tx.now {
        return Ok(newest);
    }
    let number = store::keys_all(tx.conn())?.len();
    let next = CustodyKey::make(Some(&newest), tx.now)?;
    store::key_add(tx.conn(), number, &next.stored(keys)?)?;
    current(tx, keys)
}

/// The public half of one stored key.
pub fn public_of(text: &str) -> Result<PublicKey> {
    Ok(serde_json::from_str::<Stored>(text)?.public)
}

/// Every public key, the oldest first.
pub fn published(conn: &mut Conn) -> Result<Vec<PublicKey>> {
    store::keys_all(conn)?.iter().map(|text| public_of(text)).collect()
}

/// Public keys to check signatures with.
#[derive(Clone, Debug, Default)]
pub struct Ring {
    keys: BTreeMap<String, Vec<u8>>,
}

impl Ring {
    /// Takes the keys in their order. Also says, in words, what does not fit among them.
    pub fn of(keys: &[PublicKey]) -> (Self, Vec<String>) {
        let mut ring = Self::default();
        let mut wrong = Vec::new();
        let mut before: Option<&PublicKey> = None;
        for key in keys {
            match BASE64_URL_SAFE_NO_PAD.decode(&key.public_key) {
                Ok(bytes) if sha256_hex(&bytes) == key.key_id => drop(ring.keys.insert(key.key_id.clone(), bytes)),
                _ => wrong.push(format!("signing key {}: its name is not the hash of the public key", key.key_id)),
            }
            let text = key.signing_text();
            let own = ring.check_text(&key.key_id, &text, &key.signature);
            let by_before = match (before, &key.after, &key.endorsement) {
                (None, None, None) => Ok(()),
                (Some(before), Some(after), Some(endorsement)) if before.key_id == *after => {
                    ring.check_text(after, &text, endorsement)
                }
                _ => Err("does not follow the key before it".to_owned()),
            };
            for why in [own, by_before].into_iter().filter_map(std::result::Result::err) {
                wrong.push(format!("signing key {} {why}", key.key_id));
            }
            before = Some(key);
        }
        (ring, wrong)
    }

    fn check_text(&self, key_id: &str, text: &str, signature: &str) -> std::result::Result<(), String> {
        let signature =
            BASE64_URL_SAFE_NO_PAD.decode(signature).map_err(|error| format!("has no signature: {error}"))?;
        self.check(key_id, text.as_bytes(), &signature)
    }

    /// Checks one signature. Errors, in words that follow the name of what was signed.
    pub fn check(&self, key_id: &str, message: &[u8], signature: &[u8]) -> std::result::Result<(), String> {
        let key = self.keys.get(key_id).ok_or_else(|| format!("is signed by {key_id}, which is not among the keys"))?;
        UnparsedPublicKey::new(&ED25519, key)
            .verify(message, signature)
            .map_err(|_forged| format!("is not what the key {key_id} signed"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::platform::db::memory::Memory;
    use crate::platform::keys::KeySource;

    struct Fixed(u8);
    impl KeySource for Fixed {
        fn master(&self) -> Result<[u8; 32]> {
            Ok([self.0; 32])
        }
    }

    #[test]
    fn the_first_key_is_made_once_and_its_successor_is_signed_in() {
        let mut db = Memory::open();
        let keys = Keys::open(&Fixed(3)).unwrap();
        let start = Timestamp::from_micros(1_767_225_600_000_000);
        let first = db.write(start, None, |tx| current(tx, &keys)).unwrap();
        let again = db.write(start.plus_secs(9), None, |tx| rotate_due(tx, &keys)).unwrap();
        assert_eq!(first.key_id(), again.key_id());
        let next = db.write(start.plus_secs(ROTATE_AFTER_S), None, |tx| rotate_due(tx, &keys)).unwrap();
        assert_ne!(first.key_id(), next.key_id());
        let published = published(db.conn()).unwrap();
        assert_eq!(published, [first.public().clone(), next.public().clone()]);
        let (ring, wrong) = Ring::of(&published);
        assert_eq!(wrong, Vec::<String>::new());
        assert!(ring.check(first.key_id(), b"old", &first.sign(b"old")).is_ok());
        assert!(ring.check(next.key_id(), b"new", &next.sign(b"new")).is_ok());
        assert!(ring.check(next.key_id(), b"new", &first.sign(b"new")).is_err());
        // Another installation's secret does not open it.
        let stranger = Keys::open(&Fixed(4)).unwrap();
        assert!(db.write(start, None, |tx| current(tx, &stranger)).is_err());
    }

    #[test]
    fn a_stranger_cannot_put_himself_before_or_behind_a_key() {
        let at = Timestamp::from_micros(1_767_225_600_000_000);
        let (real, forged) = (CustodyKey::make(None, at).unwrap(), CustodyKey::make(None, at).unwrap());
        let next = CustodyKey::make(Some(&real), at.plus_secs(1)).unwrap();
        let fits = |keys: &[&PublicKey]| Ring::of(&keys.iter().map(|key| (*key).clone()).collect::<Vec<_>>()).1;
        assert!(fits(&[real.public(), next.public()]).is_empty());
        assert!(!fits(&[real.public(), forged.public()]).is_empty());
        assert!(!fits(&[forged.public(), real.public()]).is_empty());
        assert!(!fits(&[next.public()]).is_empty(), "the first key was dropped");
        let mut claimed = forged.public().clone();
        claimed.after = Some(real.key_id().to_owned());
        claimed.endorsement = Some(claimed.signature.clone());
        assert!(!fits(&[real.public(), &claimed]).is_empty());
        let mut other = real.public().clone();
        other.since = at.plus_secs(1);
        assert!(!fits(&[&other]).is_empty());
    }
}
