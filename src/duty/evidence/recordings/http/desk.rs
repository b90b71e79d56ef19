//! What rooms, officers and custodians ask of recordings, and what they decide.

use std::sync::Arc;

use actix_web::http::StatusCode;
use actix_web::http::header::CACHE_CONTROL;
use actix_web::{HttpRequest, HttpResponse};
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::super::service::{self, FetchBody, IncidentRecordings, UnclaimedLine, WearerBody};
use super::super::store::{self, ListFilter, RecordingRow};
use super::super::view::{self, RecordingLine, RecordingView};
use super::super::{State, access as sights, rules};
use crate::duty::evidence::access::{self, Look};
use crate::duty::evidence::rules::PURPOSE_MAX;
use crate::duty::incidents::{access as calls, store as incidents};
use crate::duty::officers::store as officers;
use crate::platform::ctx::Ctx;
use crate::platform::db::Conn;
use crate::platform::http::page;
use crate::platform::http::problem::request_reads_chinese;
use crate::platform::http::{Body, Done, Items, Page, Params, PathId, body};
use crate::platform::policy::{Action, Actor, PersonKind};
use crate::words::error::{Error, Result};
use crate::words::ids::{DeviceId, IncidentId, PersonId, RecordingId, UnitId};
use crate::words::time::Timestamp;

/// Narrows the list.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct ListQuery {
    pub incident_id: Option<IncidentId>,
    /// Who wore the camera.
    pub person_id: Option<PersonId>,
    /// The camera, or the dock.
    pub device_id: Option<DeviceId>,
    /// Running at or after.
    #[param(value_type = Option<String>)]
    pub from: Option<Timestamp>,
    /// Begun before.
    #[param(value_type = Option<String>)]
    pub to: Option<Timestamp>,
    #[param(inline)]
    pub state: Option<State>,
    /// Only what is not stored 24 hours after its end.
    pub overdue: Option<bool>,
    /// Why; kept in the log.
    #[param(max_length = 200)]
    pub purpose: Option<String>,
    pub limit: Option<i64>,
    pub cursor: Option<String>,
}

/// Why one looks.
#[derive(Debug, Default, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct PurposeQuery {
    /// Why; kept in the log.
    #[param(max_length = 200)]
    pub purpose: Option<String>,
}

/// A page of recordings, named for the description.
#[derive(Serialize, utoipa::ToSchema)]
pub struct RecordingList {
    pub items: Vec<RecordingLine>,
    pub next_cursor: Option<String>,
}

/// A page of what is nobody's yet, named for the description.
#[derive(Serialize, utoipa::ToSchema)]
pub struct UnclaimedList {
    pub items: Vec<UnclaimedLine>,
    pub next_cursor: Option<String>,
}

/// The units whose recordings this person watches.
fn units_of(conn: &mut Conn, actor: &Actor) -> Result<Vec<UnitId>> {
    if actor.kind != PersonKind::Custodian && !actor.kind.is_watching() {
        return Ok(Vec::new());
    }
    Ok(officers::units_in_subtree(conn, &actor.unit_path)?.iter().map(|unit| unit.id).collect())
}

/// Errors: `not_found` for an incident whose evidence is none of the actor's business.
fn incident_seen(conn: &mut Conn, actor: &Actor, id: &IncidentId) -> Result<()> {
    if actor.kind == PersonKind::ServiceAccount {
        // A source sees its incidents, not what officers recorded of them.
        return Err(Error::not_found("incident"));
    }
    let row = incidents::incident_fetch(conn, id)?;
    calls::sight(conn, actor, &row)?.check(actor, Action::EvidenceRead)
}

fn place(row: &RecordingRow) -> String {
    page::place(row.started_at, row.id)
}

fn before(cursor: Option<&str>) -> Result<Option<(Timestamp, RecordingId)>> {
    cursor.map(page::decode).transpose()?.as_deref().map(page::placed).transpose()
}

/// Recordings and where each lies, the latest first: what a camera holds, what a dock holds, what is stored, what is
/// missing.
///
/// Permissions: everybody what he wore, and those of an incident he is or was sent to; rooms, supervisors and custodians
/// those of their subtree and of its incidents. Somebody else's in the answer leave an entry in the log.
#[utoipa::path(get, path = "/api/v1/recordings", tag = "evidence", params(ListQuery),
    responses((status = 200, body = RecordingList), (status = 404)))]
