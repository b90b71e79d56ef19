//! What is said about items: clip marks, incidents they belong to.

use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse};
use serde::Deserialize;

use super::super::service::view::EvidenceView;
use super::super::service::{self, NewMark};
use super::super::store::{self, MarkRow};
use super::shown;
use crate::platform::ctx::Ctx;
use crate::platform::http::problem::request_reads_chinese;
use crate::platform::http::{Body, PathId};
use crate::words::error::{Error, Result};
use crate::words::ids::{EvidenceId, IncidentId, MarkId};

/// To which incident.
#[derive(Clone, Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewLink {
    pub incident_id: IncidentId,
}

/// Marks a stretch of a recording: from, to, what it shows.
///
/// Permissions: whoever may see the item.
#[utoipa::path(post, path = "/api/v1/evidence/{id}/marks", tag = "evidence", params(("id" = EvidenceId, Path)),
    request_body = NewMark, responses((status = 201, body = MarkRow), (status = 404), (status = 422)))]
pub async fn mark(ctx: Ctx, PathId(id): PathId<EvidenceId>, body: Body<NewMark>) -> Result<HttpResponse> {
    let done = service::mark(&ctx, &body.meta, id, body.value).await?;
    let mark: MarkId = done.id()?;
    let row = ctx.db.read(move |conn| store::mark_fetch(conn, &mark)).await?;
    let status = StatusCode::from_u16(done.status).map_err(Error::internal)?;
    Ok(HttpResponse::build(status).json(row))
}

/// Says that the item belongs to this incident too.
///
/// Permissions: who made it and the rooms and custodians above it, each for an incident he has to do with.
#[utoipa::path(post, path = "/api/v1/evidence/{id}/links", tag = "evidence", params(("id" = EvidenceId, Path)),
    request_body = NewLink, responses((status = 200, body = EvidenceView), (status = 403), (status = 404)))]
pub async fn link(
    ctx: Ctx,
    PathId(id): PathId<EvidenceId>,
    body: Body<NewLink>,
    request: HttpRequest,
) -> Result<HttpResponse> {
    let done = service::link(&ctx, &body.meta, id, body.incident_id).await?;
    shown(&ctx, &done, !request_reads_chinese(&request)).await
}
