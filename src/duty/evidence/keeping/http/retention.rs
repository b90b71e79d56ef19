//! Classes and terms.

use actix_web::http::header::CACHE_CONTROL;
use actix_web::{HttpRequest, HttpResponse};
use serde::Serialize;

use super::super::Terms;
use super::super::retention::{self, NewRetention};
use super::super::terms::TermView;
use crate::duty::evidence::http::shown;
use crate::duty::evidence::service::view::EvidenceView;
use crate::platform::ctx::Ctx;
use crate::platform::http::problem::request_reads_chinese;
use crate::platform::http::{Body, PathId};
use crate::words::error::Result;
use crate::words::ids::EvidenceId;

/// The classes there are.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct TermList {
    pub items: Vec<TermView>,
    /// Always null.
    pub next_cursor: Option<String>,
}

/// How long each class is kept, and by which law.
///
/// Permissions: everybody with a session.
#[utoipa::path(get, path = "/api/v1/retention/terms", tag = "keeping", responses((status = 200, body = TermList)))]
pub async fn terms(ctx: Ctx) -> Result<HttpResponse> {
    let items = ctx.part::<Terms>()?.all().to_vec();
    Ok(HttpResponse::Ok().insert_header((CACHE_CONTROL, "no-store")).json(TermList { items, next_cursor: None }))
}

/// Puts an item into another class. From a permanent one it never goes back to one that ends.
///
/// Permissions: custodians above it. The change is an entry in its custody.
#[utoipa::path(put, path = "/api/v1/evidence/{id}/retention", tag = "keeping", params(("id" = EvidenceId, Path)),
    request_body = NewRetention, responses((status = 200, body = EvidenceView), (status = 403), (status = 404),
        (status = 409, description = "`retention_running`: the law wants it kept longer"),
        (status = 410, description = "`erased`")))]
pub async fn change(
    ctx: Ctx,
    PathId(id): PathId<EvidenceId>,
    body: Body<NewRetention>,
    request: HttpRequest,
) -> Result<HttpResponse> {
    let done = retention::change(&ctx, &body.meta, id, body.value).await?;
    shown(&ctx, &done, !request_reads_chinese(&request)).await
}