pub async fn list(ctx: Ctx, Params(query): Params<ListQuery>) -> Result<HttpResponse> {
    body::text_opt("purpose", query.purpose.as_deref(), PURPOSE_MAX)?;
    let limit = page::limit(query.limit)?;
    let before = before(query.cursor.as_deref())?;
    let (actor, now) = (Arc::clone(&ctx.actor), ctx.clock.now());
    let (incident, person) = (query.incident_id, query.person_id);
    let overdue_before = (query.overdue == Some(true)).then(|| now.plus_secs(-rules::HAND_IN_S));
    let (device, from, to, state) = (query.device_id, query.from, query.to, query.state);
    let (items, next_cursor) = ctx
        .db
        .read(move |conn| {
            let only = match incident {
                Some(id) => {
                    incident_seen(conn, &actor, &id)?;
                    Some(service::rows_of_incident(conn, &id, now)?.iter().map(|row| row.id).collect())
                }
                None => None,
            };
            let filter = ListFilter {
                viewer: actor.person,
                units: units_of(conn, &actor)?,
                only,
                person,
                device,
                from,
                to,
                state,
                overdue_before,
                unclaimed: false,
                before,
                limit: limit + 1,
            };
            let page = Items::from_rows(store::recordings_list(conn, &filter)?, limit, place);
            Ok((view::lines(conn, page.items, now)?, page.next_cursor))
        })
        .await?;
    let others = items.iter().filter(|line| line.wearer_id != Some(ctx.actor.person)).count();
    look(&ctx, others, incident, person, query.purpose).await?;
    Ok(HttpResponse::Ok().insert_header((CACHE_CONTROL, "no-store")).json(RecordingList { items, next_cursor }))
}

/// A look at somebody else's recordings is written down before it is answered, as one at his evidence is.
async fn look(
    ctx: &Ctx,
    others: usize,
    incident: Option<IncidentId>,
    person: Option<PersonId>,
    purpose: Option<String>,
) -> Result<()> {
    if others == 0 {
        return Ok(());
    }
    let detail = json!({ "recordings": others, "incident_id": incident, "person_id": person });
    access::record(ctx, None, Look::List(incident, person), purpose, detail).await
}

/// One recording: where it lies, its segments, who signed for it, what happened to it and who decided what.
///
/// Permissions: who wore the camera, people sent to an incident of it, rooms, supervisors and custodians above it.
/// Others: 404. A look at somebody else's leaves an entry in the log.
#[utoipa::path(get, path = "/api/v1/recordings/{id}", tag = "evidence",
    params(("id" = RecordingId, Path), PurposeQuery), responses((status = 200, body = RecordingView), (status = 404)))]
pub async fn one(
    ctx: Ctx,
    PathId(id): PathId<RecordingId>,
    Params(query): Params<PurposeQuery>,
) -> Result<HttpResponse> {
    body::text_opt("purpose", query.purpose.as_deref(), PURPOSE_MAX)?;
    let (actor, now) = (Arc::clone(&ctx.actor), ctx.clock.now());
    let (value, own) = ctx
        .db
        .snapshot(move |conn| {
            let (row, sight) = sights::fetch(conn, &actor, &id, Action::EvidenceRead)?;
            Ok((view::full(conn, row, now)?, sight.own))
        })
        .await?;
    look(&ctx, usize::from(!own), None, value.line.wearer_id, query.purpose).await?;
    Ok(HttpResponse::Ok().insert_header((CACHE_CONTROL, "no-store")).json(value))
}

/// Recordings of which nobody is known to have worn the camera, each with a proposal where there is one.
///
/// Permissions: rooms, supervisors and custodians, those of their subtree.
#[utoipa::path(get, path = "/api/v1/recordings/unclaimed", tag = "evidence", params(Page),
    responses((status = 200, body = UnclaimedList), (status = 403)))]
