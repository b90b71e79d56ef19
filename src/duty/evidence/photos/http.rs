//! `POST /evidence/photos`: one photo, in one request, over a link that is expected to hold; others resume.

use std::sync::Arc;

use actix_web::http::header::{CONTENT_LENGTH, HeaderValue, LOCATION};
use actix_web::web::{self, ServiceConfig, post, resource};
use actix_web::{HttpMessage as _, HttpRequest, HttpResponse};
use serde::Deserialize;
use serde_json::json;
use utoipa::OpenApi;

use super::PHOTO_MAX;
use super::body::Body;
use super::form::{self, Form};
use super::sniff::{Sniffed, sniff};
use super::staged::Sealed;
use crate::duty::evidence::deliver::{Deliverer, device_deliverer};
use crate::duty::evidence::http::shown;
use crate::duty::evidence::keeping::erase::tombstone;
use crate::duty::evidence::keeping::{Bytes, redact};
use crate::duty::evidence::service::view::EvidenceView;
use crate::duty::evidence::service::{self, Arrived};
use crate::duty::evidence::{Kind, access, rules};
use crate::duty::officers::auth;
use crate::duty::officers::store as officers;
use crate::platform::blobs::Blobs;
use crate::platform::ctx::{Core, Ctx};
use crate::platform::db::{Conn, Priority};
use crate::platform::http::body::text_opt;
use crate::platform::http::problem::request_reads_chinese;
use crate::platform::http::{Done, RequestMeta, idem, strict};
use crate::platform::policy::{Action, Actor};
use crate::words::error::{Code, Error, Result};
use crate::words::ids::{AssignmentId, DeviceId, EvidenceId, IncidentId, PersonId};
use crate::words::time::Timestamp;

/// Bytes of a body: the photo, its metadata, and what stands between them.
const BODY_MAX: u64 = PHOTO_MAX + 256 * 1024;
/// Characters of the device's signature over what it captured.
const SIGNATURE_MAX: usize = 512;

/// What this door adds to the OpenAPI document.
#[derive(OpenApi)]
#[openapi(paths(photo_add))]
pub struct Api;

/// path → handler, below `/api/v1`; before [`crate::duty::evidence::http::routes`], which takes any name for an id.
pub fn routes(config: &mut ServiceConfig) {
    config.service(resource("/evidence/photos").route(post().to(photo_add)));
}

/// The parts of the form, in either order.
#[derive(utoipa::ToSchema)]
pub struct PhotoForm {
    /// The picture, byte for byte as the camera wrote it; at most 64 MiB.
    #[schema(value_type = String, format = Binary)]
    pub file: Vec<u8>,
    pub metadata: PhotoMetadata,
}

/// What the sender says of a photo.
#[derive(Clone, Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PhotoMetadata {
    /// The part's own name counts if this is absent.
    pub filename: Option<String>,
    /// `photo`, if at all.
    #[schema(inline)]
    pub kind: Option<Kind>,
    /// Hex; binding when given.
    pub sha256: Option<String>,
    /// By the device's clock.
    pub captured_at: Timestamp,
    pub incident_id: Option<IncidentId>,
    pub assignment_id: Option<AssignmentId>,
    /// On whose body the camera was.
    pub person_id: Option<PersonId>,
    /// Who took it, when it is not whoever delivers it: a handset that has changed hands.
    pub author_id: Option<PersonId>,
    /// The enrolled device's signature over the item, kept as it came.
    pub device_signature: Option<String>,
}

