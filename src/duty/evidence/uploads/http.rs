//! The tus door. Thin: headers in, headers out; what is refused is a problem document with the protocol's status.
//!
//! Statuses of the protocol: 412 another version, 409 another offset, 415 another type, 413 too large, 460 a sum or a
//! hash that does not hold, 403 bytes for a file of parts, 404 unknown or somebody else's, 410 ended.

mod answer;

use std::time::Duration;

use actix_web::dev::Payload;
use actix_web::http::Method;
use actix_web::http::header::HeaderMap;
use actix_web::web::{self, ServiceConfig, delete, head, patch, post, resource};
use actix_web::{HttpRequest, HttpResponse};
use futures_util::StreamExt as _;
use serde_json::Value;
use utoipa::OpenApi;

use self::answer::{answer, describe, meta, spoken};
use super::State;
use super::service::{self, Ask, Begun, Creation, Feed};
use super::tus::{self, Checksum, Concat};
use super::who::{Asker, asker};
use crate::duty::evidence::store::uploads::UploadRow;
use crate::duty::officers::auth::core_of;
use crate::platform::ctx::Core;
use crate::platform::http::pace::Hurry;
use crate::words::error::{Code, Error, Result};
use crate::words::ids::UploadId;

/// A connection from which nothing comes for so long is given up; what came is kept.
const SILENT: Duration = Duration::from_secs(60);

/// What these addresses add to the OpenAPI document.
#[derive(OpenApi)]
#[openapi(paths(
    uploads_options,
    upload_create,
    upload_options,
    upload_head,
    upload_patch,
    upload_delete,
    upload_override
))]
pub struct Api;

/// The addresses of the protocol.
pub fn routes(config: &mut ServiceConfig) {
    config
        .service(
            resource("/uploads")
                .route(post().to(upload_create))
                .route(web::method(Method::OPTIONS).to(uploads_options)),
        )
        .service(
            resource("/uploads/{id}")
                .route(patch().to(upload_patch))
                .route(head().to(upload_head))
                .route(delete().to(upload_delete))
                .route(post().to(upload_override))
                .route(web::method(Method::OPTIONS).to(upload_options)),
        );
}

/// What the server speaks: `Tus-Version`, `Tus-Extension`, `Tus-Max-Size`, `Tus-Checksum-Algorithm`.
///
/// Permissions: anybody.
#[utoipa::path(options, path = "/api/v1/uploads", tag = "evidence", security(()), responses(
    (status = 204, description = "In headers")
))]
pub async fn uploads_options(core: web::Data<Core>) -> HttpResponse {
    options(&core)
}

/// The same at the address of an upload.
///
/// Permissions: anybody.
#[utoipa::path(options, path = "/api/v1/uploads/{id}", tag = "evidence", security(()),
    params(("id" = UploadId, Path)), responses((status = 204, description = "In headers")))]
pub async fn upload_options(request: HttpRequest, core: web::Data<Core>) -> HttpResponse {
    answer(&request, id(&request).map(|_| options(&core)))
}

fn options(core: &Core) -> HttpResponse {
    let mut response = HttpResponse::NoContent();
    response
        .insert_header(("Tus-Version", tus::VERSION))
        .insert_header(("Tus-Extension", tus::EXTENSIONS))
        .insert_header(("Tus-Checksum-Algorithm", tus::ALGORITHMS))
        .insert_header(("Tus-Max-Size", core.config.evidence.max_upload_bytes.to_string()));
    spoken(response.finish())
}

/// Begins an upload: `Upload-Length`, `Upload-Metadata`; `Upload-Concat` for a part or a file of parts. With
/// `Content-Type: application/offset+octet-stream` the body holds the first bytes, or all.
///
/// A file of parts answers with `Suixing-State: verifying`; a whole file with `Suixing-Evidence-Id`.
///
/// Permissions: everybody who may add evidence to the incident named; an enrolled device's signature alone when its
/// token has expired or nobody is signed in. Somebody else's captures (`author_id`) as his, 30 days.
#[utoipa::path(post, path = "/api/v1/uploads", tag = "evidence", responses(
    (status = 201, description = "`Location`, and `Upload-Offset` when bytes came along"),
    (status = 412, description = "`unsupported_version`"),
    (status = 413, description = "`payload_too_large`"),
    (status = 429, description = "`rate_limited`: too many uploads are open"),
    (status = 460, description = "`checksum_mismatch`: nothing of the body is kept"),
))]
pub async fn upload_create(request: HttpRequest, payload: web::Payload) -> HttpResponse {
    let outcome = match tus::meant_method(request.headers()).as_deref() {
        Some("OPTIONS") => meant_options(&request),
        _ => create(&request, payload.into_inner()).await,
    };
    answer(&request, outcome)
}

