//! Endpoints of what is asked of items; delivering them has doors of its own ([`super::uploads`], [`super::photos`]).

pub mod content;
pub mod custody;
pub mod headers;
mod holds;
mod items;
mod looks;
mod marks;

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use actix_web::web::{ServiceConfig, delete, get, post, resource};
use utoipa::OpenApi;

use super::service::view;
use super::store;
use crate::platform::ctx::Ctx;
use crate::platform::http::Done;
use crate::words::error::{Error, Result};
use crate::words::ids::EvidenceId;

/// path → handler, below `/api/v1`. After the routes of [`super::photos`], whose path `{id}` would take for its own.
pub fn routes(config: &mut ServiceConfig) {
    config
        .service(resource("/evidence").route(get().to(items::list)))
        .service(resource("/evidence/{id}").route(get().to(items::fetch)))
        .service(resource("/evidence/{id}/content").route(get().to(content::content)))
        .service(resource("/evidence/{id}/preview").route(get().to(content::preview)))
        .service(resource("/evidence/{id}/receipt").route(get().to(items::receipt)))
        .service(resource("/evidence/{id}/custody").route(get().to(items::touches)))
        .service(resource("/evidence/{id}/bundle").route(get().to(content::bundle)))
        .service(resource("/evidence/{id}/marks").route(post().to(marks::mark)))
        .service(resource("/evidence/{id}/links").route(post().to(marks::link)))
        .service(resource("/evidence/{id}/holds").route(post().to(holds::hold_item)))
        .service(resource("/evidence/{id}/release").route(post().to(holds::release)))
        .service(resource("/incidents/{id}/holds").route(post().to(holds::hold_incident)))
        .service(resource("/holds/{id}").route(delete().to(holds::lift)))
        .service(resource("/evidence/{id}/looks").route(get().to(looks::looks)));
    custody::routes(config);
}

/// The part of the interface description that is ours.
#[derive(OpenApi)]
#[openapi(paths(
    items::list,
    items::fetch,
    items::receipt,
    items::touches,
    content::content,
    content::preview,
    content::bundle,
    marks::mark,
    marks::link,
    holds::hold_item,
    holds::hold_incident,
    holds::lift,
    holds::release,
    looks::looks,
))]
pub struct Api;

/// An item as the answer to a command about it.
pub async fn shown(ctx: &Ctx, done: &Done, english: bool) -> Result<HttpResponse> {
    let id: EvidenceId = done.id()?;
    let value = ctx
        .db
        .snapshot(move |conn| {
            let row = store::evidence_fetch(conn, &id)?;
            view::full(conn, row, english)
        })
        .await?;
    let status = StatusCode::from_u16(done.status).map_err(Error::internal)?;
    Ok(HttpResponse::build(status).json(value))
}
