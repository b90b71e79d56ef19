//! Endpoints of keeping: classes, deletions and their batches, redacted copies, copies for somebody outside.

mod batches;
mod deletions;
mod redacted;
mod retention;
mod shares;

use std::str::FromStr;
use std::sync::Arc;

use actix_web::HttpResponse;
use actix_web::http::header::CACHE_CONTROL;
use actix_web::web::{ServiceConfig, get, post, put, resource};
use serde::Serialize;
use utoipa::OpenApi;

use super::batch::decides;
use crate::duty::officers::store as officers;
use crate::platform::ctx::Ctx;
use crate::platform::db::Conn;
use crate::platform::http::{Page, page};
use crate::platform::policy::Action;
use crate::words::error::Result;
use crate::words::ids::UnitId;
use crate::words::time::Timestamp;

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

/// Answers with what `rows` makes of the actor's units, the place to go on from and the limit, for who decides about
/// deletions. Errors: `forbidden`, `invalid_field`, `invalid_cursor`.
async fn listed<I, T>(
    ctx: &Ctx,
    query: &Page,
    rows: impl FnOnce(&mut Conn, &[UnitId], Option<(Timestamp, I)>, i64) -> Result<T> + Send + 'static,
) -> Result<HttpResponse>
where
    I: FromStr + Send + 'static,
    T: Serialize + Send + 'static,
{
    decides(&ctx.actor, Action::EvidenceDispose)?;
    let limit = query.limit()?;
    let from = query.after()?.as_deref().map(page::placed).transpose()?;
    let actor = Arc::clone(&ctx.actor);
    let value = ctx
        .db
        .read(move |conn| {
            let below = officers::units_in_subtree(conn, &actor.unit_path)?;
            let units: Vec<_> = below.iter().map(|unit| unit.id).collect();
            rows(conn, &units, from, limit)
        })
        .await?;
    Ok(HttpResponse::Ok().insert_header((CACHE_CONTROL, "no-store")).json(value))
}
