//! Endpoints of linked bodies and their orders.

mod agencies;
mod tasks;

use actix_web::web::{ServiceConfig, get, post, put, resource};
use utoipa::OpenApi;

/// path → handler, below `/api/v1`.
pub fn routes(config: &mut ServiceConfig) {
    config
        .service(resource("/agencies").route(get().to(agencies::list)).route(post().to(agencies::add)))
        .service(resource("/agencies/{id}").route(put().to(agencies::replace)))
        .service(resource("/incidents/{id}/tasks").route(get().to(tasks::board)).route(post().to(tasks::send)))
        .service(resource("/tasks/{id}").route(get().to(tasks::fetch)))
        .service(resource("/tasks/{id}/events").route(post().to(tasks::record)))
        .service(resource("/inbox/tasks").route(get().to(tasks::inbox)));
}

/// The part of the interface description that is ours.
#[derive(OpenApi)]
#[openapi(paths(
    agencies::list,
    agencies::add,
    agencies::replace,
    tasks::board,
    tasks::send,
    tasks::fetch,
    tasks::record,
    tasks::inbox,
))]
pub struct Api;
