//! Requests signed by an enrolled device's own key.
//!
//! The device sends `x-device-id`, `x-device-time` (RFC 3339) and `x-device-signature` (URL-safe
//! base64 of an Ed25519 signature over [`signing_text`]). It stands in for an access token where
//! one may have expired or been given back: backup, and delivering what was captured before.

use actix_web::HttpRequest;
use actix_web::http::header::HeaderMap;
use aws_lc_rs::signature::{ED25519, UnparsedPublicKey};
use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;

use crate::duty::officers::store;
use crate::duty::officers::{DeviceRow, SessionRow};
use crate::platform::db::Conn;
use crate::platform::keys::sha256_hex;
use crate::words::error::{Code, Error, Result};
use crate::words::ids::{DeviceId, PersonId};
use crate::words::time::Timestamp;

/// For how many days after a session's end its author's items are still accepted.
pub const AUTHOR_DAYS: i64 = 30;
/// Bytes of a raw Ed25519 public key.
pub const PUBLIC_KEY_LEN: usize = 32;

/// A device that proved itself by its key, without a session.
#[derive(Clone, Debug)]
pub struct DeviceActor {
    pub device: DeviceRow,
    /// The device's own clock when it signed; never trusted for order.
    pub signed_at: Timestamp,
    /// The latest session on the device, open or ended: its last signed-on holder.
    pub last_session: Option<SessionRow>,
}

impl DeviceActor {
    /// Who signed in on the device last.
    pub fn holder(&self) -> Option<PersonId> {
        self.last_session.as_ref().map(|session| session.person_id)
    }
}

/// Headers of a signed request, before the key is known.
#[derive(Clone, Debug)]
pub struct Signed {
    pub device_id: DeviceId,
    pub signed_at: Timestamp,
    signature: Vec<u8>,
    message: Vec<u8>,
}

/// What a device signs: version, method, path with query, its time, and the body's SHA-256 in hex.
fn signing_text(method: &str, path: &str, time: &str, hash: &str) -> String {
    format!("suixing-device-v1\n{method}\n{path}\n{time}\n{hash}")
}

/// What an enrolled device signed of this request with this body; `None` when it is not signed at all.
/// Errors: `bad_signature` for headers that are there and cannot be read.
pub fn signed_by(request: &HttpRequest, body: &[u8]) -> Result<Option<Signed>> {
    signed_by_hashed(request, || sha256_hex(body))
}

/// [`signed_by`] of a body whose SHA-256 in hex is known, or found only when it is asked for: most requests are not
/// signed.
pub fn signed_by_hashed(request: &HttpRequest, hash: impl FnOnce() -> String) -> Result<Option<Signed>> {
    let path = request.uri().path_and_query().map_or_else(|| request.path(), |whole| whole.as_str());
    read_headers(request.headers(), request.method().as_str(), path, hash)
}

fn read_headers(
    headers: &HeaderMap,
    method: &str,
    path: &str,
    hash: impl FnOnce() -> String,
) -> Result<Option<Signed>> {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    let Some(signature) = text("x-device-signature") else { return Ok(None) };
    let bad = |detail: &'static str| Error::new(Code::BadSignature).detail(detail);
    let device_id = text("x-device-id").ok_or_else(|| bad("x-device-id is missing"))?;
    let time = text("x-device-time").ok_or_else(|| bad("x-device-time is missing"))?;
    Ok(Some(Signed {
        device_id: device_id.parse().map_err(|_bad| bad("x-device-id is not an id"))?,
        signed_at: Timestamp::parse(time).map_err(|_bad| bad("x-device-time is not RFC 3339"))?,
        signature: BASE64_URL_SAFE_NO_PAD
            .decode(signature.trim_end_matches('='))
            .map_err(|_bad| bad("x-device-signature is not URL-safe base64"))?,
        message: signing_text(method, path, time, &hash()).into_bytes(),
    }))
}

impl Signed {
    /// Checks the signature with the device's key; a revoked or keyless device fails.
    pub fn verify(&self, conn: &mut Conn) -> Result<DeviceRow> {
        let device = self.verify_late(conn)?;
        if !device.is_active() {
            return Err(Error::new(Code::TokenRevoked).detail("the device was revoked"));
        }
        Ok(device)
    }

    /// The same of a device that may have been revoked: for delivering what was captured before, write-only. Whoever
    /// takes it puts aside what such a device brings.
    pub fn verify_late(&self, conn: &mut Conn) -> Result<DeviceRow> {
        let bad = |detail: &'static str| Error::new(Code::BadSignature).detail(detail);
        let device = store::device_fetch(conn, &self.device_id)
            .map_err(|error| if error.is(Code::NotFound) { bad("the device is not enrolled") } else { error })?;
        let key = device.public_key.as_deref().ok_or_else(|| bad("the device has no key"))?;
        UnparsedPublicKey::new(&ED25519, key)
            .verify(&self.message, &self.signature)
            .map_err(|_forged| bad("the signature does not verify"))?;
        Ok(device)
    }
}

/// Verifies what was signed and says who held the device last.
pub fn device_actor(conn: &mut Conn, signed: &Signed) -> Result<DeviceActor> {
    let device = signed.verify(conn)?;
    with_holder(conn, signed, device)
}

/// [`device_actor`] of a device that may have been revoked; see [`Signed::verify_late`].
pub fn device_actor_late(conn: &mut Conn, signed: &Signed) -> Result<DeviceActor> {
    let device = signed.verify_late(conn)?;
    with_holder(conn, signed, device)
}

fn with_holder(conn: &mut Conn, signed: &Signed, device: DeviceRow) -> Result<DeviceActor> {
    let last_session = store::session_latest_of_device(conn, &device.id)?;
    Ok(DeviceActor { device, signed_at: signed.signed_at, last_session })
}

/// Whether `author` may still deliver, write-only, what was captured at `captured_at` on this
/// device: they have a session on it, or had one that ended after the capture, at most 30 days ago.
/// Errors: `forbidden`.
pub fn author_check(
    conn: &mut Conn,
    author: &PersonId,
    device: &DeviceId,
    captured_at: Timestamp,
    now: Timestamp,
) -> Result<()> {
    let session = store::session_latest_of(conn, author, device)?;
    let may = session.is_some_and(|s| {
        s.ended_at.is_none_or(|end| end.plus_secs(AUTHOR_DAYS * 86_400) > now && captured_at <= end.plus_secs(60))
    });
    if may { Ok(()) } else { Err(Error::forbidden("the author had no session on this device")) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use actix_web::http::header::{HeaderName, HeaderValue};

    #[test]
    fn half_signed_requests_are_refused_and_unsigned_ones_pass_by() {
        let mut headers = HeaderMap::new();
        let hash = || -> String { unreachable!("nothing is hashed that is not signed") };
        assert!(read_headers(&headers, "POST", "/x", hash).unwrap().is_none());
        headers.insert(HeaderName::from_static("x-device-signature"), HeaderValue::from_static("AAAA"));
        assert!(read_headers(&headers, "POST", "/x", hash).unwrap_err().is(Code::BadSignature));
    }
}
