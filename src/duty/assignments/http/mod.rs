//! Endpoints of assignments and of the unit's acts on an incident.

mod calls;
mod units;

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use actix_web::web::{ServiceConfig, get, post, resource};
use serde_json::{Value, json};
use utoipa::OpenApi;

use super::store;
use super::view;
use crate::duty::incidents::access;
use crate::duty::incidents::http::respond;
use crate::duty::incidents::store as incidents;
use crate::platform::ctx::Ctx;
use crate::platform::db::Conn;
use crate::platform::http::Done;
use crate::platform::policy::{Action, Actor, Decision};
use crate::words::error::{Error, Result};
use crate::words::ids::AssignmentId;

/// path → handler, below `/api/v1`.
pub fn routes(config: &mut ServiceConfig) {
    config
        .service(
            resource("/incidents/{id}/assignments").route(get().to(calls::of_incident)).route(post().to(calls::create)),
        )
        .service(resource("/incidents/{id}/sign").route(post().to(units::sign)))
        .service(resource("/incidents/{id}/return").route(post().to(units::give_back)))
        .service(resource("/incidents/{id}/transfer").route(post().to(units::transfer)))
        .service(resource("/incidents/{id}/join").route(post().to(calls::join)))
        .service(resource("/incidents/{id}/feedback-proposal").route(get().to(units::propose)))
        .service(resource("/assignments/{id}").route(get().to(calls::fetch)))
        .service(resource("/assignments/{id}/events").route(post().to(calls::event)))
        .service(resource("/assignments/{id}/cancel").route(post().to(calls::cancel)))
        .service(resource("/assignments/{id}/reassign").route(post().to(calls::reassign)))
        .service(resource("/assignments/{id}/keep").route(post().to(calls::keep)))
        .service(resource("/assignments/{id}/leave").route(post().to(calls::leave)))
        .service(resource("/me/assignments").route(get().to(calls::mine)));
}

/// The part of the interface description that is ours.
#[derive(OpenApi)]
#[openapi(paths(
    calls::create,
    calls::of_incident,
    calls::join,
    calls::fetch,
    calls::event,
    calls::cancel,
    calls::reassign,
    calls::keep,
    calls::leave,
    calls::mine,
    units::sign,
    units::give_back,
    units::transfer,
    units::propose,
))]
pub struct Api;

/// Assignments made, as the answer to sending.
async fn made(ctx: &Ctx, done: &Done) -> Result<HttpResponse> {
    let ids: Vec<AssignmentId> =
        serde_json::from_value(done.resource.get("ids").cloned().unwrap_or_default()).map_err(Error::internal)?;
    let shown = ctx
        .db
        .snapshot(move |conn| {
            ids.iter()
                .map(|id| {
                    let row = store::assignment_fetch(conn, id)?;
                    view::full(conn, &row)
                })
                .collect::<Result<Vec<Value>>>()
        })
        .await?;
    let status = StatusCode::from_u16(done.status).map_err(Error::internal)?;
    Ok(HttpResponse::build(status).json(json!({ "assignments": shown })))
}

/// One assignment as the answer to a command on it.
async fn one(ctx: &Ctx, done: &Done) -> Result<HttpResponse> {
    let id: AssignmentId = done.id()?;
    let (version, value) = ctx
        .db
        .snapshot(move |conn| {
            let row = store::assignment_fetch(conn, &id)?;
            Ok((row.version, view::full(conn, &row)?))
        })
        .await?;
    respond(done.status, version, &value)
}

fn may_see(conn: &mut Conn, actor: &Actor, row: &store::AssignmentRow) -> Result<()> {
    let incident = incidents::incident_fetch(conn, &row.incident_id)?;
    let sight = access::sight(conn, actor, &incident)?;
    if sight.decide(actor, Action::AssignmentRead) == Decision::Allow {
        return Ok(());
    }
    let mine = store::members_of(conn, &row.id)?.iter().any(|member| member.person_id == actor.person);
    if mine { Ok(()) } else { Err(Error::not_found("assignment")) }
}
