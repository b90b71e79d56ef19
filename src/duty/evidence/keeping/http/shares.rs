//! Copies for somebody outside.

use std::io;
use std::sync::Arc;

use actix_web::HttpResponse;
use actix_web::body::SizedStream;
use actix_web::http::StatusCode;
use actix_web::http::header::{CACHE_CONTROL, CONTENT_DISPOSITION};
use actix_web::web::Bytes;
use futures_util::{StreamExt as _, stream};
use serde::Serialize;

use super::super::share::hand_out::{self, Copy};
use super::super::share::{self, NewShare, ShareView, package};
use crate::duty::evidence::access;
use crate::duty::evidence::http::content::guarded;
use crate::duty::evidence::http::headers::disposition;
use crate::duty::evidence::store::shares as store;
use crate::platform::ctx::Ctx;
use crate::platform::http::body::Empty;
use crate::platform::http::{Body, Done, PathId};
use crate::platform::policy::Action;
use crate::words::error::{Error, Result};
use crate::words::ids::{EvidenceId, ShareId};

/// Copies of an item, named for the description.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct ShareList {
    /// The oldest first.
    pub items: Vec<ShareView>,
    /// Always null.
    pub next_cursor: Option<String>,
}

async fn shown(ctx: &Ctx, done: &Done) -> Result<HttpResponse> {
    let (id, now): (ShareId, _) = (done.id()?, ctx.clock.now());
    let row = ctx.db.read(move |conn| store::share_fetch(conn, &id)).await?;
    let status = StatusCode::from_u16(done.status).map_err(Error::internal)?;
    Ok(HttpResponse::build(status).json(share::view(row, now)))
}

/// Asks for a copy for somebody outside: to whom, to what end, until when. Another person has to agree.
///
/// A picture leaves as a JPEG with the receiver's name over all of it (`form` `watermarked`). Films, sound, documents and
/// pictures that cannot be decoded are not marked in their pixels or pages: they leave as an archive with a signed
/// statement that names receiver, purpose, end and hash (`package`).
///
/// Permissions: whoever may read the original.
#[utoipa::path(post, path = "/api/v1/evidence/{id}/shares", tag = "keeping", params(("id" = EvidenceId, Path)),
    request_body = NewShare, responses((status = 201, body = ShareView), (status = 403), (status = 404),
        (status = 409, description = "`watermark_impossible`: no font has the letters of the name"),
        (status = 410, description = "`erased`")))]
pub async fn ask(ctx: Ctx, PathId(id): PathId<EvidenceId>, body: Body<NewShare>) -> Result<HttpResponse> {
    let done = share::ask(&ctx, &body.meta, id, body.value).await?;
    shown(&ctx, &done).await
}

/// The copies of an item that were asked for.
///
/// Permissions: whoever may read the original.
#[utoipa::path(get, path = "/api/v1/evidence/{id}/shares", tag = "keeping", params(("id" = EvidenceId, Path)),
    responses((status = 200, body = ShareList), (status = 403), (status = 404)))]
pub async fn list(ctx: Ctx, PathId(id): PathId<EvidenceId>) -> Result<HttpResponse> {
    access::seen(&ctx, id, Action::EvidenceContent).await?;
    let now = ctx.clock.now();
    let rows = ctx.db.read(move |conn| store::shares_of(conn, &id)).await?;
    let items = rows.into_iter().map(|row| share::view(row, now)).collect();
    Ok(HttpResponse::Ok().insert_header((CACHE_CONTROL, "no-store")).json(ShareList { items, next_cursor: None }))
}

/// One copy: how far it is, and how often it was handed out.
///
/// Permissions: whoever may read the original.
#[utoipa::path(get, path = "/api/v1/shares/{id}", tag = "keeping", params(("id" = ShareId, Path)),
    responses((status = 200, body = ShareView), (status = 403), (status = 404)))]
pub async fn fetch(ctx: Ctx, PathId(id): PathId<ShareId>) -> Result<HttpResponse> {
    let (actor, now) = (Arc::clone(&ctx.actor), ctx.clock.now());
    let row = ctx.db.read(move |conn| share::fetch(conn, &actor, &id)).await?;
    Ok(HttpResponse::Ok().insert_header((CACHE_CONTROL, "no-store")).json(share::view(row, now)))
}

/// Agrees to a copy.
///
/// Permissions: custodians, supervisors and administrators above the item; not whoever asked.
#[utoipa::path(post, path = "/api/v1/shares/{id}/approve", tag = "keeping", params(("id" = ShareId, Path)),
    responses((status = 200, body = ShareView), (status = 403, description = "`other_person_required`"),
        (status = 404), (status = 409), (status = 410, description = "`gone`: taken back or over; `erased`")))]
pub async fn approve(ctx: Ctx, PathId(id): PathId<ShareId>, body: Body<Empty>) -> Result<HttpResponse> {
    let done = share::approve(&ctx, &body.meta, id).await?;
    shown(&ctx, &done).await
}

/// Refuses a copy, or takes it back: from now on nobody gets it any more.
///
/// Permissions: whoever asked, whoever agreed, and whoever may agree.
#[utoipa::path(post, path = "/api/v1/shares/{id}/revoke", tag = "keeping", params(("id" = ShareId, Path)),
    responses((status = 200, body = ShareView), (status = 403), (status = 404)))]
pub async fn revoke(ctx: Ctx, PathId(id): PathId<ShareId>, body: Body<Empty>) -> Result<HttpResponse> {
    let done = share::revoke(&ctx, &body.meta, id).await?;
    shown(&ctx, &done).await
}

/// The copy itself, to be handed to its receiver: a JPEG (`watermarked`) or an archive (`package`). Each time is an entry
/// in the item's custody, with who, for whom and to what end.
///
/// Permissions: whoever asked, whoever agreed, and whoever may agree.
#[utoipa::path(get, path = "/api/v1/shares/{id}/content", tag = "keeping", params(("id" = ShareId, Path)),
    responses((status = 200, description = "image/jpeg or application/x-tar"), (status = 403), (status = 404),
        (status = 409, description = "`conflict`: nobody has approved it; `watermark_impossible`"),
        (status = 410, description = "`gone`: taken back or over; `erased`")))]
pub async fn content(ctx: Ctx, PathId(id): PathId<ShareId>) -> Result<HttpResponse> {
    let (row, item, copy) = hand_out::hand_out(&ctx, id).await?;
    let mut answer = HttpResponse::Ok();
    match copy {
        Copy::Picture(jpeg) => {
            guarded(&mut answer, "image/jpeg");
            answer.insert_header((CONTENT_DISPOSITION, disposition(&format!("suixing-share-{}.jpg", row.id))));
            Ok(answer.body(jpeg))
        }
        Copy::Package(bundle, file) => {
            guarded(&mut answer, "application/x-tar");
            answer.insert_header((CONTENT_DISPOSITION, disposition(&package::filename(&row))));
            let (size, within) = (bundle.size(), u64::try_from(item.size).map_err(Error::internal)?);
            let before = stream::iter([Ok::<_, io::Error>(Bytes::from(bundle.before))]);
            let after = stream::iter([Ok::<_, io::Error>(Bytes::from(bundle.after))]);
            Ok(answer.body(SizedStream::new(size, before.chain(file.pieces(0, within)).chain(after))))
        }
    }
}
