//! Devices: enrolment codes, enrolling, revoking.

use base64::Engine as _;
use base64::prelude::{BASE64_STANDARD, BASE64_URL_SAFE_NO_PAD};
use serde::Deserialize;
use serde_json::json;

use super::{admin_only, device_sessions_end, unit_writable};
use crate::duty::officers::auth::Auth;
use crate::duty::officers::auth::device_signature::PUBLIC_KEY_LEN;
use crate::duty::officers::{DeviceRow, DeviceStatus, EnrolmentCodeRow, rules, store};
use crate::platform::audit;
use crate::platform::ctx::{Core, Ctx};
use crate::platform::db::Priority;
use crate::platform::events::Event;
use crate::platform::http::{Done, RequestMeta, idem};
use crate::platform::keys::{fill_random, sha256_hex};
use crate::platform::policy::DeviceKind;
use crate::words::error::{Error, Result};
use crate::words::ids::{DeviceId, UnitId};
use crate::words::time::Timestamp;

/// Seconds an enrolment code lives unless told: one shift.
const CODE_TTL_S: i64 = 8 * 3_600;
/// Longest life of a code in seconds.
const CODE_TTL_MAX_S: i64 = 7 * 86_400;
/// Letters of a code: no 0/O, 1/I, so that it can be read aloud. 32 letters, 5 bits each.
const CODE_LETTERS: &[u8; 32] = b"ABCDEFGHJKLMNPQRSTUVWXYZ23456789";
/// Letters in a code; 80 bits cannot be guessed online.
const CODE_LEN: usize = 16;

/// Asks for a one-time enrolment code.
#[derive(Clone, Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct EnrolmentCodeNew {
    /// The unit the device will belong to; the asking administrator's own when absent.
    #[serde(default)]
    pub unit_id: Option<UnitId>,
    /// Handheld when absent.
    #[serde(default)]
    pub kind: Option<DeviceKind>,
    #[serde(default)]
    pub name: Option<String>,
    /// 60 s to 7 days; 8 hours when absent.
    #[serde(default)]
    pub expires_in_s: Option<i64>,
}

/// Redeems a code.
#[derive(Clone, Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct EnrolBody {
    pub code: String,
    /// The device's Ed25519 public key: base64 of the raw 32 bytes, or of its SPKI DER.
    pub public_key: String,
    #[serde(default)]
    pub name: Option<String>,
    #[serde(default)]
    pub serial_no: Option<String>,
    /// Must agree with the code's kind when given.
    #[serde(default)]
    pub kind: Option<DeviceKind>,
}

/// Makes a one-time code; answers it and its expiry. The code itself is not kept: a repeated request
/// gets the same one because it is derived from the request's key.
pub async fn enrolment_code_make(
    ctx: &Ctx,
    meta: &RequestMeta,
    body: EnrolmentCodeNew,
) -> Result<(String, EnrolmentCodeRow)> {
    admin_only(&ctx.actor)?;
    let name = rules::name_opt("name", body.name.as_deref())?;
    let kind = body.kind.unwrap_or(DeviceKind::Handheld);
    if kind == DeviceKind::Browser {
        return Err(Error::field("kind", "browsers are not enrolled"));
    }
    let ttl = body.expires_in_s.unwrap_or(CODE_TTL_S);
    if !(60..=CODE_TTL_MAX_S).contains(&ttl) {
        return Err(Error::field("expires_in_s", format!("must be between 60 and {CODE_TTL_MAX_S}")));
    }
    let code = match &meta.key {
        Some(key) => {
            code_from_key(&ctx.keys.blind_index("enrolment", &format!("{} {key} {}", ctx.actor.person, meta.hash)))
        }
        None => code_random()?,
    };
    let hash = sha256_hex(code_normal(&code).as_bytes());
    let actor = std::sync::Arc::clone(&ctx.actor);
    let row = ctx
        .db
        .write(Priority::Normal, move |tx| {
            let unit = unit_writable(tx.conn(), &actor, &body.unit_id.unwrap_or(actor.unit), "unit")?;
            if let Some(made) = store::enrolment_fetch(tx.conn(), &hash)? {
                return Ok(made);
            }
            let row = EnrolmentCodeRow {
                code_hash: hash.clone(),
                unit_id: unit.id,
                kind,
                name: name.clone(),
                created_by: actor.person,
                created_at: tx.now,
                expires_at: tx.now.plus_secs(ttl),
                used_at: None,
                device_id: None,
            };
            store::enrolment_insert(tx.conn(), &row)?;
            audit::record(tx, Some(&actor), "device.code", "unit", &unit.id.to_string(), &json!({ "kind": kind }))?;
            Ok(row)
        })
        .await?;
    Ok((code, row))
}

