//! Intake, reading, corrections, notes, the timeline and the caller.

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use serde::Deserialize;
use serde_json::{Value, json};

use super::super::access;
use super::super::commands::{self, Patch};
use super::super::intake::{self, Intake};
use super::super::notes::{self, NewNote};
use super::super::push;
use super::super::state::State;
use super::super::store::{self, ListFilter};
use super::super::view;
use super::{items, respond, shown};
use crate::duty::officers::store as officers;
use crate::platform::ctx::Ctx;
use crate::platform::db::Priority;
use crate::platform::http::page::{self, Items};
use crate::platform::http::{Body, Params, PathId, idem};
use crate::platform::policy::{Action, PersonKind};
use crate::words::error::{Code, Error, Result};
use crate::words::ids::{IncidentId, NoteId, UnitId};
use crate::words::time::Timestamp;

/// Timeline lines of one answer.
const TIMELINE_MAX: i64 = 500;

/// A call comes in, or an officer meets something.
///
/// Permissions: service accounts for their own source, the room, people in the field.
#[utoipa::path(post, path = "/api/v1/incidents", tag = "incidents", request_body = Intake, responses(
    (status = 201, description = "created", body = Object), (status = 200, description = "known: same, applied or history", body = Object),
    (status = 409, description = "revision_conflict")))]
pub async fn create(ctx: Ctx, body: Body<Intake>) -> Result<HttpResponse> {
    let prepared = intake::Prepared::new(&ctx, body.value)?;
    let inner = ctx.clone();
    let done = idem::run(&ctx, &body.meta, Priority::Urgent, move |tx| push::intake(tx, &inner, &prepared)).await?;
    shown(&ctx, &done).await
}

/// Narrows the list.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct ListQuery {
    /// One state, or several with commas; `open` stands for all that are somebody's work.
    pub state: Option<String>,
    pub priority: Option<i32>,
    pub category: Option<String>,
    pub source: Option<String>,
    pub external_no: Option<String>,
    /// The subtree of this unit; one's own unless told.
    pub unit_id: Option<UnitId>,
    pub limit: Option<i64>,
    pub cursor: Option<String>,
}

fn states(text: Option<&str>) -> Result<Vec<State>> {
    let Some(text) = text else { return Ok(Vec::new()) };
    let mut states = Vec::new();
    for name in text.split(',') {
        if name == "open" {
            states.extend(State::ALL.iter().copied().filter(|state| state.is_open()));
        } else {
            states.push(name.parse().map_err(|_unknown| Error::field("state", "unknown value"))?);
        }
    }
    Ok(states)
}

/// Incidents one may see, newest first.
///
/// Permissions: a room and its supervisors their subtree; a source its own; others what they were sent to or started.
#[utoipa::path(get, path = "/api/v1/incidents", tag = "incidents", params(ListQuery), responses((status = 200, body = Object)))]
pub async fn list(ctx: Ctx, Params(query): Params<ListQuery>) -> Result<HttpResponse> {
    let limit = page::limit(query.limit)?;
    if query.priority.is_some_and(|priority| !(1..=4).contains(&priority)) {
        return Err(Error::field("priority", "must be between 1 and 4"));
    }
    let mut filter = ListFilter {
        states: states(query.state.as_deref())?,
        priority: query.priority,
        category: query.category,
        source: query.source,
        external_no: query.external_no,
        limit: limit + 1,
        ..ListFilter::default()
    };
    if let Some(cursor) = query.cursor.as_deref() {
        filter.before = Some(page::placed(&page::decode(cursor)?)?);
    }
    let actor = std::sync::Arc::clone(&ctx.actor);
    let unit = query.unit_id;
    if actor.kind == PersonKind::ServiceAccount
        && let Some(own) = actor.source.clone()
    {
        if filter.source.as_ref().is_some_and(|asked| *asked != own) {
            return Err(Error::new(Code::Forbidden));
        }
        filter.source = Some(own);
    }
    let rows = ctx
        .db
        .read(move |conn| {
            let system = actor.kind == PersonKind::ServiceAccount;
            if actor.kind.is_watching() || (system && actor.source.is_none()) {
                filter.unit_path = Some(actor.unit_path.clone());
            } else if !system {
                filter.person = Some(actor.person);
            }
            if let Some(unit) = unit {
                let unit = officers::unit_fetch(conn, &unit)?;
                if actor.kind.is_watching() && !actor.commands(&unit.path) {
                    return Err(Error::not_found("unit"));
                }
                filter.unit_path = Some(unit.path);
            }
            store::incident_list(conn, &filter)
        })
        .await?;
    let page = Items::from_rows(rows, limit, |row| page::place(row.created_at, row.id));
    let shown = page.items.iter().map(view::plain).collect::<Result<Vec<_>>>()?;
    Ok(HttpResponse::Ok().json(json!({ "items": shown, "next_cursor": page.next_cursor })))
}

/// One incident, with the caller masked.
///
/// Permissions: see the list.
#[utoipa::path(get, path = "/api/v1/incidents/{id}", tag = "incidents", params(("id" = IncidentId, Path)),
    responses((status = 200, body = Object), (status = 404)))]
