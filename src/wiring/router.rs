//! The whole URL table. Slices export `routes`; this file shows path → slice.

use actix_web::web::{self, ServiceConfig};
use actix_web::{HttpResponse, Responder};

use super::app::Server;
use super::ws;
use crate::duty::{
    assignments, backup, crews, dossier, evidence, incidents, inquiries, location, mediation, officers, partners, rooms,
};
use crate::platform::disk::blocking;
use crate::platform::http::problem;
use crate::words::error::{Code, Error, Result};

/// Everything under `/api/v1`, plus the root's health, metrics and pages.
pub fn configure(config: &mut ServiceConfig) {
    config
        .service(web::scope("/api/v1").configure(api).default_service(web::to(nothing_here)))
        .route("/healthz", web::get().to(healthz))
        .route("/readyz", web::get().to(readyz))
        .route("/metrics", web::get().to(metrics_text))
        .configure(officers::http::root_routes)
        .configure(ws::routes)
        .configure(super::page::routes)
        .default_service(web::to(nothing_here));
}

/// path                                  slice
fn api(config: &mut ServiceConfig) {
    officers::http::routes(config);
    crews::http::routes(config);
    incidents::http::routes(config);
    assignments::http::routes(config);
    location::http::routes(config);
    backup::http::routes(config);
    // Before the items, whose path would take `photos` for an id.
    evidence::photos::http::routes(config);
    evidence::uploads::http::routes(config);
    evidence::http::routes(config);
    evidence::scene::http::routes(config);
    evidence::keeping::http::routes(config);
    evidence::recordings::http::routes(config);
    rooms::http::routes(config);
    dossier::http::routes(config);
    inquiries::http::routes(config);
    mediation::http::routes(config);
    mediation::numbers::http::routes(config);
    mediation::reports::routes(config);
    partners::http::routes(config);
    partners::reports::routes(config);
    ws::routes(config);
    ws::inbox::routes(config);
    config.route("/openapi.json", web::get().to(super::openapi::serve));
}

async fn nothing_here(request: actix_web::HttpRequest) -> HttpResponse {
    problem::respond(&Error::new(Code::NotFound), problem::request_reads_chinese(&request))
}

/// The process answers; says nothing about its parts.
async fn healthz() -> impl Responder {
    HttpResponse::Ok().json(serde_json::json!({ "status": "ok" }))
}

/// Ready to serve: the database answers and the durability is named.
async fn readyz(server: web::Data<Server>) -> Result<HttpResponse> {
    let core = std::sync::Arc::clone(&server.core);
    if server.stopping() {
        return Err(Error::new(Code::Stopping));
    }
    let durability = blocking(move || core.db.durability()).await??;
    Ok(HttpResponse::Ok().json(serde_json::json!({
        "status": "ready",
        "durability": durability,
        "sockets": server.core.hub.count(),
        "server_time": server.core.clock.now(),
    })))
}

/// Prometheus text.
async fn metrics_text(server: web::Data<Server>) -> impl Responder {
    HttpResponse::Ok().content_type("text/plain; version=0.0.4; charset=utf-8").body(server.metrics.render())
}
