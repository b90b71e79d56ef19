//! Endpoints of the desk.

use actix_web::HttpResponse;
use actix_web::web::{ServiceConfig, get, post, resource};
use utoipa::OpenApi;

use super::{CardView, Snooze, service};
use crate::platform::ctx::Ctx;
use crate::platform::http::body::Empty;
use crate::platform::http::{Body, Items, Page, Params, PathId};
use crate::words::error::Result;
use crate::words::ids::CardId;

/// The desk's part of the URL table.
pub fn routes(config: &mut ServiceConfig) {
    config
        .service(resource("/cards").route(get().to(list)))
        .service(resource("/cards/{id}").route(get().to(fetch)))
        .service(resource("/cards/{id}/close").route(post().to(close)))
        .service(resource("/cards/{id}/snooze").route(post().to(snooze)));
}

/// The desk's part of the OpenAPI document.
#[derive(OpenApi)]
#[openapi(paths(list, fetch, close, snooze))]
pub struct Api;

/// Open cards of one's own subtree, oldest first; snoozed ones are left out until they wake.
///
/// Permissions: dispatcher, supervisor, administrator.
#[utoipa::path(get, path = "/api/v1/cards", tag = "rooms", params(Page),
    responses((status = 200, body = Items<CardView>)))]
async fn list(ctx: Ctx, page: Params<Page>) -> Result<HttpResponse> {
    let items = service::list(&ctx, service::limit(page.0.limit)?, page.0.after()?).await?;
    Ok(HttpResponse::Ok().json(items))
}

/// One card.
///
/// Permissions: dispatcher, supervisor, administrator of the unit or above.
#[utoipa::path(get, path = "/api/v1/cards/{id}", tag = "rooms", params(("id" = CardId, Path)),
    responses((status = 200, body = CardView)))]
async fn fetch(ctx: Ctx, id: PathId<CardId>) -> Result<HttpResponse> {
    Ok(HttpResponse::Ok().json(service::view(&ctx, id.0).await?))
}

/// Close a card: somebody has dealt with it.
///
/// Permissions: dispatcher, administrator of the unit or above.
#[utoipa::path(post, path = "/api/v1/cards/{id}/close", tag = "rooms", params(("id" = CardId, Path)), request_body = Empty,
    responses((status = 200, body = CardView)))]
async fn close(ctx: Ctx, id: PathId<CardId>, body: Body<Empty>) -> Result<HttpResponse> {
    service::close(&ctx, &body.meta, id.0).await?;
    Ok(HttpResponse::Ok().json(service::view(&ctx, id.0).await?))
}

/// Put a card to sleep, with a reason.
///
/// Permissions: dispatcher, administrator of the unit or above.
#[utoipa::path(post, path = "/api/v1/cards/{id}/snooze", tag = "rooms", params(("id" = CardId, Path)), request_body = Snooze,
    responses((status = 200, body = CardView)))]
async fn snooze(ctx: Ctx, id: PathId<CardId>, body: Body<Snooze>) -> Result<HttpResponse> {
    service::snooze(&ctx, &body.meta, id.0, &body).await?;
    Ok(HttpResponse::Ok().json(service::view(&ctx, id.0).await?))
}
