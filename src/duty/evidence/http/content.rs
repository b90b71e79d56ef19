//! Bytes: originals with `Range`, previews, and the archive of an item with its proofs.
//!
//! Originals are read in bounded pieces, each when the client has taken the one before. What leaves has
//! the type its bytes have, never one that a browser runs, and is to be saved, not shown by itself.

use std::io;

use actix_web::body::SizedStream;
use actix_web::http::StatusCode;
use actix_web::http::header::{
    ACCEPT_RANGES, CACHE_CONTROL, CONTENT_DISPOSITION, CONTENT_RANGE, CONTENT_SECURITY_POLICY, CONTENT_TYPE, ETAG,
    HeaderName, HeaderValue, IF_RANGE, RANGE, X_CONTENT_TYPE_OPTIONS,
};
use actix_web::web::Bytes;
use actix_web::{HttpRequest, HttpResponse, HttpResponseBuilder};
use futures_util::{StreamExt as _, stream};
use serde::Deserialize;
use serde_json::json;

use super::super::Place;
use super::super::access::{self, Look};
use super::super::custody::bundle as archive;
use super::super::rules::PURPOSE_MAX;
use super::super::store::EvidenceRow;
use super::headers::{Wanted, disposition, is_same, range};
use super::items::{LookQuery, PurposeQuery};
use crate::platform::blobs::{Blobs, Original};
use crate::platform::ctx::Ctx;
use crate::platform::http::{Params, PathId, body, problem};
use crate::platform::policy::Action;
use crate::words::error::{Code, Error, Result};
use crate::words::ids::{EvidenceId, InquiryId};

/// The previews there are.
const PREVIEW_PX: [u32; 2] = [320, 1600];
/// Should a browser show it all the same, then without scripts and without anything from elsewhere.
const CONTENT_POLICY: &str = "default-src 'none'; sandbox";

/// Which preview, and why.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct PreviewQuery {
    /// 320 or 1600, the longest side at most; 320 unless told.
    pub px: Option<u32>,
    /// Why; kept in the item's custody.
    #[param(max_length = 200)]
    pub purpose: Option<String>,
    /// An open inquiry of one's own that covers the item; then no other right counts, and the look is told when it ends.
    pub inquiry: Option<InquiryId>,
}

/// The original, whole or one part of it (`Range`, `If-Range` with the ETag).
///
/// Permissions: who made it or wore the camera, rooms, supervisors and custodians above it, investigators of an inquiry
/// that covers it and is named. A reading of somebody else's leaves an entry in its custody, with the range and the
/// purpose; under an inquiry, when that has ended.
#[utoipa::path(get, path = "/api/v1/evidence/{id}/content", tag = "evidence",
    params(("id" = EvidenceId, Path), LookQuery),
    responses((status = 200, description = "The file"), (status = 206, description = "The part asked for"),
        (status = 403), (status = 404), (status = 410, description = "`erased`"),
        (status = 416, description = "`range_not_satisfiable`: it is shorter"),
        (status = 503, description = "`busy`: the evidence store cannot be reached")))]
pub async fn content(
    ctx: Ctx,
    PathId(id): PathId<EvidenceId>,
    Params(query): Params<LookQuery>,
    request: HttpRequest,
) -> Result<HttpResponse> {
    body::text_opt("purpose", query.purpose.as_deref(), PURPOSE_MAX)?;
    let (row, sight) = access::seen_whole(&ctx, id, Action::EvidenceContent, query.inquiry).await?;
    let file = original(&ctx, &row).await?;
    let size = u64::try_from(row.size).map_err(Error::internal)?;
    let etag = format!("\"{}\"", row.sha256);
    let header = |name: HeaderName| request.headers().get(name).and_then(|value| value.to_str().ok());
    let asked = if is_same(header(IF_RANGE), &etag) { range(header(RANGE), size) } else { Wanted::Whole };
    let (first, end, part) = match asked {
        Wanted::Whole => (0, size, false),
        Wanted::Part { first, last } => (first, last.saturating_add(1), true),
        Wanted::Beyond => return beyond(&request, size),
    };
    if !sight.own {
        let detail = json!({ "from": first, "to": end, "size": size });
        let under = sight.under.as_ref();
        access::record_under(&ctx, under, Some(id), Look::Content, query.purpose, detail).await?;
    }
    let mut answer = HttpResponse::build(if part { StatusCode::PARTIAL_CONTENT } else { StatusCode::OK });
    guarded(&mut answer, &row.media_type);
    answer
        .insert_header((ACCEPT_RANGES, "bytes"))
        .insert_header((ETAG, etag))
        .insert_header((CONTENT_DISPOSITION, disposition(&row.filename)));
    if part {
        answer.insert_header((CONTENT_RANGE, format!("bytes {first}-{}/{size}", end.saturating_sub(1))));
    }
    Ok(answer.body(SizedStream::new(end.saturating_sub(first), file.pieces(first, end))))
}

/// A preview: upright, small, without what the camera wrote into it.
///
/// Permissions: whoever may see the item. A look at somebody else's leaves an entry in its custody; under an inquiry, when
/// that has ended.
#[utoipa::path(get, path = "/api/v1/evidence/{id}/preview", tag = "evidence",
    params(("id" = EvidenceId, Path), PreviewQuery),
    responses((status = 200, description = "JPEG"), (status = 404, description = "no such item, or no preview of it"),
        (status = 503, description = "`busy`: the evidence store cannot be reached")))]