/// A photo from the scene; its previews follow within a second.
///
/// Permissions: everybody but service accounts; for an incident, whoever has to do with it. An enrolled device's
/// signature alone when its token has expired. Somebody else's photo is delivered by the device that took it, up to 30
/// days after his session there, and is not shown to whoever delivers it.
#[utoipa::path(post, path = "/api/v1/evidence/photos", tag = "evidence",
    request_body(content = PhotoForm, content_type = "multipart/form-data"), responses(
    (status = 201, description = "Stored, or stored before: the same item again", body = EvidenceView),
    (status = 413, description = "Larger than 64 MiB: use the resumable way"),
    (status = 422, description = "No picture, a hash that does not match, or a field that is wrong"),
    (status = 503, description = "`busy`: the evidence store cannot be reached, nothing was stored"),
))]
pub async fn photo_add(request: HttpRequest, payload: web::Payload) -> Result<HttpResponse> {
    take(request, payload, None).await
}

/// Takes a photo in, by itself or as a redacted copy of an original.
pub async fn take(request: HttpRequest, payload: web::Payload, redacts: Option<EvidenceId>) -> Result<HttpResponse> {
    let sender = sender(&request).await?;
    check_head(&request)?;
    let blobs = sender.core().part::<Blobs>()?.clone();
    let body = Body::new(payload.into_inner(), BODY_MAX, matches!(sender, Sender::Device(_)));
    let form = form::read(request.headers(), body.clone(), blobs.staging()).await?;
    let (ctx, by) = verified(&request, sender, body).await?;
    let Form { file, filename, declared_type, metadata } = form;
    // What tells one request from another under the same key; the body itself differs each time, forms are cut by chance.
    let said = format!("{}\n{}", file.sha256, String::from_utf8_lossy(&metadata));
    let meta = RequestMeta::read(&request, said.as_bytes())?;
    let metadata: PhotoMetadata = strict::from_slice(&metadata)?;
    let is = sniff(&file.head);
    let arrived = Arrived { redacts, ..arrived(&ctx, &file, is, metadata, filename, declared_type)? };
    let allowed = arrived.clone();
    let (inner, now) = (ctx.clone(), ctx.clock.now());
    ctx.db.read(move |conn| allow(conn, &inner.actor, by, &allowed, now)).await?;
    let write_only = by.is_device() || arrived.author != ctx.actor.person;
    let done = store(&ctx, &meta, blobs, file, arrived).await?;
    answer(&request, &ctx, &done, write_only).await
}

/// Who sends, before a byte of the body has been read.
enum Sender {
    Session(Ctx),
    /// A device that says who it is and has a key; it has to prove it when the body is here.
    Device(Arc<Core>),
}

impl Sender {
    fn core(&self) -> &Core {
        match self {
            Self::Session(ctx) => &ctx.core,
            Self::Device(core) => core,
        }
    }
}

async fn sender(request: &HttpRequest) -> Result<Sender> {
    let refused = match auth::ctx_or_refusal(request).await? {
        Ok(ctx) => return Ok(Sender::Session(ctx)),
        Err(refused) => refused,
    };
    if !request.headers().contains_key("x-device-signature") {
        return Err(refused);
    }
    let core = auth::core_of(request)?;
    let id = request.headers().get("x-device-id").and_then(|value| value.to_str().ok()).unwrap_or_default();
    let unknown = || Error::new(Code::BadSignature).detail("the device is not enrolled, or has no key");
    let id: DeviceId = id.parse().map_err(|_bad: Error| unknown())?;
    // Nobody fills the disk under a name that is not there.
    core.db
        .read(move |conn| match officers::device_fetch(conn, &id) {
            Ok(device) if device.public_key.is_none() => Err(unknown()),
            Err(error) if error.is(Code::NotFound) => Err(unknown()),
            other => other.map(drop),
        })
        .await?;
    Ok(Sender::Device(core))
}

fn check_head(request: &HttpRequest) -> Result<()> {
    if !request.content_type().eq_ignore_ascii_case("multipart/form-data") {
        return Err(Error::new(Code::UnsupportedMediaType).detail("send multipart/form-data"));
    }
    let length = request.headers().get(CONTENT_LENGTH).and_then(|value| value.to_str().ok());
    match length.and_then(|text| text.parse::<u64>().ok()) {
        Some(length) if length > BODY_MAX => Err(form::too_large(PHOTO_MAX)),
        _ => Ok(()),
    }
}

