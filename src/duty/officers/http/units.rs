//! Units: the tree.

use actix_web::HttpResponse;
use serde::{Deserialize, Serialize};

use crate::duty::officers::service::{self, UnitNew, UnitPatch, unit_visible};
use crate::duty::officers::{UnitRow, store};
use crate::platform::ctx::Ctx;
use crate::platform::http::page::{self, Items};
use crate::platform::http::{Body, Params, PathId};
use crate::platform::policy::{Action, Facts, may};
use crate::words::error::Result;
use crate::words::ids::UnitId;

/// A unit as shown.
pub type UnitView = UnitRow;

/// Narrows the list.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct UnitQuery {
    /// The subtree of this unit; one's own when absent.
    pub unit_id: Option<UnitId>,
    pub limit: Option<i64>,
    pub cursor: Option<String>,
}

/// The answer of list endpoints, named for the description.
#[derive(Serialize, utoipa::ToSchema)]
pub struct UnitList {
    pub items: Vec<UnitRow>,
    pub next_cursor: Option<String>,
}

async fn shown(ctx: &Ctx, id: UnitId) -> Result<UnitView> {
    ctx.db.read(move |conn| store::unit_fetch(conn, &id)).await
}

/// The units of a subtree, parents before children.
///
/// Permissions: people of the subtree; systems see none.
#[utoipa::path(get, path = "/api/v1/units", tag = "people", params(UnitQuery), responses((status = 200, body = UnitList)))]
pub async fn list(ctx: Ctx, Params(query): Params<UnitQuery>) -> Result<HttpResponse> {
    may(&ctx.actor, Action::OrgRead, &Facts::default()).check("unit")?;
    let limit = page::limit(query.limit)?;
    let after = query.cursor.as_deref().map(page::decode).transpose()?;
    let actor = std::sync::Arc::clone(&ctx.actor);
    let rows = ctx
        .db
        .read(move |conn| {
            let path = match query.unit_id {
                Some(id) => unit_visible(conn, &actor, &id)?.path,
                None => actor.unit_path.clone(),
            };
            // Of a unit above, only one's own branch is shown.
            let path = if actor.commands(&path) { path } else { actor.unit_path.clone() };
            store::units_page(conn, &path, after.as_deref(), limit + 1)
        })
        .await?;
    Ok(HttpResponse::Ok().json(Items::from_rows(rows, limit, |row| row.path.clone())))
}

/// Makes a unit.
///
/// Permissions: administrators, below a unit of their subtree.
#[utoipa::path(post, path = "/api/v1/units", tag = "people", request_body = UnitNew,
    responses((status = 201, body = UnitRow), (status = 403), (status = 404)))]
pub async fn create(ctx: Ctx, body: Body<UnitNew>) -> Result<HttpResponse> {
    let done = service::unit_create(&ctx, &body.meta, body.value).await?;
    Ok(HttpResponse::Created().json(shown(&ctx, done.id()?).await?))
}

/// One unit.
///
/// Permissions: people of its subtree, and of the line above it.
#[utoipa::path(get, path = "/api/v1/units/{id}", tag = "people", params(("id" = UnitId, Path)),
    responses((status = 200, body = UnitRow), (status = 404)))]
pub async fn fetch(ctx: Ctx, PathId(id): PathId<UnitId>) -> Result<HttpResponse> {
    may(&ctx.actor, Action::OrgRead, &Facts::default()).check("unit")?;
    let actor = std::sync::Arc::clone(&ctx.actor);
    let row = ctx.db.read(move |conn| unit_visible(conn, &actor, &id)).await?;
    Ok(HttpResponse::Ok().insert_header(("ETag", format!("\"{}\"", row.version))).json(row))
}

/// Renames, re-kinds or moves a unit with everything below it.
///
/// Permissions: administrators of the subtree.
#[utoipa::path(patch, path = "/api/v1/units/{id}", tag = "people", params(("id" = UnitId, Path)), request_body = UnitPatch,
    responses((status = 200, body = UnitRow), (status = 403), (status = 404), (status = 409), (status = 412)))]
pub async fn change(ctx: Ctx, PathId(id): PathId<UnitId>, body: Body<UnitPatch>) -> Result<HttpResponse> {
    service::unit_change(&ctx, &body.meta, id, body.value).await?;
    Ok(HttpResponse::Ok().json(shown(&ctx, id).await?))
}