pub async fn preview(
    ctx: Ctx,
    PathId(id): PathId<EvidenceId>,
    Params(query): Params<PreviewQuery>,
) -> Result<HttpResponse> {
    body::text_opt("purpose", query.purpose.as_deref(), PURPOSE_MAX)?;
    let px = query.px.unwrap_or(320);
    if !PREVIEW_PX.contains(&px) {
        return Err(Error::field("px", "must be 320 or 1600"));
    }
    let (row, sight) = access::seen_whole(&ctx, id, Action::EvidenceRead, query.inquiry).await?;
    let bytes = ctx.part::<Blobs>()?.preview(id, px).await.map_err(|error| {
        if error.is(Code::NotFound) { error.with("previewed", json!(row.previewed)) } else { error }
    })?;
    if !sight.own {
        let under = sight.under.as_ref();
        access::record_under(&ctx, under, Some(id), Look::Preview, query.purpose, json!({ "px": px })).await?;
    }
    let mut answer = HttpResponse::Ok();
    guarded(&mut answer, "image/jpeg");
    Ok(answer.body(bytes))
}

/// The item with everything that proves it, in one archive (tar) for `suixing verify` and any other tool.
///
/// Permissions: as for the original, but an inquiry only reads. Every export is an entry in the item's custody, with its
/// purpose.
#[utoipa::path(get, path = "/api/v1/evidence/{id}/bundle", tag = "evidence",
    params(("id" = EvidenceId, Path), PurposeQuery),
    responses((status = 200, description = "application/x-tar"), (status = 403), (status = 404),
        (status = 503, description = "`busy`: the log is behind, or the evidence store cannot be reached")))]
pub async fn bundle(
    ctx: Ctx,
    PathId(id): PathId<EvidenceId>,
    Params(query): Params<PurposeQuery>,
) -> Result<HttpResponse> {
    body::text_opt("purpose", query.purpose.as_deref(), PURPOSE_MAX)?;
    let (row, _) = access::seen(&ctx, id, Action::EvidenceContent).await?;
    // Of what was lawfully deleted the proofs are left.
    let file = if row.gone_at.is_none() { Some(original(&ctx, &row).await?) } else { None };
    let asked = archive::Asked {
        evidence: id,
        actor: Some(ctx.actor.person),
        device: Some(ctx.actor.device),
        purpose: query.purpose,
        original: file.is_some(),
    };
    let packed = archive::export(&ctx.core, asked).await?;
    let (size, within) = (packed.size(), packed.original.unwrap_or(0));
    let before = stream::iter([Ok::<_, io::Error>(Bytes::from(packed.before))]);
    let middle = stream::iter(file).flat_map(move |file| file.pieces(0, within));
    let after = stream::iter([Ok::<_, io::Error>(Bytes::from(packed.after))]);
    let mut answer = HttpResponse::Ok();
    guarded(&mut answer, "application/x-tar");
    answer.insert_header((CONTENT_DISPOSITION, disposition(&archive::filename(&id))));
    Ok(answer.body(SizedStream::new(size, before.chain(middle).chain(after))))
}

/// Headers of everything that leaves as bytes.
pub fn guarded(answer: &mut HttpResponseBuilder, media_type: &str) {
    let kind = HeaderValue::from_str(media_type).unwrap_or(HeaderValue::from_static("application/octet-stream"));
    answer
        .insert_header((CONTENT_TYPE, kind))
        .insert_header((X_CONTENT_TYPE_OPTIONS, "nosniff"))
        .insert_header((CONTENT_SECURITY_POLICY, CONTENT_POLICY))
        // Every look leaves a trace; one at a copy in a cache would not.
        .insert_header((CACHE_CONTROL, "private, no-store"));
}

/// Opens the original of an item. Errors: `not_found` when it was deleted, `conflict` while it lies elsewhere, `busy`
/// when the bucket it lies in is away.
pub async fn original(ctx: &Ctx, row: &EvidenceRow) -> Result<Original> {
    if row.place != Place::Stored {
        let detail = format!("the original is {}, not here", row.place);
        return Err(Error::conflict(detail).with("place", json!(row.place)));
    }
    let gone = row.gone_at.is_some();
    match ctx.part::<Blobs>()?.find(&row.sha256).await {
        Ok(_) if gone => Err(Error::not_found("content")),
        Ok(original) if i64::try_from(original.len()) != Ok(row.size) => {
            Err(Error::internal(format!("the original of {} has {} bytes", row.id, original.len())))
        }
        // Stored and not there: somebody else than we removed it.
        Err(error) if error.is(Code::NotFound) && !gone => {
            Err(Error::internal(format!("the original of {} is missing", row.id)))
        }
        other => other,
    }
}

fn beyond(request: &HttpRequest, size: u64) -> Result<HttpResponse> {
    let error = Error::new(Code::RangeNotSatisfiable).detail(format!("the file has {size} bytes"));
    let mut answer = problem::respond(&error, problem::request_reads_chinese(request));
    let length = HeaderValue::from_str(&format!("bytes */{size}")).map_err(Error::internal)?;
    answer.headers_mut().insert(CONTENT_RANGE, length);
    Ok(answer)
}
