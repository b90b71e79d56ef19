//! Issuing devices at the counter and taking them back (领用/归还).

use std::sync::Arc;

use actix_web::HttpResponse;
use serde::{Deserialize, Serialize};

use crate::duty::crews::{IssueRow, service, store};
use crate::platform::ctx::Ctx;
use crate::platform::http::body::Empty;
use crate::platform::http::{Body, PathId};
use crate::words::error::Result;
use crate::words::ids::{DeviceId, PersonId};

/// To whom a device is issued.
#[derive(Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct IssueBody {
    pub person_id: PersonId,
}

/// Who carries a device now.
#[derive(Serialize, utoipa::ToSchema)]
pub struct Holder {
    pub device_id: DeviceId,
    pub person_id: Option<PersonId>,
}

/// The issue log, named for the description.
#[derive(Serialize, utoipa::ToSchema)]
pub struct IssueLog {
    pub items: Vec<IssueRow>,
    pub next_cursor: Option<String>,
}

async fn holder(ctx: &Ctx, id: DeviceId) -> Result<HttpResponse> {
    let person_id = ctx.db.read(move |conn| store::device_holder(conn, &id)).await?;
    Ok(HttpResponse::Ok().json(Holder { device_id: id, person_id }))
}

/// Issues a device; whoever held it returns it by that.
///
/// Permissions: dispatchers and administrators of its subtree, and its holder.
#[utoipa::path(post, path = "/api/v1/devices/{id}/issue", tag = "devices", params(("id" = DeviceId, Path)), request_body = IssueBody,
    responses((status = 200, body = Holder), (status = 403), (status = 404), (status = 409)))]
pub async fn issue(ctx: Ctx, PathId(id): PathId<DeviceId>, body: Body<IssueBody>) -> Result<HttpResponse> {
    service::issue(&ctx, &body.meta, id, body.value.person_id).await?;
    holder(&ctx, id).await
}

/// Takes a device back.
///
/// Permissions: dispatchers and administrators of its subtree, and its holder.
#[utoipa::path(post, path = "/api/v1/devices/{id}/return", tag = "devices", params(("id" = DeviceId, Path)),
    responses((status = 200, body = Holder), (status = 403), (status = 404)))]
pub async fn take_back(ctx: Ctx, PathId(id): PathId<DeviceId>, body: Body<Empty>) -> Result<HttpResponse> {
    service::take_back(&ctx, &body.meta, id).await?;
    holder(&ctx, id).await
}

/// Who held the device from when to when, newest first.
///
/// Permissions: its holder, and rooms of its subtree.
#[utoipa::path(get, path = "/api/v1/devices/{id}/issues", tag = "devices", params(("id" = DeviceId, Path)),
    responses((status = 200, body = IssueLog), (status = 404)))]
pub async fn log(ctx: Ctx, PathId(id): PathId<DeviceId>) -> Result<HttpResponse> {
    let actor = Arc::clone(&ctx.actor);
    let items = ctx.db.read(move |conn| service::issues_read(conn, &actor, &id)).await?;
    Ok(HttpResponse::Ok().json(IssueLog { items, next_cursor: None }))
}
