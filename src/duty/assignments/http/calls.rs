//! Sending, the ladder, and the commands on one assignment.

use actix_web::HttpResponse;
use serde::Deserialize;
use serde_json::json;

use super::super::assign::{self, Assign};
use super::super::events::{self, EventIn};
use super::super::ladder::Rung;
use super::super::{commands, store, view};
use super::{made, may_see, one};
use crate::duty::incidents::http::{items, respond};
use crate::duty::incidents::store as incidents;
use crate::duty::incidents::{access, view as incident_view};
use crate::platform::ctx::Ctx;
use crate::platform::db::Priority;
use crate::platform::http::page::{self, Items};
use crate::platform::http::{Body, Params, PathId, body, idem};
use crate::platform::policy::Action;
use crate::words::error::{Error, Result};
use crate::words::ids::{AssignmentId, IncidentId, PersonId};

/// A reason in words.
#[derive(Clone, Debug, Default, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Why {
    pub reason: Option<String>,
}

/// Attaching oneself.
#[derive(Clone, Debug, Default, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Join {
    /// `accepted` (default), `en_route` or `on_scene`.
    pub event: Option<Rung>,
}

/// Re-assigning: to whom, and why.
#[derive(Clone, Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Reassign {
    pub to: Assign,
    pub reason: Option<String>,
}

/// Splitting off.
#[derive(Clone, Debug, Default, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Leave {
    /// Oneself unless told.
    pub person_id: Option<PersonId>,
}

/// Sends people, crews, units, agencies or the nearest free response units.
///
/// Permissions: the room in command of the incident and of whom it sends.
#[utoipa::path(post, path = "/api/v1/incidents/{id}/assignments", tag = "assignments", params(("id" = IncidentId, Path)), request_body = Assign,
    responses((status = 201, body = Object), (status = 200, description = "all were on it already", body = Object),
    (status = 403, description = "police_lead_required"), (status = 409, description = "claimed, already_assigned, conflict"), (status = 412)))]
pub async fn create(ctx: Ctx, PathId(id): PathId<IncidentId>, body: Body<Assign>) -> Result<HttpResponse> {
    body.check()?;
    let (inner, meta, asked) = (ctx.clone(), body.meta.clone(), body.value);
    let done =
        idem::run(&ctx, &body.meta, Priority::Urgent, move |tx| assign::assign(tx, &inner, &id, &meta, &asked)).await?;
    made(&ctx, &done).await
}

/// All assignments of an incident, oldest first.
///
/// Permissions: who may see the incident.
#[utoipa::path(get, path = "/api/v1/incidents/{id}/assignments", tag = "assignments", params(("id" = IncidentId, Path)),
    responses((status = 200, body = Object)))]
pub async fn of_incident(ctx: Ctx, PathId(id): PathId<IncidentId>) -> Result<HttpResponse> {
    let actor = std::sync::Arc::clone(&ctx.actor);
    let shown = ctx
        .db
        .read(move |conn| {
            let incident = incidents::incident_fetch(conn, &id)?;
            access::sight(conn, &actor, &incident)?.check(&actor, Action::IncidentRead)?;
            let rows = store::assignments_of_incident(conn, &id)?;
            let members = store::members_of_all(conn, &rows.iter().map(|row| row.id).collect::<Vec<_>>())?;
            Ok(rows.iter().map(|row| view::with_people(row, &members)).collect())
        })
        .await?;
    Ok(items(shown))
}

/// A passing officer attaches himself, with his crew.
///
/// Permissions: police, auxiliaries, grid people and mediators of the incident's units.
#[utoipa::path(post, path = "/api/v1/incidents/{id}/join", tag = "assignments", params(("id" = IncidentId, Path)), request_body = Join,
    responses((status = 201, body = Object), (status = 200, body = Object), (status = 404), (status = 409)))]
pub async fn join(ctx: Ctx, PathId(id): PathId<IncidentId>, body: Body<Join>) -> Result<HttpResponse> {
    let rung = body.event.unwrap_or(Rung::Accepted);
    if !matches!(rung, Rung::Accepted | Rung::EnRoute | Rung::OnScene) {
        return Err(Error::field("event", "must be accepted, en_route or on_scene"));
    }
    let inner = ctx.clone();
    let done = idem::run(&ctx, &body.meta, Priority::Urgent, move |tx| commands::join(tx, &inner, &id, rung)).await?;
    made(&ctx, &done).await
}

/// One assignment with its ladder.
///
/// Permissions: its people, who may see the incident.
#[utoipa::path(get, path = "/api/v1/assignments/{id}", tag = "assignments", params(("id" = AssignmentId, Path)),
    responses((status = 200, body = Object), (status = 404)))]
pub async fn fetch(ctx: Ctx, PathId(id): PathId<AssignmentId>) -> Result<HttpResponse> {
    let actor = std::sync::Arc::clone(&ctx.actor);
    let (version, value) = ctx
        .db
        .snapshot(move |conn| {
            let row = store::assignment_fetch(conn, &id)?;
            may_see(conn, &actor, &row)?;
            Ok((row.version, view::full(conn, &row)?))
        })
        .await?;
    respond(200, version, &value)
}

/// Records a rung; late and repeated ones are welcome.
///
/// Permissions: the people of the assignment; the room and the partner by voice.
#[utoipa::path(post, path = "/api/v1/assignments/{id}/events", tag = "assignments", params(("id" = AssignmentId, Path)), request_body = EventIn,
    responses((status = 200, description = "applied, or applied:false with the current state", body = Object), (status = 403), (status = 404), (status = 409)))]
