//! What keeps items, and what keeps them back: holds and quarantine.

use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse};
use serde::Deserialize;

use super::super::service;
use super::super::service::view::EvidenceView;
use super::super::store::{self, HoldRow};
use super::shown;
use crate::platform::ctx::Ctx;
use crate::platform::http::body::Empty;
use crate::platform::http::problem::request_reads_chinese;
use crate::platform::http::{Body, Done, PathId};
use crate::words::error::{Error, Result};
use crate::words::ids::{EvidenceId, HoldId, IncidentId};

/// Why it must be kept.
#[derive(Clone, Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewHold {
    /// 1 to 500 characters.
    pub reason: String,
}

async fn hold_shown(ctx: &Ctx, done: &Done) -> Result<HttpResponse> {
    let id: HoldId = done.id()?;
    let row = ctx.db.read(move |conn| store::hold_fetch(conn, &id)).await?;
    let status = StatusCode::from_u16(done.status).map_err(Error::internal)?;
    Ok(HttpResponse::build(status).json(row))
}

/// Holds an item: no term and no rule lets it go while the hold stands.
///
/// Permissions: custodians, supervisors and administrators above it.
#[utoipa::path(post, path = "/api/v1/evidence/{id}/holds", tag = "evidence", params(("id" = EvidenceId, Path)),
    request_body = NewHold, responses((status = 201, body = HoldRow), (status = 403), (status = 404)))]
pub async fn hold_item(ctx: Ctx, PathId(id): PathId<EvidenceId>, body: Body<NewHold>) -> Result<HttpResponse> {
    let done = service::hold_item(&ctx, &body.meta, id, body.value.reason).await?;
    hold_shown(&ctx, &done).await
}

/// Holds an incident with everything about it, also what arrives later.
///
/// Permissions: custodians, supervisors and administrators of its units.
#[utoipa::path(post, path = "/api/v1/incidents/{id}/holds", tag = "evidence", params(("id" = IncidentId, Path)),
    request_body = NewHold, responses((status = 201, body = HoldRow), (status = 403), (status = 404)))]
pub async fn hold_incident(ctx: Ctx, PathId(id): PathId<IncidentId>, body: Body<NewHold>) -> Result<HttpResponse> {
    let done = service::hold_incident(&ctx, &body.meta, id, body.value.reason).await?;
    hold_shown(&ctx, &done).await
}

/// Lifts a hold.
///
/// Permissions: custodians.
#[utoipa::path(delete, path = "/api/v1/holds/{id}", tag = "evidence", params(("id" = HoldId, Path)),
    responses((status = 200, body = HoldRow), (status = 403), (status = 404)))]
pub async fn lift(ctx: Ctx, PathId(id): PathId<HoldId>, body: Body<Empty>) -> Result<HttpResponse> {
    let done = service::hold_lift(&ctx, &body.meta, id).await?;
    hold_shown(&ctx, &done).await
}

/// Lets an item out of quarantine, where it came from a device or a session that had been revoked.
///
/// Permissions: custodians; for everybody else the item is not there.
#[utoipa::path(post, path = "/api/v1/evidence/{id}/release", tag = "evidence", params(("id" = EvidenceId, Path)),
    responses((status = 200, body = EvidenceView), (status = 403), (status = 404), (status = 409)))]
pub async fn release(
    ctx: Ctx,
    PathId(id): PathId<EvidenceId>,
    body: Body<Empty>,
    request: HttpRequest,
) -> Result<HttpResponse> {
    let done = service::release(&ctx, &body.meta, id).await?;
    shown(&ctx, &done, !request_reads_chinese(&request)).await
}
