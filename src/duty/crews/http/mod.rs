//! Endpoints of duty, crews, grids and issued devices; `GET /me`.

mod crews;
mod duty;
mod grids;
mod issues;

use actix_web::web::{ServiceConfig, get, patch, post, put, resource};
use utoipa::OpenApi;

/// path → handler, below `/api/v1`.
pub fn routes(config: &mut ServiceConfig) {
    config
        .service(resource("/me").route(get().to(duty::me)))
        .service(resource("/me/duty").route(get().to(duty::mine)).route(put().to(duty::report)))
        .service(resource("/people/{id}/duty").route(get().to(duty::of)).route(put().to(duty::report_for)))
        .service(resource("/people/{id}/duty-log").route(get().to(duty::log)))
        .service(resource("/roster").route(get().to(duty::roster)))
        .service(resource("/crews").route(get().to(crews::list)).route(post().to(crews::create)))
        .service(resource("/crews/{id}").route(get().to(crews::fetch)).route(patch().to(crews::change)))
        .service(resource("/crews/{id}/join").route(post().to(crews::join)))
        .service(resource("/crews/{id}/leave").route(post().to(crews::leave)))
        .service(resource("/crews/{id}/split").route(post().to(crews::split)))
        .service(resource("/grids").route(get().to(grids::list)).route(post().to(grids::create)))
        .service(resource("/grids/{id}").route(patch().to(grids::change)))
        .service(resource("/devices/{id}/issue").route(post().to(issues::issue)))
        .service(resource("/devices/{id}/return").route(post().to(issues::take_back)))
        .service(resource("/devices/{id}/issues").route(get().to(issues::log)));
}

/// The part of the interface description that is ours.
#[derive(OpenApi)]
#[openapi(paths(
    duty::me,
    duty::mine,
    duty::report,
    duty::of,
    duty::report_for,
    duty::log,
    duty::roster,
    crews::list,
    crews::create,
    crews::fetch,
    crews::change,
    crews::join,
    crews::leave,
    crews::split,
    grids::list,
    grids::create,
    grids::change,
    issues::issue,
    issues::take_back,
    issues::log,
))]
pub struct Api;
