//! The doors: what a dock says, what a room asks, what is decided.

mod desk;
mod docks;

use actix_web::web::{ServiceConfig, get, post, resource};
use utoipa::OpenApi;

/// path → handler, below `/api/v1`.
pub fn routes(config: &mut ServiceConfig) {
    config
        .service(resource("/devices/{id}/manifest").route(post().to(docks::manifest)))
        .service(resource("/devices/{id}/wanted").route(get().to(docks::wanted)))
        .service(resource("/recordings").route(get().to(desk::list)))
        // Before the ones by id, whose path would take the word for one.
        .service(resource("/recordings/unclaimed").route(get().to(desk::unclaimed)))
        .service(resource("/recordings/{id}").route(get().to(desk::one)))
        .service(resource("/recordings/{id}/held").route(post().to(docks::held)))
        .service(resource("/recordings/{id}/receipt").route(get().to(docks::receipt)))
        .service(resource("/recordings/{id}/wearer").route(post().to(desk::wearer)))
        .service(resource("/recordings/{id}/fetch").route(post().to(desk::fetch)))
        .service(resource("/incidents/{id}/recordings").route(get().to(desk::of_incident)));
}

/// The part of the interface description that is ours.
#[derive(OpenApi)]
#[openapi(paths(
    docks::manifest,
    docks::wanted,
    desk::list,
    desk::unclaimed,
    desk::one,
    docks::held,
    docks::receipt,
    desk::wearer,
    desk::fetch,
    desk::of_incident,
))]
pub struct Api;
