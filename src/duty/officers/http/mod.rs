//! Endpoints of signing in, units, people and devices.

mod auth;
mod devices;
mod people;
mod units;

use actix_web::web::{ServiceConfig, get, patch, post, put, resource};
use utoipa::OpenApi;

pub use people::{PersonView, person_view};
pub use units::UnitView;

/// path → handler, below `/api/v1`.
pub fn routes(config: &mut ServiceConfig) {
    config
        .service(resource("/auth/login").route(post().to(auth::login)))
        .service(resource("/auth/refresh").route(post().to(auth::refresh)))
        .service(resource("/auth/logout").route(post().to(auth::logout)))
        .service(resource("/ws-tickets").route(post().to(auth::ticket)))
        .service(resource("/me/password").route(put().to(people::my_password)))
        .service(resource("/units").route(get().to(units::list)).route(post().to(units::create)))
        .service(resource("/units/{id}").route(get().to(units::fetch)).route(patch().to(units::change)))
        .service(resource("/people").route(get().to(people::list)).route(post().to(people::create)))
        .service(resource("/people/{id}").route(get().to(people::fetch)).route(patch().to(people::change)))
        .service(resource("/people/{id}/disable").route(post().to(people::disable)))
        .service(resource("/people/{id}/enable").route(post().to(people::enable)))
        .service(resource("/people/{id}/password").route(put().to(people::password)))
        .service(resource("/devices").route(get().to(devices::list)))
        .service(resource("/devices/enrolment-codes").route(post().to(devices::code)))
        .service(resource("/devices/enrol").route(post().to(devices::enrol)))
        .service(resource("/devices/{id}").route(get().to(devices::fetch)))
        .service(resource("/devices/{id}/revoke").route(post().to(devices::revoke)));
}

/// At the root: the public keys of access tokens.
pub fn root_routes(config: &mut ServiceConfig) {
    config.service(resource("/.well-known/jwks.json").route(get().to(auth::jwks)));
}

/// The part of the interface description that is ours.
#[derive(OpenApi)]
#[openapi(paths(
    auth::login,
    auth::refresh,
    auth::logout,
    auth::ticket,
    auth::jwks,
    people::my_password,
    units::list,
    units::create,
    units::fetch,
    units::change,
    people::list,
    people::create,
    people::fetch,
    people::change,
    people::disable,
    people::enable,
    people::password,
    devices::list,
    devices::code,
    devices::enrol,
    devices::fetch,
    devices::revoke,
))]
pub struct Api;
