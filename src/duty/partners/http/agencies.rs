//! Linked bodies: who there is, how each is reached.

use std::sync::Arc;

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use actix_web::http::header::{CACHE_CONTROL, ETAG};
use serde::Serialize;

use super::super::agencies::{self, NewAgency, PutAgency};
use super::super::store::agencies as store;
use super::super::view::AgencyView;
use crate::platform::ctx::Ctx;
use crate::platform::http::{Body, Done, PathId};
use crate::words::error::{Error, Result};
use crate::words::ids::AgencyId;

/// Linked bodies, named for the description.
#[derive(Serialize, utoipa::ToSchema)]
pub struct AgencyList {
    /// By name.
    pub items: Vec<AgencyView>,
    /// Always null: the list is whole.
    pub next_cursor: Option<String>,
}

async fn shown(ctx: &Ctx, done: &Done, secret: Option<String>) -> Result<HttpResponse> {
    let (id, actor): (AgencyId, _) = (done.id()?, Arc::clone(&ctx.actor));
    let view = ctx
        .db
        .snapshot(move |conn| {
            let row = store::agency_fetch(conn, &id)?;
            agencies::shown(conn, &actor, row, secret.clone())
        })
        .await?;
    let status = StatusCode::from_u16(done.status).map_err(Error::internal)?;
    let version = (ETAG, format!("\"{}\"", view.version));
    Ok(HttpResponse::build(status).insert_header(version).insert_header((CACHE_CONTROL, "no-store")).json(view))
}

/// Linked bodies that can be called.
///
/// Permissions: everybody but service accounts; how its software is reached, administrators above it.
#[utoipa::path(get, path = "/api/v1/agencies", tag = "partners", responses((status = 200, body = AgencyList)))]
pub async fn list(ctx: Ctx) -> Result<HttpResponse> {
    let actor = Arc::clone(&ctx.actor);
    let items = ctx.db.snapshot(move |conn| agencies::list(conn, &actor)).await?;
    Ok(HttpResponse::Ok().json(AgencyList { items, next_cursor: None }))
}

/// Registers a linked body by its name; it is reached by telephone.
///
/// Permissions: administrators.
#[utoipa::path(post, path = "/api/v1/agencies", tag = "partners", request_body = NewAgency,
    responses((status = 201, body = AgencyView), (status = 403)))]
pub async fn add(ctx: Ctx, body: Body<NewAgency>) -> Result<HttpResponse> {
    let done = agencies::add(&ctx, &body.meta, body.value).await?;
    shown(&ctx, &done, None).await
}

/// Makes a linked body under the client's own id, or changes it.
///
/// A webhook's secret that the server makes is in this answer alone. The account named is bound to the agency: it reads its
/// inbox and answers its orders, and sees nothing else.
///
/// Permissions: administrators, of the unit that keeps it and above.
#[utoipa::path(put, path = "/api/v1/agencies/{id}", tag = "partners", params(("id" = AgencyId, Path)),
    request_body = PutAgency,
    responses((status = 201, body = AgencyView), (status = 200, body = AgencyView, description = "Changed, or the same again"),
        (status = 403), (status = 404), (status = 409, description = "`conflict`: the account is another's"),
        (status = 412, description = "`stale`: once it exists, `If-Match` names its version")))]
pub async fn replace(ctx: Ctx, PathId(id): PathId<AgencyId>, body: Body<PutAgency>) -> Result<HttpResponse> {
    let (done, secret) = agencies::put(&ctx, &body.meta, id, body.value).await?;
    shown(&ctx, &done, secret).await
}