pub async fn unclaimed(ctx: Ctx, Params(query): Params<Page>, request: HttpRequest) -> Result<HttpResponse> {
    let (actor, now) = (Arc::clone(&ctx.actor), ctx.clock.now());
    if actor.kind != PersonKind::Custodian && !actor.kind.is_watching() {
        return Err(Error::forbidden("command rooms and custodians only"));
    }
    let (limit, before) = (query.limit()?, before(query.cursor.as_deref())?);
    let english = !request_reads_chinese(&request);
    let (items, next_cursor) = ctx
        .db
        .read(move |conn| {
            let filter = ListFilter {
                viewer: actor.person,
                units: units_of(conn, &actor)?,
                only: None,
                person: None,
                device: None,
                from: None,
                to: None,
                state: None,
                overdue_before: None,
                unclaimed: true,
                before,
                limit: limit + 1,
            };
            let page = Items::from_rows(store::recordings_list(conn, &filter)?, limit, place);
            Ok((service::unclaimed(conn, page.items, now, english)?, page.next_cursor))
        })
        .await?;
    look(&ctx, items.len(), None, None, None).await?;
    Ok(HttpResponse::Ok().insert_header((CACHE_CONTROL, "no-store")).json(UnclaimedList { items, next_cursor }))
}

/// The recordings of an incident, put together from their segments, and for everybody who was there the stretches
/// between arrival and clearing that nobody recorded.
///
/// Permissions: who may see the incident's evidence: people who are or were sent to it, rooms, supervisors and custodians
/// of its units.
#[utoipa::path(get, path = "/api/v1/incidents/{id}/recordings", tag = "evidence",
    params(("id" = IncidentId, Path), PurposeQuery),
    responses((status = 200, body = IncidentRecordings), (status = 404)))]
pub async fn of_incident(
    ctx: Ctx,
    PathId(id): PathId<IncidentId>,
    Params(query): Params<PurposeQuery>,
) -> Result<HttpResponse> {
    body::text_opt("purpose", query.purpose.as_deref(), PURPOSE_MAX)?;
    let (actor, now) = (Arc::clone(&ctx.actor), ctx.clock.now());
    let found = ctx
        .db
        .read(move |conn| {
            incident_seen(conn, &actor, &id)?;
            service::of_incident(conn, id, now)
        })
        .await?;
    let me = Some(ctx.actor.person);
    let lines = found.recordings.iter().flat_map(|whole| &whole.segments);
    look(&ctx, lines.filter(|line| line.wearer_id != me).count(), Some(id), None, query.purpose).await?;
    Ok(HttpResponse::Ok().insert_header((CACHE_CONTROL, "no-store")).json(found))
}

/// Decides who wore the camera: for this recording and all its segments that are nobody's yet.
///
/// Permissions: custodians and supervisors above it, in their own name.
#[utoipa::path(post, path = "/api/v1/recordings/{id}/wearer", tag = "evidence", params(("id" = RecordingId, Path)),
    request_body = WearerBody,
    responses((status = 200, body = RecordingView), (status = 403), (status = 404), (status = 422)))]
pub async fn wearer(ctx: Ctx, PathId(id): PathId<RecordingId>, body: Body<WearerBody>) -> Result<HttpResponse> {
    let done = service::decide(&ctx, &body.meta, id, body.value).await?;
    shown(&ctx, &done).await
}

/// Asks for a recording that is not stored yet: the dock is to bring it first.
///
/// Permissions: who may see the original once it is there: who wore the camera, rooms, supervisors, custodians above it.
#[utoipa::path(post, path = "/api/v1/recordings/{id}/fetch", tag = "evidence", params(("id" = RecordingId, Path)),
    request_body = FetchBody,
    responses((status = 200, body = RecordingView), (status = 403), (status = 404), (status = 409)))]
pub async fn fetch(ctx: Ctx, PathId(id): PathId<RecordingId>, body: Body<FetchBody>) -> Result<HttpResponse> {
    let done = service::fetch(&ctx, &body.meta, id, body.value).await?;
    shown(&ctx, &done).await
}

/// A recording as the answer to a command about it.
async fn shown(ctx: &Ctx, done: &Done) -> Result<HttpResponse> {
    let id: RecordingId = done.id()?;
    let now = ctx.clock.now();
    let value = ctx
        .db
        .snapshot(move |conn| {
            let row = store::recording_fetch(conn, &id)?;
            view::full(conn, row, now)
        })
        .await?;
    let status = StatusCode::from_u16(done.status).map_err(Error::internal)?;
    Ok(HttpResponse::build(status).json(value))
}
