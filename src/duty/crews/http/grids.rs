//! Patrol grids.

use std::sync::Arc;

use actix_web::HttpResponse;
use serde::{Deserialize, Serialize};

use crate::duty::crews::service::{self, GridNew, GridPatch};
use crate::duty::crews::{GridRow, store};
use crate::duty::officers::service::unit_visible;
use crate::platform::ctx::Ctx;
use crate::platform::http::{Body, Params, PathId};
use crate::platform::policy::{Action, Facts, may};
use crate::words::error::Result;
use crate::words::ids::{GridId, UnitId};

/// Whose grids.
#[derive(Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct GridQuery {
    /// The subtree of this unit; one's own when absent.
    pub unit_id: Option<UnitId>,
}

/// Grids, named for the description.
#[derive(Serialize, utoipa::ToSchema)]
pub struct GridList {
    pub items: Vec<GridRow>,
    pub next_cursor: Option<String>,
}

async fn shown(ctx: &Ctx, id: GridId) -> Result<GridRow> {
    ctx.db.read(move |conn| store::grid_fetch(conn, &id)).await
}

/// The grids of a subtree by code.
///
/// Permissions: people of the subtree.
#[utoipa::path(get, path = "/api/v1/grids", tag = "duty", params(GridQuery), responses((status = 200, body = GridList)))]
pub async fn list(ctx: Ctx, Params(query): Params<GridQuery>) -> Result<HttpResponse> {
    may(&ctx.actor, Action::OrgRead, &Facts::default()).check("grid")?;
    let actor = Arc::clone(&ctx.actor);
    let items = ctx
        .db
        .read(move |conn| {
            let asked = query.unit_id.map(|id| unit_visible(conn, &actor, &id)).transpose()?.map(|unit| unit.path);
            let path = asked.filter(|path| actor.commands(path)).unwrap_or_else(|| actor.unit_path.clone());
            store::grids_in_subtree(conn, &path)
        })
        .await?;
    Ok(HttpResponse::Ok().json(GridList { items, next_cursor: None }))
}

/// Makes a grid.
///
/// Permissions: administrators of the subtree.
#[utoipa::path(post, path = "/api/v1/grids", tag = "duty", request_body = GridNew,
    responses((status = 201, body = GridRow), (status = 403), (status = 404), (status = 409)))]
pub async fn create(ctx: Ctx, body: Body<GridNew>) -> Result<HttpResponse> {
    let done = service::grid_create(&ctx, &body.meta, body.value).await?;
    Ok(HttpResponse::Created().json(shown(&ctx, done.id()?).await?))
}

/// Renames a grid or sets the strength it must keep.
///
/// Permissions: administrators of the subtree.
#[utoipa::path(patch, path = "/api/v1/grids/{id}", tag = "duty", params(("id" = GridId, Path)), request_body = GridPatch,
    responses((status = 200, body = GridRow), (status = 403), (status = 404), (status = 412)))]
pub async fn change(ctx: Ctx, PathId(id): PathId<GridId>, body: Body<GridPatch>) -> Result<HttpResponse> {
    service::grid_change(&ctx, &body.meta, id, body.value).await?;
    Ok(HttpResponse::Ok().json(shown(&ctx, id).await?))
}