/// How far it is: `Upload-Offset`, `Upload-Length`, `Upload-Metadata`, `Upload-Expires`, `Suixing-State`. A writer of
/// before is stopped and what it has is counted.
///
/// Permissions: whoever began it, or the device it was begun on by its signature. Others: 404.
#[utoipa::path(head, path = "/api/v1/uploads/{id}", tag = "evidence", params(("id" = UploadId, Path)), responses(
    (status = 200, description = "In headers"),
    (status = 410, description = "Terminated, expired or refused"),
))]
pub async fn upload_head(request: HttpRequest) -> HttpResponse {
    answer(&request, look(&request).await)
}

/// Appends the body at `Upload-Offset`. The answer's `Upload-Offset` is what is synced; the one to the last byte brings
/// `Suixing-Evidence-Id` and `Suixing-Receipt`.
///
/// Permissions: whoever began it, or the device it was begun on by its signature. Others: 404.
#[utoipa::path(patch, path = "/api/v1/uploads/{id}", tag = "evidence", params(("id" = UploadId, Path)), responses(
    (status = 204, description = "Kept"),
    (status = 403, description = "`forbidden`: a file of parts takes no bytes"),
    (status = 409, description = "`conflict`: another offset is good, `Upload-Offset` says which"),
    (status = 410, description = "`gone`"),
    (status = 413, description = "`payload_too_large`: more than the upload has"),
    (status = 415, description = "`unsupported_media_type`"),
    (status = 460, description = "`checksum_mismatch`: the chunk is discarded; or the file is not the declared one"),
    (status = 503, description = "`storage_full`, `busy`, `stopping`; `Upload-Offset` says what is kept"),
))]
pub async fn upload_patch(request: HttpRequest, payload: web::Payload) -> HttpResponse {
    answer(&request, take_in(&request, payload.into_inner()).await)
}

/// Gives the upload up; its bytes are removed.
///
/// Permissions: whoever began it, or the device it was begun on by its signature. Others: 404.
#[utoipa::path(delete, path = "/api/v1/uploads/{id}", tag = "evidence", params(("id" = UploadId, Path)), responses(
    (status = 204, description = "Ended"),
    (status = 409, description = "`conflict`: it is evidence already"),
))]
pub async fn upload_delete(request: HttpRequest) -> HttpResponse {
    answer(&request, end(&request).await)
}

/// The method that `X-HTTP-Method-Override` names: PATCH, HEAD, DELETE or OPTIONS.
///
/// Permissions: those of that method.
#[utoipa::path(post, path = "/api/v1/uploads/{id}", tag = "evidence", params(("id" = UploadId, Path)), responses(
    (status = 204, description = "As the method that is meant"),
    (status = 405, description = "`method_not_allowed` without the header"),
))]
pub async fn upload_override(request: HttpRequest, payload: web::Payload) -> HttpResponse {
    let outcome = match tus::meant_method(request.headers()).as_deref() {
        Some("PATCH") => take_in(&request, payload.into_inner()).await,
        Some("HEAD") => look(&request).await,
        Some("DELETE") => end(&request).await,
        Some("OPTIONS") => id(&request).and_then(|_| meant_options(&request)),
        _ => nothing_meant(&request).await,
    };
    answer(&request, outcome)
}

fn meant_options(request: &HttpRequest) -> Result<HttpResponse> {
    Ok(options(core_of(request)?.as_ref()))
}

/// Who asks is looked at before what he asks.
async fn nothing_meant(request: &HttpRequest) -> Result<HttpResponse> {
    asker(request).await?;
    id(request)?;
    tus::check_version(request.headers())?;
    Err(Error::new(Code::MethodNotAllowed).detail("say in X-HTTP-Method-Override what is meant"))
}

async fn create(request: &HttpRequest, payload: Payload) -> Result<HttpResponse> {
    let asker = asker(request).await?;
    let headers = request.headers();
    tus::check_version(headers)?;
    let has_body = tus::has_body(headers);
    if has_body && !tus::is_chunk(headers) {
        return Err(wrong_type());
    }
    let asked = Creation {
        length: tus::bytes(headers, "upload-length")?,
        metadata: metadata(headers)?,
        concat: Concat::read(headers)?
            .map(|concat| (concat, tus::text(headers, "upload-concat").unwrap_or_default().to_owned())),
    };
    let joined = matches!(asked.concat, Some((Concat::Final(_), _)));
    if joined && has_body {
        return Err(Error::bad("a file of parts takes no bytes of its own"));
    }
    let checksum = Checksum::read(headers)?;
    let body = tus::bytes(headers, "content-length")?.filter(|_| has_body);
    if let (Some(body), Some(length)) = (body, asked.length)
        && body > length
    {
        return Err(Error::new(Code::PayloadTooLarge).detail(format!("the upload has {length} bytes")));
    }
    let (mut row, replayed) = service::create(&asker, asked, &meta(request)?).await?;
    // A repeated creation finds the upload; its bytes go on from the offset that is good now.
    let bytes_follow = has_body && !(replayed && row.synced > 0);
    if !joined && row.state == State::Receiving && (bytes_follow || row.is_full()) {
        let ask = Ask { offset: row.synced, body: body.or(Some(0)).filter(|_| !is_chunked(headers)), checksum };
        let _hurry = Hurry::of(request);
        row = append(&asker, row.id, ask, payload).await?;
    }
    let mut response = HttpResponse::Created();
    response.insert_header(("Location", tus::location(row.id)));
    if row.state != State::Verifying {
        response.insert_header(("Upload-Offset", row.synced.to_string()));
    }
    describe(&mut response, &row);
    Ok(response.finish())
}