/// The session's person, or the holder of the device that signed the body.
async fn verified(request: &HttpRequest, sender: Sender, body: Body) -> Result<(Ctx, Deliverer)> {
    let core = match sender {
        Sender::Session(ctx) => return Ok((ctx, Deliverer::Session)),
        Sender::Device(core) => core,
    };
    let hash = body.end().await?;
    let signed = auth::signed_by_hashed(request, || hash)?.ok_or_else(|| Error::new(Code::Unauthenticated))?;
    let (actor, by) = core.db.read(move |conn| device_deliverer(conn, &signed)).await?;
    Ok((Ctx::new(core, actor), by))
}

/// The item as it will be stored. Errors: `invalid_field`.
fn arrived(
    ctx: &Ctx,
    file: &Sealed,
    is: Sniffed,
    metadata: PhotoMetadata,
    filename: Option<String>,
    declared_type: Option<String>,
) -> Result<Arrived> {
    if let Sniffed::Foreign(what) = is {
        return Err(Error::field("file", "must be a picture").with("is", what.into()));
    }
    if metadata.kind.is_some_and(|kind| kind != Kind::Photo) {
        return Err(Error::field("kind", "must be photo"));
    }
    let declared = metadata.sha256.as_deref().map(rules::sha256).transpose()?;
    if declared.is_some_and(|declared| declared != file.sha256) {
        return Err(Error::field("sha256", "is not that of the bytes that arrived")
            .with("received_sha256", file.sha256.clone().into()));
    }
    text_opt("device_signature", metadata.device_signature.as_deref(), SIGNATURE_MAX)?;
    Ok(Arrived {
        kind: Kind::Photo,
        filename: named(metadata.filename, filename, is)?,
        declared_type,
        size: i64::try_from(file.size).map_err(Error::internal)?,
        sha256: file.sha256.clone(),
        author: metadata.author_id.unwrap_or(ctx.actor.person),
        owner: ctx.actor.person,
        device: ctx.actor.device,
        session: ctx.actor.session,
        wearer: metadata.person_id,
        incident: metadata.incident_id,
        assignment: metadata.assignment_id,
        captured_at: metadata.captured_at,
        device_signature: metadata.device_signature,
        upload: None,
        redacts: None,
        recording: None,
        made_here: false,
    })
}

/// The name in the metadata; the part's, of which old browsers send the whole way; or one of our own.
fn named(metadata: Option<String>, part: Option<String>, is: Sniffed) -> Result<String> {
    if let Some(name) = metadata {
        return rules::filename(&name);
    }
    let last = part.as_deref().and_then(|name| name.rsplit(['/', '\\']).next()).unwrap_or_default();
    if !last.trim().is_empty() {
        return rules::filename(last);
    }
    Ok(is.format().extensions().first().map_or_else(|| "photo".to_owned(), |ending| format!("photo.{ending}")))
}

/// Whether the sender may deliver this author's item, and to this incident. Errors: `forbidden`, `not_found`.
fn allow(conn: &mut Conn, actor: &Actor, by: Deliverer, item: &Arrived, now: Timestamp) -> Result<()> {
    by.check_author(conn, actor, &item.author, item.captured_at, now)?;
    if let Some(original) = &item.redacts {
        if by.is_device() {
            return Err(Error::forbidden("a redacted copy is made by somebody who is signed in"));
        }
        redact::differs(&redact::allow(conn, actor, original)?, &item.sha256)?;
    }
    access::bind(conn, actor, &item.author, item.incident, item.assignment).map(drop)
}

