//! Who speaks for recordings: an enrolled device by its own key, a dock or the camera itself. Nobody need be signed in,
//! and whoever is has no part in it.

use std::sync::Arc;

use actix_web::http::header::CONTENT_TYPE;
use actix_web::{HttpMessage as _, HttpRequest};
use serde::de::DeserializeOwned;

use crate::duty::officers::auth;
use crate::duty::officers::{DeviceRow, store as officers};
use crate::platform::ctx::Core;
use crate::platform::db::Conn;
use crate::platform::http::body;
use crate::platform::policy::{Actor, DeviceKind};
use crate::words::error::{Code, Error, Result};
use crate::words::ids::{DeviceId, UnitId};
use crate::words::time::Timestamp;

/// A device that signed a request.
#[derive(Clone, Debug)]
pub struct Speaker {
    pub device: DeviceRow,
    /// By its own clock.
    pub signed_at: Timestamp,
}

/// A request of a device: what it says, and that it said it.
pub struct Spoken<T> {
    pub core: Arc<Core>,
    pub speaker: Speaker,
    pub value: T,
}

/// Reads a request that an enrolled device signed; `bytes` is its body, to the letter.
///
/// Errors: `unauthenticated` without signature and session, those of the signature, `token_revoked` of a revoked
/// device; those of the body; then `forbidden` for whoever comes by a session.
pub async fn spoken<T: DeserializeOwned>(request: &HttpRequest, bytes: &[u8]) -> Result<Spoken<T>> {
    let core = auth::core_of(request)?;
    let speaker = match auth::signed_by(request, bytes)? {
        Some(signed) => {
            let signed_at = signed.signed_at;
            let device = core.db.read(move |conn| signed.verify(conn)).await?;
            Some(Speaker { device, signed_at })
        }
        None => {
            auth::ctx_of(request).await?;
            None
        }
    };
    let has_type = request.headers().contains_key(CONTENT_TYPE);
    if has_type && request.content_type() != "application/json" && !request.content_type().ends_with("+json") {
        return Err(Error::new(Code::UnsupportedMediaType));
    }
    let value = body::parse(bytes)?;
    let speaker = speaker.ok_or_else(|| Error::forbidden("a dock or a camera says this, signed with its own key"))?;
    Ok(Spoken { core, speaker, value })
}

/// A camera, and the unit it belongs to.
#[derive(Clone, Debug)]
pub struct Camera {
    pub device: DeviceRow,
    pub unit: UnitId,
}

/// The camera of this id, if the one who speaks may speak for it: itself, or a dock of its own house (of its unit, one
/// above or one below). A camera that was revoked is still emptied: it was found.
///
/// Errors: `forbidden` for a device that is neither, `not_found` for a camera of another house or no camera at all.
pub fn camera_of(conn: &mut Conn, speaker: &DeviceRow, id: &DeviceId) -> Result<Camera> {
    let unknown = || Error::not_found("camera");
    if speaker.kind != DeviceKind::Dock && speaker.id != *id {
        return Err(Error::forbidden("only a dock speaks for another device"));
    }
    let device = match officers::device_fetch(conn, id) {
        Ok(device) if records(device.kind) => device,
        Ok(_) => return Err(unknown()),
        Err(error) if error.is(Code::NotFound) => return Err(unknown()),
        Err(error) => return Err(error),
    };
    let theirs = match device.unit_id.or(speaker.unit_id) {
        Some(unit) => officers::unit_fetch(conn, &unit)?,
        None => return Err(unknown()),
    };
    if speaker.id != device.id {
        let own = speaker.unit_id.ok_or_else(unknown)?;
        let own = officers::unit_fetch(conn, &own)?.path;
        if !theirs.path.starts_with(&own) && !own.starts_with(&theirs.path) {
            return Err(unknown());
        }
    }
    Ok(Camera { device, unit: theirs.id })
}

/// Devices that film.
const fn records(kind: DeviceKind) -> bool {
    matches!(kind, DeviceKind::BodyWornCamera | DeviceKind::VehicleUnit | DeviceKind::Drone)
}

/// For whom a dock acts that delivers files: nobody carries it, so it is the person who let it in, with the reach of the
/// dock's own unit and no session. Errors: `token_revoked`, `forbidden` for a dock that nobody enrolled.
pub fn dock_actor(conn: &mut Conn, dock: &DeviceRow) -> Result<Actor> {
    if !dock.is_active() {
        return Err(Error::new(Code::TokenRevoked).detail("the device was revoked"));
    }
    let keeper = officers::enrolled_by(conn, &dock.id)?;
    let (Some(keeper), Some(unit)) = (keeper, dock.unit_id) else {
        return Err(Error::forbidden("nobody has enrolled this dock"));
    };
    let person = officers::person_fetch(conn, &keeper)?;
    let unit = officers::unit_fetch(conn, &unit)?;
    let actor = auth::actor_of(conn, person, dock.id, dock.kind)?;
    Ok(Actor { unit: unit.id, unit_path: unit.path, ..actor })
}
