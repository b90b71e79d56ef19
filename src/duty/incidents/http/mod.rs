//! Endpoints of incidents, feedback and the feed back to the source.

mod commands;
mod feeds;
mod incidents;

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use actix_web::http::header::ETAG;
use actix_web::web::{ServiceConfig, delete, get, patch, post, put, resource};
use serde_json::{Value, json};
use utoipa::OpenApi;

use super::{store, view};
use crate::platform::ctx::Ctx;
use crate::platform::http::Done;
use crate::words::error::{Error, Result};
use crate::words::ids::IncidentId;

/// path → handler, below `/api/v1`.
pub fn routes(config: &mut ServiceConfig) {
    config
        .service(resource("/incidents").route(get().to(incidents::list)).route(post().to(incidents::create)))
        .service(resource("/incidents/{id}").route(get().to(incidents::fetch)).route(patch().to(incidents::change)))
        .service(resource("/incidents/{id}/notes").route(get().to(incidents::notes)).route(post().to(incidents::note)))
        .service(resource("/incidents/{id}/timeline").route(get().to(incidents::timeline)))
        .service(resource("/incidents/{id}/caller").route(get().to(incidents::caller)))
        .service(
            resource("/incidents/{id}/claim").route(post().to(commands::claim)).route(delete().to(commands::release)),
        )
        .service(resource("/incidents/{id}/cancel").route(post().to(commands::cancel)))
        .service(resource("/incidents/{id}/merge").route(post().to(commands::merge)))
        .service(resource("/incidents/{id}/links").route(post().to(commands::link)))
        .service(resource("/incidents/{id}/divert").route(post().to(commands::divert)))
        .service(resource("/incidents/{id}/close").route(post().to(commands::close)))
        .service(resource("/incidents/{id}/review").route(post().to(commands::review)))
        .service(resource("/incidents/{id}/reopen").route(post().to(commands::reopen)))
        .service(resource("/incidents/{id}/feedbacks").route(get().to(feeds::list)).route(post().to(feeds::give)))
        .service(resource("/feedbacks/{id}/confirm").route(post().to(feeds::confirm)))
        .service(resource("/integrations/{source}/changes").route(get().to(feeds::changes)))
        .service(
            resource("/integrations/{source}/webhook")
                .route(get().to(feeds::webhook))
                .route(put().to(feeds::put_webhook)),
        );
}

/// The part of the interface description that is ours.
#[derive(OpenApi)]
#[openapi(paths(
    incidents::create,
    incidents::list,
    incidents::fetch,
    incidents::change,
    incidents::notes,
    incidents::note,
    incidents::timeline,
    incidents::caller,
    commands::claim,
    commands::release,
    commands::cancel,
    commands::merge,
    commands::link,
    commands::divert,
    commands::close,
    commands::review,
    commands::reopen,
    feeds::give,
    feeds::list,
    feeds::confirm,
    feeds::changes,
    feeds::webhook,
    feeds::put_webhook,
))]
pub struct Api;

/// The incident as the answer to a command: status, body, `ETag`.
pub async fn shown(ctx: &Ctx, done: &Done) -> Result<HttpResponse> {
    let id: IncidentId = done.id()?;
    let (core, now) = (std::sync::Arc::clone(&ctx.core), ctx.clock.now());
    let (version, mut value) = ctx
        .db
        .snapshot(move |conn| {
            let row = store::incident_fetch(conn, &id)?;
            Ok((row.version, view::full(conn, &core.keys, &row, now)?))
        })
        .await?;
    if let (Some(applied), Value::Object(map)) = (done.resource.get("applied"), &mut value) {
        map.insert("applied".into(), applied.clone());
    }
    respond(done.status, version, &value)
}

/// A body with its version as `ETag`.
pub fn respond(status: u16, version: i64, value: &Value) -> Result<HttpResponse> {
    let status = StatusCode::from_u16(status).map_err(Error::internal)?;
    Ok(HttpResponse::build(status).insert_header((ETAG, format!("\"{version}\""))).json(value))
}

/// A list that is always whole.
pub fn items(items: Vec<Value>) -> HttpResponse {
    HttpResponse::Ok().json(json!({ "items": items, "next_cursor": null }))
}
