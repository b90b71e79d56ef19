//! Endpoints of the ledger: what a unit's visit must leave behind, and what of it is still missing.

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use actix_web::http::header::CACHE_CONTROL;
use actix_web::web::{ServiceConfig, get, post, resource};
use serde::{Deserialize, Serialize};
use utoipa::OpenApi;

use super::view::{GapView, LedgerView};
use super::{ledger as book, service};
use crate::duty::evidence::store::scene::{self as gaps, GapFilter};
use crate::platform::ctx::Ctx;
use crate::platform::http::page::{self, Items};
use crate::platform::http::{Body, Params, PathId};
use crate::words::error::{Error, Result};
use crate::words::ids::{AssignmentId, IncidentId, SceneGapId, UnitId};

/// path → handler, below `/api/v1`.
pub fn routes(config: &mut ServiceConfig) {
    config
        .service(resource("/assignments/{id}/scene-ledger").route(get().to(ledger)))
        .service(resource("/scene-gaps").route(get().to(list)))
        .service(resource("/scene-gaps/{id}/close").route(post().to(close)));
}

/// The part of the interface description that is ours.
#[derive(OpenApi)]
#[openapi(paths(ledger, list, close))]
pub struct Api;

/// Narrows the list.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct GapQuery {
    /// This unit and everything below; one's own unless told.
    pub unit_id: Option<UnitId>,
    pub incident_id: Option<IncidentId>,
    /// False: closed ones too; open ones unless told.
    pub open: Option<bool>,
    #[param(minimum = 1, maximum = 500)]
    pub limit: Option<i64>,
    pub cursor: Option<String>,
}

/// A page of gaps, named for the description.
#[derive(Serialize, utoipa::ToSchema)]
pub struct GapList {
    /// Whatever is due first comes first.
    pub items: Vec<GapView>,
    pub next_cursor: Option<String>,
}

/// Why it cannot be supplied.
#[derive(Clone, Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct GapReason {
    /// 1 to 500 characters.
    pub reason: String,
}

/// What must exist before this unit leaves, by the category of its call: each requirement with what there is.
///
/// The officer looks at it before he clears. Clearing is never refused for it; its answer says the same under `gaps`.
///
/// Permissions: its people, who may see the incident.
#[utoipa::path(get, path = "/api/v1/assignments/{id}/scene-ledger", tag = "evidence",
    params(("id" = AssignmentId, Path)), responses((status = 200, body = LedgerView), (status = 404)))]
pub async fn ledger(ctx: Ctx, PathId(id): PathId<AssignmentId>) -> Result<HttpResponse> {
    let (inner, now) = (ctx.clone(), ctx.clock.now());
    let view = ctx.db.read(move |conn| book::ledger_for(conn, &inner.config.evidence, &inner.actor, &id, now)).await?;
    Ok(HttpResponse::Ok().insert_header((CACHE_CONTROL, "no-store")).json(view))
}

/// What was missing when units left, whatever is due first at the top; the countdown of the room.
///
/// Permissions: dispatcher, supervisor, administrator of the unit or above.
#[utoipa::path(get, path = "/api/v1/scene-gaps", tag = "evidence", params(GapQuery),
    responses((status = 200, body = GapList), (status = 403), (status = 404)))]
pub async fn list(ctx: Ctx, Params(query): Params<GapQuery>) -> Result<HttpResponse> {
    if !ctx.actor.kind.is_watching() {
        return Err(Error::forbidden("the list of gaps belongs to command rooms"));
    }
    let limit = page::limit(query.limit)?;
    let after = query.cursor.as_deref().map(page::decode).transpose()?.as_deref().map(page::placed).transpose()?;
    let (actor, now) = (std::sync::Arc::clone(&ctx.actor), ctx.clock.now());
    let page = ctx
        .db
        .read(move |conn| {
            let units = service::units_of(conn, &actor, query.unit_id)?;
            let open = query.open.unwrap_or(true);
            let filter = GapFilter { units, open, incident: query.incident_id, after, limit: limit + 1 };
            let rows = gaps::gaps_page(conn, &filter)?;
            Ok(Items::from_rows(rows, limit, |row| page::place(row.due_at, row.id)))
        })
        .await?;
    let items = page.items.into_iter().map(|row| GapView::of(row, now)).collect();
    Ok(HttpResponse::Ok().json(GapList { items, next_cursor: page.next_cursor }))
}

/// Says why what is missing cannot be supplied; of a gap that is closed nothing changes.
///
/// Permissions: dispatcher, administrator of the unit or above.
#[utoipa::path(post, path = "/api/v1/scene-gaps/{id}/close", tag = "evidence", params(("id" = SceneGapId, Path)),
    request_body = GapReason, responses((status = 200, body = GapView), (status = 403), (status = 404)))]
pub async fn close(ctx: Ctx, PathId(id): PathId<SceneGapId>, body: Body<GapReason>) -> Result<HttpResponse> {
    let done = service::explain(&ctx, &body.meta, id, body.value.reason).await?;
    let now = ctx.clock.now();
    let row = ctx.db.read(move |conn| gaps::gap_fetch(conn, &id)).await?;
    let status = StatusCode::from_u16(done.status).map_err(Error::internal)?;
    Ok(HttpResponse::build(status).json(GapView::of(row, now)))
}