/// Takes the bytes over and makes the item, once per key and once per capture. What is staged goes with `file`, when the
/// item is there or has come to nothing.
async fn store(ctx: &Ctx, meta: &RequestMeta, blobs: Blobs, file: Sealed, arrived: Arrived) -> Result<Done> {
    let media_type = rules::media_type(&file.head);
    // Until the row is there nobody removes the same bytes.
    let _storing = ctx.part::<Bytes>()?.shared(&file.sha256).await;
    if let Err(error) = blobs.take_in(file.path(), &file.sha256).await {
        // The sender has it still, and begins anew.
        blobs.forget(file.path()).await?;
        return Err(error);
    }
    let inner = ctx.clone();
    idem::run(ctx, meta, Priority::Normal, move |tx| {
        let completed = service::complete_in(tx, &inner, &arrived, media_type)?;
        Ok(Done::new(if completed.erased { 410 } else { 201 }, json!({ "id": completed.id })))
    })
    .await
}

/// The item, or no more than its names for whoever only brings it.
async fn answer(request: &HttpRequest, ctx: &Ctx, done: &Done, write_only: bool) -> Result<HttpResponse> {
    let id: EvidenceId = done.id()?;
    if done.status == 410 {
        return Err(ctx.db.read(move |conn| tombstone(conn, &id)).await?);
    }
    let address = format!("/api/v1/evidence/{id}");
    // The same may have come before, and been put aside meanwhile.
    let sees = !write_only && access::seen(ctx, id, Action::EvidenceRead).await.is_ok();
    let mut response = if sees {
        shown(ctx, done, !request_reads_chinese(request)).await?
    } else {
        let receipt = format!("{address}/receipt");
        HttpResponse::Created().json(json!({ "id": id, "kind": Kind::Photo, "receipt": receipt }))
    };
    response.headers_mut().insert(LOCATION, HeaderValue::try_from(address).map_err(Error::internal)?);
    Ok(response)
}

#[cfg(test)]
mod tests {
    use super::super::sniff::Format;
    use super::*;

    #[test]
    fn metadata_is_strict() {
        let read = |text: &str| strict::from_slice::<PhotoMetadata>(text.as_bytes());
        let least = read(r#"{"captured_at": "2026-05-01T12:00:00+08:00"}"#).unwrap();
        assert_eq!(least.captured_at, Timestamp::parse("2026-05-01T04:00:00Z").unwrap());
        let full = format!(
            r#"{{"filename": "现场.jpg", "kind": "photo", "sha256": "{}", "captured_at": "2026-05-01T04:00:00Z",
                "incident_id": "{}", "assignment_id": null, "person_id": "{}"}}"#,
            "ab".repeat(32),
            IncidentId::new(),
            PersonId::new()
        );
        assert_eq!(read(&full).unwrap().kind, Some(Kind::Photo));
        for wrong in ["{}", r#"{"captured_at": "yesterday"}"#, r#"{"captured_at": "2026-05-01T04:00:00Z", "x": 1}"#] {
            assert!(read(wrong).unwrap_err().is(Code::InvalidField), "{wrong}");
        }
        assert!(read("no json").unwrap_err().is(Code::MalformedJson));
    }

    #[test]
    fn a_photo_always_has_a_name() {
        let jpeg = Sniffed::Picture(Format::Jpeg);
        let name = |metadata: Option<&str>, part: Option<&str>| {
            named(metadata.map(str::to_owned), part.map(str::to_owned), jpeg)
        };
        assert_eq!(name(Some("a.png"), Some("b.jpg")).unwrap(), "a.png");
        assert_eq!(name(None, Some("C:\\Users\\x\\现场.jpg")).unwrap(), "现场.jpg");
        assert_eq!(name(None, Some("")).unwrap(), "photo.jpg");
        assert_eq!(name(None, None).unwrap(), "photo.jpg");
        assert_eq!(named(None, None, Sniffed::Picture(Format::Unknown)).unwrap(), "photo");
        // What the sender says is taken at its word or not at all.
        assert!(name(Some("../a.jpg"), None).is_err());
        assert!(name(None, Some("..")).is_err());
    }
}