pub async fn fetch(ctx: Ctx, PathId(id): PathId<IncidentId>) -> Result<HttpResponse> {
    let now = ctx.clock.now();
    let inner = ctx.clone();
    let (version, value) = ctx
        .db
        .snapshot(move |conn| {
            let row = store::incident_fetch(conn, &id)?;
            access::sight(conn, &inner.actor, &row)?.check(&inner.actor, Action::IncidentRead)?;
            Ok((row.version, view::full(conn, &inner.keys, &row, now)?))
        })
        .await?;
    respond(200, version, &value)
}

/// Corrections by the room or from the scene.
///
/// Permissions: the room all fields; the assigned place, hazards and the category found.
#[utoipa::path(patch, path = "/api/v1/incidents/{id}", tag = "incidents", params(("id" = IncidentId, Path)), request_body = Patch,
    responses((status = 200, body = Object), (status = 412, description = "stale")))]
pub async fn change(ctx: Ctx, PathId(id): PathId<IncidentId>, body: Body<Patch>) -> Result<HttpResponse> {
    body.check()?;
    let (inner, meta, patch) = (ctx.clone(), body.meta.clone(), body.value);
    let done = idem::run(&ctx, &body.meta, Priority::Normal, move |tx| commands::patch(tx, &inner, &id, &meta, &patch))
        .await?;
    shown(&ctx, &done).await
}

/// A note with links; everyone on the way gets it.
///
/// Permissions: the room, the assigned, the source.
#[utoipa::path(post, path = "/api/v1/incidents/{id}/notes", tag = "incidents", params(("id" = IncidentId, Path)), request_body = NewNote,
    responses((status = 201, body = Object), (status = 200, body = Object)))]
pub async fn note(ctx: Ctx, PathId(id): PathId<IncidentId>, body: Body<NewNote>) -> Result<HttpResponse> {
    body.check()?;
    let (inner, meta, new) = (ctx.clone(), body.meta.clone(), body.value);
    let done =
        idem::run(&ctx, &body.meta, Priority::Normal, move |tx| notes::add(tx, &inner, &id, &meta, &new)).await?;
    let note: NoteId = done.id()?;
    let value = ctx.db.read(move |conn| view::note(&store::note_fetch(conn, &note)?)).await?;
    let status = StatusCode::from_u16(done.status).map_err(Error::internal)?;
    Ok(HttpResponse::build(status).json(value))
}

/// All notes, oldest first.
///
/// Permissions: who may see the incident.
#[utoipa::path(get, path = "/api/v1/incidents/{id}/notes", tag = "incidents", params(("id" = IncidentId, Path)), responses((status = 200, body = Object)))]
pub async fn notes(ctx: Ctx, PathId(id): PathId<IncidentId>) -> Result<HttpResponse> {
    let actor = std::sync::Arc::clone(&ctx.actor);
    let rows = ctx
        .db
        .read(move |conn| {
            let row = store::incident_fetch(conn, &id)?;
            access::sight(conn, &actor, &row)?.check(&actor, Action::IncidentRead)?;
            store::notes_list(conn, &id)
        })
        .await?;
    Ok(items(rows.iter().map(view::note).collect::<Result<Vec<_>>>()?))
}

/// Narrows the timeline.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct TimelineQuery {
    /// Only lines after this instant.
    #[param(value_type = Option<String>)]
    pub after: Option<Timestamp>,
}

/// What happened, oldest first.
///
/// Permissions: who may see the incident.
#[utoipa::path(get, path = "/api/v1/incidents/{id}/timeline", tag = "incidents", params(("id" = IncidentId, Path), TimelineQuery),
    responses((status = 200, body = Object)))]
pub async fn timeline(
    ctx: Ctx,
    PathId(id): PathId<IncidentId>,
    Params(query): Params<TimelineQuery>,
) -> Result<HttpResponse> {
    let actor = std::sync::Arc::clone(&ctx.actor);
    let rows = ctx
        .db
        .read(move |conn| {
            let row = store::incident_fetch(conn, &id)?;
            access::sight(conn, &actor, &row)?.check(&actor, Action::IncidentRead)?;
            store::entries_list(conn, &id, query.after, TIMELINE_MAX)
        })
        .await?;
    let lines: Vec<Value> = rows
        .iter()
        .map(|row| {
            Ok(json!({ "at": row.at, "kind": row.kind, "person_id": row.actor, "data": view::parsed(&row.data)? }))
        })
        .collect::<Result<_>>()?;
    Ok(items(lines))
}

/// The caller's number in clear; the look is logged by itself.
///
/// Permissions: the assigned from acceptance until a day after the final feedback; the room in command.
#[utoipa::path(get, path = "/api/v1/incidents/{id}/caller", tag = "incidents", params(("id" = IncidentId, Path)),
    responses((status = 200, body = Object), (status = 403)))]
pub async fn caller(ctx: Ctx, PathId(id): PathId<IncidentId>) -> Result<HttpResponse> {
    let inner = ctx.clone();
    let value = ctx.db.write(Priority::Normal, move |tx| notes::caller(tx, &inner, &id)).await?;
    Ok(HttpResponse::Ok().insert_header(("cache-control", "no-store")).json(value))
}
