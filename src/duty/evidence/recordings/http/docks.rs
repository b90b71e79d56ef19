//! What docks and cameras say, each signed with the device's own key: `officers/auth/device_signature.rs`.

use actix_web::http::header::CACHE_CONTROL;
use actix_web::{HttpRequest, HttpResponse, web};
use serde::de::DeserializeOwned;

use super::super::service::{self, HeldAnswer, HeldBody, Manifest, ManifestAnswer, WantedList};
use super::super::who::{Spoken, spoken};
use crate::duty::evidence::custody::receipt::Receipt;
use crate::platform::http::body::{BATCH_BODY_MAX, BODY_MAX, Empty, collect};
use crate::platform::http::{Page, Params, PathId};
use crate::platform::keys::sha256_hex;
use crate::words::error::Result;
use crate::words::ids::{DeviceId, RecordingId};

/// Reads what a device says in a signed body of at most `max` bytes; gives these too.
async fn heard<T: DeserializeOwned>(
    request: &HttpRequest,
    payload: web::Payload,
    max: usize,
) -> Result<(Spoken<T>, Vec<u8>)> {
    let bytes = collect(request, &mut payload.into_inner(), max).await?;
    let said = spoken(request, &bytes).await?;
    Ok((said, bytes))
}

/// Names everything a camera holds; the answer says in which order to bring it, and what is missing. The same again
/// changes nothing.
///
/// Permissions: the dock the camera hangs in (a dock of the camera's unit, one above or one below), or the camera itself;
/// signed with the device's key. Nobody by a session.
#[utoipa::path(post, path = "/api/v1/devices/{id}/manifest", tag = "evidence", params(("id" = DeviceId, Path)),
    request_body = Manifest, responses(
    (status = 200, body = ManifestAnswer),
    (status = 401, description = "`bad_signature`, `token_revoked`"),
    (status = 403, description = "Neither a dock nor the camera"),
    (status = 404, description = "A camera of another house, or none"),
    (status = 409, description = "A later manifest is known, or a recording's id is another camera's"),
))]
pub async fn manifest(
    PathId(id): PathId<DeviceId>,
    request: HttpRequest,
    payload: web::Payload,
) -> Result<HttpResponse> {
    // 2,000 recordings of 400 bytes and their marks.
    let (said, bytes) = heard::<Manifest>(&request, payload, BATCH_BODY_MAX).await?;
    let answer = service::announce(said, id, sha256_hex(&bytes)).await?;
    Ok(HttpResponse::Ok().json(answer))
}

/// A dock has the recording whole, its hash checked, and signs for it: the receipt `held`. The camera may be emptied of it.
///
/// Permissions: a dock of the camera's house, signed with its key, and the statement in the body too.
#[utoipa::path(post, path = "/api/v1/recordings/{id}/held", tag = "evidence", params(("id" = RecordingId, Path)),
    request_body = HeldBody, responses(
    (status = 200, body = HeldAnswer),
    (status = 401, description = "`bad_signature` of the request or of the statement"),
    (status = 403, description = "No dock"),
    (status = 404, description = "A recording of another house, or none"),
    (status = 460, description = "`checksum_mismatch`: not what the camera named; noted with the recording"),
))]
pub async fn held(
    PathId(id): PathId<RecordingId>,
    request: HttpRequest,
    payload: web::Payload,
) -> Result<HttpResponse> {
    let (said, _) = heard::<HeldBody>(&request, payload, BODY_MAX).await?;
    let answer: HeldAnswer = service::hold(said, id).await?;
    Ok(HttpResponse::Ok().json(answer))
}

/// What the room waits for from this device, who waits longest first.
///
/// Permissions: the dock or the camera itself, signed with its key.
#[utoipa::path(get, path = "/api/v1/devices/{id}/wanted", tag = "evidence", params(("id" = DeviceId, Path), Page),
    responses((status = 200, body = WantedList), (status = 403, description = "Another device")))]
pub async fn wanted(
    PathId(id): PathId<DeviceId>,
    Params(page): Params<Page>,
    request: HttpRequest,
) -> Result<HttpResponse> {
    let said = spoken::<Empty>(&request, b"").await?;
    let answer = service::wanted(&said.core, &said.speaker, id, &page).await?;
    Ok(HttpResponse::Ok().insert_header((CACHE_CONTROL, "no-store")).json(answer))
}

/// The server's signed receipt of a recording that is stored: against it, and its own policy, the dock may let go of it.
///
/// Permissions: a dock of the camera's house, or the camera itself, signed with its key. Persons ask at the item.
#[utoipa::path(get, path = "/api/v1/recordings/{id}/receipt", tag = "evidence", params(("id" = RecordingId, Path)),
    responses((status = 200, body = Receipt), (status = 403), (status = 404, description = "Not stored yet, or no such")))]
pub async fn receipt(PathId(id): PathId<RecordingId>, request: HttpRequest) -> Result<HttpResponse> {
    let said = spoken::<Empty>(&request, b"").await?;
    let answer = service::stored(&said.core, said.speaker, id).await?;
    Ok(HttpResponse::Ok().insert_header((CACHE_CONTROL, "no-store")).json(answer))
}
