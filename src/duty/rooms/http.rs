//! Endpoints of the desk.

use actix_web::web::{self, ServiceConfig};
use actix_web::{HttpResponse, get, post};
use utoipa::OpenApi;

use super::{CardView, Snooze, service};
use crate::platform::ctx::Ctx;
use crate::platform::http::body::Empty;
use crate::platform::http::{Body, Items, Page, Params, PathId};
use crate::words::error::Result;
use crate::words::ids::CardId;

/// The desk's part of the URL table.
pub fn routes(config: &mut ServiceConfig) {
    config.service(web::scope("/cards").service(list).service(close).service(snooze).service(fetch));
}

/// The desk's part of the OpenAPI document.
#[derive(OpenApi)]
#[openapi(paths(list, fetch, close, snooze))]
pub struct Api;

/// Open cards of one's own subtree, oldest first; snoozed ones are left out until they wake.
///
/// Permissions: dispatcher, supervisor, administrator.
#[utoipa::path(context_path = "/api/v1/cards", tag = "rooms", params(Page),
    responses((status = 200, body = Items<CardView>)))]
#[get("")]
async fn list(ctx: Ctx, page: Params<Page>) -> Result<HttpResponse> {
    let items = service::list(&ctx, service::limit(page.0.limit)?, page.0.after()?).await?;
    Ok(HttpResponse::Ok().json(items))
}

/// One card.
///
/// Permissions: dispatcher, supervisor, administrator of the unit or above.
#[utoipa::path(context_path = "/api/v1/cards", tag = "rooms", params(("id" = CardId, Path)),
    responses((status = 200, body = CardView)))]
#[get("/{id}")]
async fn fetch(ctx: Ctx, id: PathId<CardId>) -> Result<HttpResponse> {
    Ok(HttpResponse::Ok().json(service::view(&ctx, id.0).await?))
}

/// Close a card: somebody has dealt with it.
///
/// Permissions: dispatcher, administrator of the unit or above.
#[utoipa::path(context_path = "/api/v1/cards", tag = "rooms", params(("id" = CardId, Path)), request_body = Empty,
    responses((status = 200, body = CardView)))]
#[post("/{id}/close")]
async fn close(ctx: Ctx, id: PathId<CardId>, body: Body<Empty>) -> Result<HttpResponse> {
    service::close(&ctx, &body.meta, id.0).await?;
    Ok(HttpResponse::Ok().json(service::view(&ctx, id.0).await?))
}

/// Put a card to sleep, with a reason.
///
/// Permissions: dispatcher, administrator of the unit or above.
#[utoipa::path(context_path = "/api/v1/cards", tag = "rooms", params(("id" = CardId, Path)), request_body = Snooze,
    responses((status = 200, body = CardView)))]
#[post("/{id}/snooze")]
async fn snooze(ctx: Ctx, id: PathId<CardId>, body: Body<Snooze>) -> Result<HttpResponse> {
    service::snooze(&ctx, &body.meta, id.0, &body).await?;
    Ok(HttpResponse::Ok().json(service::view(&ctx, id.0).await?))
}