async fn look(request: &HttpRequest) -> Result<HttpResponse> {
    let (asker, id) = (asker(request).await?, id(request)?);
    tus::check_version(request.headers())?;
    let row = service::offset(&asker, id).await?;
    let mut response = HttpResponse::Ok();
    response.insert_header(("Upload-Length", row.length.to_string()));
    if row.state != State::Verifying {
        response.insert_header(("Upload-Offset", row.synced.to_string()));
    }
    if !row.metadata.is_empty() {
        response.insert_header(("Upload-Metadata", row.metadata.as_str()));
    }
    if !row.concat.is_empty() {
        response.insert_header(("Upload-Concat", row.concat.as_str()));
    }
    describe(&mut response, &row);
    Ok(response.finish())
}

async fn take_in(request: &HttpRequest, payload: Payload) -> Result<HttpResponse> {
    let (asker, id) = (asker(request).await?, id(request)?);
    let headers = request.headers();
    tus::check_version(headers)?;
    if !tus::is_chunk(headers) {
        return Err(wrong_type());
    }
    let offset = tus::bytes(headers, "upload-offset")?.ok_or_else(|| Error::bad("Upload-Offset is missing"))?;
    let body = tus::bytes(headers, "content-length")?.filter(|_| !is_chunked(headers));
    let ask = Ask { offset, body, checksum: Checksum::read(headers)? };
    let _hurry = Hurry::of(request);
    let row = append(&asker, id, ask, payload).await?;
    let mut response = HttpResponse::NoContent();
    response.insert_header(("Upload-Offset", row.synced.to_string()));
    describe(&mut response, &row);
    Ok(response.finish())
}

async fn end(request: &HttpRequest) -> Result<HttpResponse> {
    let (asker, id) = (asker(request).await?, id(request)?);
    tus::check_version(request.headers())?;
    service::terminate(&asker, id).await?;
    Ok(HttpResponse::NoContent().finish())
}

/// Puts a body into an upload and waits for what becomes of it.
async fn append(asker: &Asker, id: UploadId, ask: Ask, payload: Payload) -> Result<UploadRow> {
    match service::append(asker, id, ask).await? {
        Begun::There(row) => Ok(*row),
        Begun::Open(feed, outcome) => {
            let broke = pump(payload, feed).await;
            let kept = outcome.await.map_err(|_gone| Error::new(Code::Stopping))?;
            match (broke, kept) {
                // The same in more exact words.
                (Some(words), Err(error)) if error.is(Code::BadRequest) => {
                    let offset = error.members().get("offset").cloned().unwrap_or(Value::Null);
                    Err(Error::bad(words).with("offset", offset))
                }
                (_, kept) => kept,
            }
        }
    }
}

/// Carries the body over until it ends; says why when it broke off.
async fn pump(mut payload: Payload, mut feed: Feed) -> Option<String> {
    loop {
        match tokio::time::timeout(SILENT, payload.next()).await {
            Ok(Some(Ok(bytes))) => {
                if !feed.put(&bytes).await {
                    return None;
                }
            }
            Ok(None) => {
                feed.end().await;
                return None;
            }
            Ok(Some(Err(error))) => {
                feed.broke().await;
                return Some(format!("the body broke off: {error}"));
            }
            Err(_silent) => {
                feed.broke().await;
                return Some(format!("nothing came for {} s", SILENT.as_secs()));
            }
        }
    }
}

fn wrong_type() -> Error {
    Error::new(Code::UnsupportedMediaType).detail("send Content-Type: application/offset+octet-stream")
}

fn is_chunked(headers: &HeaderMap) -> bool {
    headers.contains_key("transfer-encoding")
}

fn id(request: &HttpRequest) -> Result<UploadId> {
    request.match_info().get("id").unwrap_or_default().parse()
}

/// Errors: `bad_request` when it is not ASCII: values are base64.
fn metadata(headers: &HeaderMap) -> Result<String> {
    if !headers.contains_key("upload-metadata") {
        return Ok(String::new());
    }
    let text = tus::text(headers, "upload-metadata").ok_or_else(|| Error::bad("Upload-Metadata is not ASCII"))?;
    Ok(text.to_owned())
}
