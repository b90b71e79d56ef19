//! Access tokens: EdDSA JWTs signed with keys kept sealed in the database.
//!
//! Two keys are valid at a time: the one that signs and its successor or predecessor, so that a
//! rotation is noticed by nobody. Expiry is judged by the house's clock, not the library's.

use std::sync::Arc;

use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair as _};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation};
use parking_lot::RwLock;
use serde::{Deserialize, Serialize};

use crate::duty::officers::SigningKeyRow;
use crate::platform::keys::{CURRENT_KEY_ID, Keys};
use crate::words::error::{Code, Error, Result};
use crate::words::ids::{DeviceId, PersonId, SessionId};
use crate::words::time::{MICROS, Timestamp};

/// Who issues our tokens.
const ISSUER: &str = "suixing";

/// What an access token says; everything else is looked up.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Claims {
    pub iss: String,
    pub sub: PersonId,
    pub sid: SessionId,
    pub did: DeviceId,
    /// Seconds since the epoch.
    pub iat: i64,
    pub exp: i64,
    /// Makes two tokens of one second differ.
    pub jti: String,
}

impl Claims {
    /// Claims of a session for `lifetime_s` seconds from `now`.
    pub fn new(person: PersonId, session: SessionId, device: DeviceId, now: Timestamp, lifetime_s: i64) -> Self {
        let iat = now.as_micros() / MICROS;
        let jti = SessionId::new().to_string();
        Self { iss: ISSUER.to_owned(), sub: person, sid: session, did: device, iat, exp: iat + lifetime_s, jti }
    }

    pub fn expires(&self) -> Timestamp {
        Timestamp::from_micros(self.exp.saturating_mul(MICROS))
    }
}

struct RingKey {
    kid: String,
    signs_from: Timestamp,
    retires_at: Option<Timestamp>,
    encoding: EncodingKey,
    decoding: DecodingKey,
    public: Vec<u8>,
}

/// The keys of this moment; refreshed from the database by `jobs` and on an unknown key id.
#[derive(Default)]
pub struct KeyRing {
    keys: RwLock<Vec<Arc<RingKey>>>,
}

impl KeyRing {
    /// Replaces the keys by what the database holds.
    pub fn load(&self, rows: &[SigningKeyRow], keys: &Keys) -> Result<()> {
        let mut fresh = Vec::with_capacity(rows.len());
        for row in rows {
            let pkcs8 = keys.unseal(&row.sealed)?;
            fresh.push(Arc::new(RingKey {
                kid: row.id.clone(),
                signs_from: row.signs_from,
                retires_at: row.retires_at,
                encoding: EncodingKey::from_ed_der(&pkcs8),
                decoding: DecodingKey::from_ed_der(&row.public_key),
                public: row.public_key.clone(),
            }));
        }
        *self.keys.write() = fresh;
        Ok(())
    }

    /// Signs with the newest key whose time has come.
    pub fn sign(&self, claims: &Claims, now: Timestamp) -> Result<String> {
        let key = self
            .keys
            .read()
            .iter()
            .filter(|k| k.signs_from <= now && k.retires_at.is_none_or(|at| at > now))
            .max_by_key(|k| k.signs_from)
            .map(Arc::clone)
            .ok_or_else(|| Error::internal("no signing key is loaded"))?;
        let mut header = Header::new(Algorithm::EdDSA);
        header.kid = Some(key.kid.clone());
        jsonwebtoken::encode(&header, claims, &key.encoding).map_err(Error::internal)
    }

    /// Verifies signature, issuer and expiry. `Ok(None)`: signed by a key this ring does not hold.
    pub fn verify(&self, token: &str, now: Timestamp) -> Result<Option<Claims>> {
        let header = jsonwebtoken::decode_header(token).map_err(|_bad| not_ours())?;
        let kid = header.kid.ok_or_else(not_ours)?;
        let Some(key) = self.keys.read().iter().find(|k| k.kid == kid).map(Arc::clone) else { return Ok(None) };
        if key.retires_at.is_some_and(|at| at <= now) {
            return Err(Error::new(Code::TokenExpired));
        }
        let mut rules = Validation::new(Algorithm::EdDSA);
        rules.set_issuer(&[ISSUER]);
        rules.validate_exp = false;
        rules.validate_aud = false;
        let data = jsonwebtoken::decode::<Claims>(token, &key.decoding, &rules).map_err(|_bad| not_ours())?;
        if data.claims.expires() <= now {
            return Err(Error::new(Code::TokenExpired));
        }
        Ok(Some(data.claims))
    }

    /// The public halves as a JSON Web Key Set.
    pub fn jwks(&self, now: Timestamp) -> serde_json::Value {
        let keys: Vec<_> = self
            .keys
            .read()
            .iter()
            .filter(|k| k.retires_at.is_none_or(|at| at > now))
            .map(|k| {
                serde_json::json!({
                    "kty": "OKP", "crv": "Ed25519", "use": "sig", "alg": "EdDSA",
                    "kid": k.kid, "x": URL_SAFE_NO_PAD.encode(&k.public),
                })
            })
            .collect();
        serde_json::json!({ "keys": keys })
    }

    pub fn is_empty(&self) -> bool {
        self.keys.read().is_empty()
    }

    /// When the newest key began or will begin to sign.
    pub fn newest_from(&self) -> Option<Timestamp> {
        self.keys.read().iter().map(|k| k.signs_from).max()
    }
}

/// Makes a key pair that signs from `signs_from`, its private half sealed.
pub fn key_generate(keys: &Keys, signs_from: Timestamp, now: Timestamp) -> Result<SigningKeyRow> {
    let pair = Ed25519KeyPair::generate().map_err(|_unspecified| Error::internal("no randomness"))?;
    let pkcs8 = pair.to_pkcs8().map_err(|_unspecified| Error::internal("cannot encode a key"))?;
    Ok(SigningKeyRow {
        id: SessionId::new().to_string(),
        sealed: keys.seal(pkcs8.as_ref())?,
        key_id: CURRENT_KEY_ID,
        public_key: pair.public_key().as_ref().to_vec(),
        created_at: now,
        signs_from,
        retires_at: None,
    })
}

fn not_ours() -> Error {
    Error::new(Code::Unauthenticated).detail("not an access token of this server")
}