/// Enrols a device with its public key. The same code with the same key again answers the same
/// device. Errors: `not_found` for an unknown, used or expired code.
pub async fn device_enrol(core: &Core, body: EnrolBody) -> Result<DeviceRow> {
    let key = public_key_parse(&body.public_key)?;
    let name = rules::name_opt("name", body.name.as_deref())?;
    let serial_no = rules::name_opt("serial_no", body.serial_no.as_deref())?;
    let hash = sha256_hex(code_normal(&body.code).as_bytes());
    core.db
        .write(Priority::Normal, move |tx| {
            let now: Timestamp = tx.now;
            let unknown = || Error::not_found("enrolment code");
            let code = store::enrolment_fetch(tx.conn(), &hash)?.ok_or_else(unknown)?;
            if let Some(device_id) = code.device_id {
                let device = store::device_fetch(tx.conn(), &device_id)?;
                let same = device.public_key.as_deref() == Some(key.as_slice()) && device.is_active();
                return if same { Ok(device) } else { Err(unknown()) };
            }
            if body.kind.is_some_and(|kind| kind != code.kind) {
                return Err(Error::field("kind", format!("the code is for a {}", code.kind)));
            }
            let id = DeviceId::new();
            if !store::enrolment_use(tx.conn(), &hash, &id, now)? {
                return Err(unknown());
            }
            let row = DeviceRow {
                id,
                kind: code.kind,
                name: name.clone().or_else(|| code.name.clone()).unwrap_or_else(|| code.kind.to_string()),
                serial_no: serial_no.clone(),
                status: DeviceStatus::Active,
                enrolled: true,
                public_key: Some(key.clone()),
                unit_id: Some(code.unit_id),
                person_id: None,
                login_key: None,
                created_at: now,
                last_login_at: None,
                revoked_at: None,
            };
            store::device_insert(tx.conn(), &row)?;
            audit::record(tx, None, "device.enrol", "device", &id.to_string(), &json!({ "kind": row.kind }))?;
            Ok(row)
        })
        .await
}

/// Revokes a lost device: its sessions end within a second, its key proves nothing any more.
pub async fn device_revoke(ctx: &Ctx, meta: &RequestMeta, id: DeviceId, reason: Option<String>) -> Result<Done> {
    let reason = rules::name_opt("reason", reason.as_deref())?;
    let actor = std::sync::Arc::clone(&ctx.actor);
    let auth = ctx.part::<Auth>()?.clone();
    admin_only(&actor)?;
    idem::run(ctx, meta, Priority::Urgent, move |tx| {
        let now = tx.now;
        let device = store::device_fetch(tx.conn(), &id)?;
        let unit_id = device.unit_id.ok_or_else(|| Error::not_found("device"))?;
        unit_writable(tx.conn(), &actor, &unit_id, "device")?;
        if device.is_active() {
            store::device_revoke(tx.conn(), &id, now)?;
            device_sessions_end(tx, &auth, &id, None, "device_revoked")?;
            tx.emit(&Event::DeviceRevoked { device: id })?;
            audit::record(
                tx,
                Some(&actor),
                "device.revoke",
                "device",
                &id.to_string(),
                &json!({ "reason_given": reason.is_some() }),
            )?;
        }
        Ok(Done::new(200, id.to_string()))
    })
    .await
}

fn code_random() -> Result<String> {
    let mut bytes = [0_u8; CODE_LEN];
    fill_random(&mut bytes)?;
    Ok(code_of(&bytes))
}

/// The code of a keyed request: its first bytes, from the hex of an HMAC that only the server can make.
fn code_from_key(hex: &str) -> String {
    let digits: Vec<u8> = hex.chars().filter_map(|c| c.to_digit(16)).filter_map(|d| u8::try_from(d).ok()).collect();
    let bytes: Vec<u8> = digits
        .chunks_exact(2)
        .take(CODE_LEN)
        .map(|pair| pair.iter().fold(0, |byte, digit| byte << 4 | digit))
        .collect();
    code_of(&bytes)
}

fn code_of(bytes: &[u8]) -> String {
    let letters: Vec<char> =
        bytes.iter().filter_map(|b| CODE_LETTERS.get(usize::from(b & 31))).map(|b| char::from(*b)).collect();
    letters.chunks(4).map(|group| group.iter().collect::<String>()).collect::<Vec<_>>().join("-")
}

/// What is hashed: letters and digits only, upper-case.
fn code_normal(code: &str) -> String {
    code.chars().filter(char::is_ascii_alphanumeric).map(|c| c.to_ascii_uppercase()).take(64).collect()
}

/// Accepts base64 (either alphabet) of a raw Ed25519 key or of its 44-byte SPKI DER, PEM armour too.
fn public_key_parse(text: &str) -> Result<Vec<u8>> {
    /// DER prefix of an Ed25519 SubjectPublicKeyInfo.
    const SPKI: [u8; 12] = [0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00];
    let wrong = || Error::field("public_key", "must be base64 of a 32-byte Ed25519 public key");
    let body: String =
        text.lines().filter(|line| !line.starts_with("-----")).collect::<String>().split_whitespace().collect();
    if body.len() > 128 {
        return Err(wrong());
    }
    let bytes = BASE64_STANDARD
        .decode(&body)
        .or_else(|_std| BASE64_URL_SAFE_NO_PAD.decode(body.trim_end_matches('=')))
        .map_err(|_neither| wrong())?;
    let raw = bytes.strip_prefix(&SPKI).unwrap_or(&bytes);
    if raw.len() == PUBLIC_KEY_LEN { Ok(raw.to_vec()) } else { Err(wrong()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_can_be_read_aloud_and_typed_anyhow() {
        let code = code_random().unwrap();
        assert_eq!(code.len(), CODE_LEN + 3);
        assert_eq!(code_normal(&code.to_lowercase().replace('-', " ")), code_normal(&code));
    }

    #[test]
    fn public_keys_in_their_usual_clothes() {
        let raw = [7_u8; 32];
        let mut spki = vec![0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00];
        spki.extend_from_slice(&raw);
        let pem = format!("-----BEGIN PUBLIC KEY-----\n{}\n-----END PUBLIC KEY-----\n", BASE64_STANDARD.encode(&spki));
        for text in
            [BASE64_STANDARD.encode(raw), BASE64_URL_SAFE_NO_PAD.encode(raw), BASE64_STANDARD.encode(&spki), pem]
        {
            assert_eq!(public_key_parse(&text).unwrap(), raw, "{text}");
        }
        for bad in ["", "AAAA", "not base64!", &"A".repeat(200)] {
            assert!(public_key_parse(bad).is_err(), "{bad}");
        }
    }
}
