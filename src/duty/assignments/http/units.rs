//! The unit's acts on an incident, the feedback proposal.

use actix_web::HttpResponse;
use serde::Deserialize;

use super::super::{proposal, unit};
use crate::duty::incidents::access;
use crate::duty::incidents::http::shown;
use crate::duty::incidents::store as incidents;
use crate::platform::ctx::Ctx;
use crate::platform::db::{Priority, Tx};
use crate::platform::http::{Body, PathId, body, idem};
use crate::platform::policy::Action;
use crate::words::error::Result;
use crate::words::ids::{IncidentId, UnitId};

/// Signing for a call.
#[derive(Clone, Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Sign {
    /// A unit below that is asked and does not answer; without it one signs for one's own.
    pub unit_id: Option<UnitId>,
}

/// Giving a call back; the reason is needed.
#[derive(Clone, Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct GiveBack {
    pub reason: String,
    /// As in signing.
    pub unit_id: Option<UnitId>,
}

/// Handing a call to another unit.
#[derive(Clone, Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Transfer {
    pub unit_id: UnitId,
    pub reason: Option<String>,
}

/// A named person of the unit signs for the call (签收).
///
/// A room above signs for a unit that does not answer by naming it; otherwise it is told which unit is asked (409).
///
/// Permissions: a seat of the unit or above.
#[utoipa::path(post, path = "/api/v1/incidents/{id}/sign", tag = "incidents", params(("id" = IncidentId, Path)), request_body = Sign,
    responses((status = 200, body = Object), (status = 409), (status = 412)))]
pub async fn sign(ctx: Ctx, PathId(id): PathId<IncidentId>, body: Body<Sign>) -> Result<HttpResponse> {
    let (inner, meta, unit) = (ctx.clone(), body.meta.clone(), body.value.unit_id);
    let done =
        idem::run(&ctx, &body.meta, Priority::Urgent, move |tx| unit::sign(tx, &inner, &id, &meta, unit)).await?;
    shown(&ctx, &done).await
}

/// The unit gives the call back (退回).
///
/// Permissions: a seat of the unit or above.
#[utoipa::path(post, path = "/api/v1/incidents/{id}/return", tag = "incidents", params(("id" = IncidentId, Path)), request_body = GiveBack,
    responses((status = 200, body = Object), (status = 409), (status = 412)))]
pub async fn give_back(ctx: Ctx, PathId(id): PathId<IncidentId>, body: Body<GiveBack>) -> Result<HttpResponse> {
    body::text("reason", &body.reason, 1, 500)?;
    let (inner, meta) = (ctx.clone(), body.meta.clone());
    let GiveBack { reason, unit_id } = body.value;
    let returned = move |tx: &mut Tx<'_>| unit::give_back(tx, &inner, &id, &meta, unit_id, &reason);
    let done = idem::run(&ctx, &body.meta, Priority::Normal, returned).await?;
    shown(&ctx, &done).await
}

/// Hands the call to another unit (移交); the sender stays responsible until it is signed for.
///
/// Permissions: the room in command.
#[utoipa::path(post, path = "/api/v1/incidents/{id}/transfer", tag = "incidents", params(("id" = IncidentId, Path)), request_body = Transfer,
    responses((status = 200, body = Object), (status = 404), (status = 409), (status = 412)))]
pub async fn transfer(ctx: Ctx, PathId(id): PathId<IncidentId>, body: Body<Transfer>) -> Result<HttpResponse> {
    body::text_opt("reason", body.reason.as_deref(), 500)?;
    let (inner, meta) = (ctx.clone(), body.meta.clone());
    let (to, reason) = (body.value.unit_id, body.value.reason.unwrap_or_default());
    let done =
        idem::run(&ctx, &body.meta, Priority::Normal, move |tx| unit::transfer(tx, &inner, &id, &meta, &to, &reason))
            .await?;
    shown(&ctx, &done).await
}

/// A final feedback filled in from the ladder, to be corrected and sent.
///
/// Permissions: who may see the incident.
#[utoipa::path(get, path = "/api/v1/incidents/{id}/feedback-proposal", tag = "feedback", params(("id" = IncidentId, Path)),
    responses((status = 200, body = Object)))]
pub async fn propose(ctx: Ctx, PathId(id): PathId<IncidentId>) -> Result<HttpResponse> {
    let actor = std::sync::Arc::clone(&ctx.actor);
    let value = ctx
        .db
        .read(move |conn| {
            let incident = incidents::incident_fetch(conn, &id)?;
            access::sight(conn, &actor, &incident)?.check(&actor, Action::IncidentRead)?;
            proposal::proposal(conn, &incident)
        })
        .await?;
    Ok(HttpResponse::Ok().json(value))
}