pub async fn event(ctx: Ctx, PathId(id): PathId<AssignmentId>, body: Body<EventIn>) -> Result<HttpResponse> {
    let (_, answer) = events::event(&ctx, &body.meta, id, body.value).await?;
    Ok(HttpResponse::Ok().json(answer))
}

/// Cancels one assignment (撤警).
///
/// Permissions: the room in command.
#[utoipa::path(post, path = "/api/v1/assignments/{id}/cancel", tag = "assignments", params(("id" = AssignmentId, Path)), request_body = Why,
    responses((status = 200, body = Object), (status = 409), (status = 412)))]
pub async fn cancel(ctx: Ctx, PathId(id): PathId<AssignmentId>, body: Body<Why>) -> Result<HttpResponse> {
    body::text_opt("reason", body.reason.as_deref(), 500)?;
    let (inner, meta, reason) = (ctx.clone(), body.meta.clone(), body.value.reason);
    let done = idem::run(&ctx, &body.meta, Priority::Urgent, move |tx| {
        commands::cancel(tx, &inner, &id, &meta, reason.as_deref())
    })
    .await?;
    one(&ctx, &done).await
}

/// Re-assigns (改派); grants a change request.
///
/// Permissions: the room in command.
#[utoipa::path(post, path = "/api/v1/assignments/{id}/reassign", tag = "assignments", params(("id" = AssignmentId, Path)), request_body = Reassign,
    responses((status = 201, body = Object), (status = 409), (status = 412)))]
pub async fn reassign(ctx: Ctx, PathId(id): PathId<AssignmentId>, body: Body<Reassign>) -> Result<HttpResponse> {
    body.to.check()?;
    body::text_opt("reason", body.reason.as_deref(), 500)?;
    let (inner, meta, asked) = (ctx.clone(), body.meta.clone(), body.value);
    let done = idem::run(&ctx, &body.meta, Priority::Urgent, move |tx| {
        commands::reassign(tx, &inner, &id, &meta, &asked.to, asked.reason.as_deref())
    })
    .await?;
    made(&ctx, &done).await
}

/// Refuses a change request.
///
/// Permissions: the room in command.
#[utoipa::path(post, path = "/api/v1/assignments/{id}/keep", tag = "assignments", params(("id" = AssignmentId, Path)), request_body = Why,
    responses((status = 200, body = Object), (status = 412)))]
pub async fn keep(ctx: Ctx, PathId(id): PathId<AssignmentId>, body: Body<Why>) -> Result<HttpResponse> {
    body::text_opt("reason", body.reason.as_deref(), 500)?;
    let (inner, meta, reason) = (ctx.clone(), body.meta.clone(), body.value.reason);
    let done = idem::run(&ctx, &body.meta, Priority::Normal, move |tx| {
        commands::keep(tx, &inner, &id, &meta, reason.as_deref())
    })
    .await?;
    one(&ctx, &done).await
}

/// Splits a person off a crew's assignment.
///
/// Permissions: oneself; the room in command.
#[utoipa::path(post, path = "/api/v1/assignments/{id}/leave", tag = "assignments", params(("id" = AssignmentId, Path)), request_body = Leave,
    responses((status = 200, body = Object), (status = 409)))]
pub async fn leave(ctx: Ctx, PathId(id): PathId<AssignmentId>, body: Body<Leave>) -> Result<HttpResponse> {
    let (inner, person) = (ctx.clone(), body.person_id);
    let done =
        idem::run(&ctx, &body.meta, Priority::Normal, move |tx| commands::leave(tx, &inner, &id, person)).await?;
    one(&ctx, &done).await
}

/// Which of one's own.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct MineQuery {
    /// False: everything ever; open ones unless told.
    pub open: Option<bool>,
    pub limit: Option<i64>,
    pub cursor: Option<String>,
}

/// One's own assignments with their incidents: the handset's queue.
///
/// Permissions: everybody his own.
#[utoipa::path(get, path = "/api/v1/me/assignments", tag = "assignments", params(MineQuery), responses((status = 200, body = Object)))]
pub async fn mine(ctx: Ctx, Params(query): Params<MineQuery>) -> Result<HttpResponse> {
    let limit = page::limit(query.limit)?;
    let before = query.cursor.as_deref().map(page::decode).transpose()?.as_deref().map(page::placed).transpose()?;
    let person = ctx.actor.person;
    let open = query.open.unwrap_or(true);
    let (page, shown) = ctx
        .db
        .read(move |conn| {
            let rows = if open {
                store::open_of_person(conn, &person)?
            } else {
                store::assignments_of_person(conn, &person, before, limit + 1)?
            };
            let bound = if open { i64::MAX } else { limit };
            let page = Items::from_rows(rows, bound, |row| page::place(row.created_at, row.id));
            let members = store::members_of_all(conn, &page.items.iter().map(|row| row.id).collect::<Vec<_>>())?;
            let mut shown = Vec::new();
            for row in &page.items {
                let mut value = view::with_people(row, &members);
                let incident = incidents::incident_fetch(conn, &row.incident_id)?;
                if let Some(map) = value.as_object_mut() {
                    map.insert("incident".into(), incident_view::plain(&incident)?);
                }
                shown.push(value);
            }
            Ok((page.next_cursor, shown))
        })
        .await?;
    Ok(HttpResponse::Ok().json(json!({ "items": shown, "next_cursor": page })))
}
