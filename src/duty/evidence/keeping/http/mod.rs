//! Endpoints of keeping: classes, deletions and their batches, redacted copies, copies for somebody outside.

mod batches;
mod deletions;
mod redacted;
mod retention;
mod shares;

use actix_web::web::{ServiceConfig, get, post, put, resource};
use utoipa::OpenApi;

/// path → handler, below `/api/v1`.
pub fn routes(config: &mut ServiceConfig) {
    config
        .service(resource("/retention/terms").route(get().to(retention::terms)))
        .service(resource("/evidence/{id}/retention").route(put().to(retention::change)))
        .service(resource("/evidence/{id}/deletion").route(get().to(deletions::fetch)).route(post().to(deletions::ask)))
        .service(resource("/evidence/{id}/deletion/approve").route(post().to(deletions::approve)))
        .service(resource("/evidence/{id}/deletion/refuse").route(post().to(deletions::refuse)))
        .service(resource("/deletions").route(get().to(deletions::list)))
        .service(resource("/deletions/batches").route(get().to(batches::list)).route(post().to(batches::propose)))
        .service(resource("/deletions/batches/{id}").route(get().to(batches::fetch)))
        .service(resource("/deletions/batches/{id}/approve").route(post().to(batches::approve)))
        .service(resource("/deletions/batches/{id}/refuse").route(post().to(batches::refuse)))
        .service(resource("/evidence/{id}/redacted").route(post().to(redacted::redacted)))
        .service(resource("/evidence/{id}/shares").route(get().to(shares::list)).route(post().to(shares::ask)))
        .service(resource("/shares/{id}").route(get().to(shares::fetch)))
        .service(resource("/shares/{id}/approve").route(post().to(shares::approve)))
        .service(resource("/shares/{id}/revoke").route(post().to(shares::revoke)))
        .service(resource("/shares/{id}/content").route(get().to(shares::content)));
}

/// The part of the interface description that is ours.
#[derive(OpenApi)]
#[openapi(paths(
    retention::terms,
    retention::change,
    deletions::fetch,
    deletions::ask,
    deletions::approve,
    deletions::refuse,
    deletions::list,
    batches::list,
    batches::propose,
    batches::fetch,
    batches::approve,
    batches::refuse,
    redacted::redacted,
    shares::list,
    shares::ask,
    shares::fetch,
    shares::approve,
    shares::revoke,
    shares::content,
))]
pub struct Api;

/// Why it is refused or taken back.
#[derive(Clone, Debug, serde::Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Refusal {
    /// 1 to 500 characters.
    pub reason: String,
}
