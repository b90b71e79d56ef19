//! Who am I, and who is on duty.

use std::collections::HashMap;
use std::sync::Arc;

use actix_web::HttpResponse;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::duty::crews::service::{self, DutyBody, DutyView, duty_view};
use crate::duty::crews::{Availability, CarriedDevice, store};
use crate::duty::officers::http::{PersonView, person_view};
use crate::duty::officers::service::{secrets_open, unit_visible};
use crate::duty::officers::{UnitRow, store as people};
use crate::platform::ctx::Ctx;
use crate::platform::db::Conn;
use crate::platform::http::{Body, Params, PathId};
use crate::platform::policy::{Action, Actor, DeviceKind, Facts, PersonKind, may};
use crate::platform::push::hub::Reach;
use crate::words::error::{Error, Result};
use crate::words::ids::{CrewId, DeviceId, PersonId, SessionId, UnitId};
use crate::words::time::Timestamp;

/// Lines of the duty log shown at once.
const LOG_LINES: i64 = 500;

/// Everything a client wants to know at its start.
#[derive(Serialize, utoipa::ToSchema)]
pub struct Me {
    #[serde(flatten)]
    pub person: PersonView,
    pub unit: UnitRow,
    pub device: MyDevice,
    pub session_id: Option<SessionId>,
    pub duty: DutyView,
    pub server_time: Timestamp,
}

/// The asking device.
#[derive(Serialize, utoipa::ToSchema)]
pub struct MyDevice {
    pub id: DeviceId,
    pub kind: DeviceKind,
    pub name: String,
    pub enrolled: bool,
}

/// One line of the duty log.
#[derive(Serialize, utoipa::ToSchema)]
pub struct DutyLogLine {
    pub at: Timestamp,
    /// `signed_on`, `changed`, `signed_off`, `crew_joined`, `crew_left`, `device_issued`, `device_returned`
    pub change: String,
    pub by_person_id: PersonId,
    pub by_device_id: Option<DeviceId>,
    #[schema(value_type = Object)]
    pub data: Value,
}

/// The duty log, named for the description.
#[derive(Serialize, utoipa::ToSchema)]
pub struct DutyLog {
    pub items: Vec<DutyLogLine>,
    pub next_cursor: Option<String>,
}

/// Which part of the log.
#[derive(Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct LogQuery {
    /// The last 24 hours when absent.
    pub from: Option<Timestamp>,
    pub to: Option<Timestamp>,
}

/// Whose roster.
#[derive(Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct RosterQuery {
    /// The subtree of this unit; one's own when absent.
    pub unit_id: Option<UnitId>,
}

/// Somebody on duty, and whether a machine can reach him now.
#[derive(Serialize, utoipa::ToSchema)]
pub struct RosterLine {
    pub person_id: PersonId,
    pub name: String,
    pub kind: PersonKind,
    pub unit_id: UnitId,
    pub crew_id: Option<CrewId>,
    pub availability: Availability,
    pub grid: Option<String>,
    pub carried_devices: Vec<CarriedDevice>,
    /// `socket`, `recent`, or `voice` when only a telephone or radio will do.
    pub reach: &'static str,
}

/// The roster, named for the description.
#[derive(Serialize, utoipa::ToSchema)]
pub struct Roster {
    pub items: Vec<RosterLine>,
    pub next_cursor: Option<String>,
}

/// Oneself: person, unit, device, duty.
///
/// Permissions: anybody signed in.
#[utoipa::path(get, path = "/api/v1/me", tag = "duty", responses((status = 200, body = Me), (status = 401)))]
pub async fn me(ctx: Ctx) -> Result<HttpResponse> {
    let (core, actor) = (Arc::clone(&ctx.core), Arc::clone(&ctx.actor));
    let server_time = ctx.clock.now();
    let me = ctx
        .db
        .read(move |conn| {
            let id = actor.person;
            let mut person = person_view(people::person_fetch(conn, &id)?);
            for (field, plain) in secrets_open(&core, conn, &id)? {
                match field.as_str() {
                    "phone" => person.phone = Some(plain),
                    _ => person.identity_no = Some(plain),
                }
            }
            let device = people::device_fetch(conn, &actor.device)?;
            Ok(Me {
                unit: people::unit_fetch(conn, &person.unit_id)?,
                person,
                device: MyDevice { id: device.id, kind: device.kind, name: device.name, enrolled: device.enrolled },
                session_id: actor.session,
                duty: duty_view(conn, &id)?,
                server_time,
            })
        })
        .await?;
    Ok(HttpResponse::Ok().json(me))
}

async fn shown(ctx: &Ctx, id: PersonId) -> Result<HttpResponse> {
    let view = ctx.db.read(move |conn| duty_view(conn, &id)).await?;
    Ok(HttpResponse::Ok().insert_header(("ETag", format!("\"{}\"", view.version))).json(view))
}

/// One's own duty.
///
/// Permissions: anybody signed in.
#[utoipa::path(get, path = "/api/v1/me/duty", tag = "duty", responses((status = 200, body = DutyView)))]
pub async fn mine(ctx: Ctx) -> Result<HttpResponse> {
    let id = ctx.actor.person;
    shown(&ctx, id).await
}

/// Signs on, changes what was reported, or signs off (警力报备).
///
/// Permissions: anybody but systems, for himself.
#[utoipa::path(put, path = "/api/v1/me/duty", tag = "duty", request_body = DutyBody,
    responses((status = 200, body = DutyView), (status = 403), (status = 404), (status = 409)))]
pub async fn report(ctx: Ctx, body: Body<DutyBody>) -> Result<HttpResponse> {
    service::duty_set(&ctx, &body.meta, body.value).await?;
    mine(ctx).await
}

/// Somebody of the actor's subtree, or himself; anybody else is hidden.
fn colleague(conn: &mut Conn, actor: &Actor, id: &PersonId, room: bool) -> Result<()> {
    let person = people::person_fetch(conn, id)?;
    let unit = people::unit_fetch(conn, &person.unit_id)?;
    if *id == actor.person {
        return Ok(());
    }
    if actor.kind == PersonKind::ServiceAccount || !actor.commands(&unit.path) {
        return Err(Error::not_found("person"));
    }
    if room && !actor.kind.is_watching() {
        return Err(Error::forbidden("command rooms only"));
    }
    Ok(())
}

/// The duty of a colleague.
///
/// Permissions: oneself, and people of the subtree.
#[utoipa::path(get, path = "/api/v1/people/{id}/duty", tag = "duty", params(("id" = PersonId, Path)),
    responses((status = 200, body = DutyView), (status = 404)))]
pub async fn of(ctx: Ctx, PathId(id): PathId<PersonId>) -> Result<HttpResponse> {
    let actor = Arc::clone(&ctx.actor);
    ctx.db.read(move |conn| colleague(conn, &actor, &id, false)).await?;
    shown(&ctx, id).await
}

/// Signs somebody on or off.
///
/// Permissions: oneself, and dispatchers and administrators of the subtree.
#[utoipa::path(put, path = "/api/v1/people/{id}/duty", tag = "duty", params(("id" = PersonId, Path)), request_body = DutyBody,
    responses((status = 200, body = DutyView), (status = 403), (status = 404), (status = 409)))]
pub async fn report_for(ctx: Ctx, PathId(id): PathId<PersonId>, body: Body<DutyBody>) -> Result<HttpResponse> {
    service::person_duty_set(&ctx, &body.meta, id, body.value).await?;
    shown(&ctx, id).await
}

/// The duty log of a person: signing on and off, crews, devices.
///
/// Permissions: oneself, and rooms of the subtree.
#[utoipa::path(get, path = "/api/v1/people/{id}/duty-log", tag = "duty", params(("id" = PersonId, Path), LogQuery),
    responses((status = 200, body = DutyLog), (status = 403), (status = 404)))]
pub async fn log(ctx: Ctx, PathId(id): PathId<PersonId>, Params(query): Params<LogQuery>) -> Result<HttpResponse> {
    let actor = Arc::clone(&ctx.actor);
    let to = query.to.unwrap_or_else(|| ctx.clock.now().plus_secs(60));
    let from = query.from.unwrap_or_else(|| to.plus_secs(-86_400));
    let rows = ctx
        .db
        .read(move |conn| {
            colleague(conn, &actor, &id, true)?;
            store::duty_log_of(conn, &id, from, to, LOG_LINES)
        })
        .await?;
    let items = rows
        .into_iter()
        .map(|row| DutyLogLine {
            at: row.at,
            change: row.change,
            by_person_id: row.by_person_id,
            by_device_id: row.by_device_id,
            data: serde_json::from_str(&row.data).unwrap_or_default(),
        })
        .collect();
    Ok(HttpResponse::Ok().json(DutyLog { items, next_cursor: None }))
}

/// Everybody on duty in a subtree, with what they carry and how they can be reached.
///
/// Permissions: dispatchers, supervisors and administrators of the subtree.
#[utoipa::path(get, path = "/api/v1/roster", tag = "duty", params(RosterQuery), responses((status = 200, body = Roster), (status = 403)))]
pub async fn roster(ctx: Ctx, Params(query): Params<RosterQuery>) -> Result<HttpResponse> {
    let actor = Arc::clone(&ctx.actor);
    let own = Facts { unit_path: Some(&ctx.actor.unit_path), ..Facts::default() };
    if may(&ctx.actor, Action::LiveRead, &own).check("roster").is_err() {
        return Err(Error::forbidden("command rooms only"));
    }
    let (people, names, carried) = ctx
        .db
        .read(move |conn| {
            let asked = query.unit_id.map(|id| unit_visible(conn, &actor, &id)).transpose()?.map(|unit| unit.path);
            let path = asked.filter(|path| actor.commands(path)).unwrap_or_else(|| actor.unit_path.clone());
            let on_duty = store::people_on_duty(conn, &path)?;
            let ids: Vec<PersonId> = on_duty.iter().map(|p| p.person_id).collect();
            Ok((on_duty, people::people_fetch(conn, &ids)?, store::carried_of(conn, &ids)?))
        })
        .await?;
    let names: HashMap<PersonId, String> = names.into_iter().map(|row| (row.id, row.name)).collect();
    let mut devices: HashMap<PersonId, Vec<CarriedDevice>> = HashMap::new();
    for (person, id, kind) in carried {
        devices.entry(person).or_default().push(CarriedDevice { id, kind });
    }
    let now = ctx.clock.now();
    let items = people
        .into_iter()
        .map(|p| {
            let carried_devices = devices.remove(&p.person_id).unwrap_or_default();
            let ids: Vec<DeviceId> = carried_devices.iter().map(|d| d.id).collect();
            let reach = match ctx.hub.reach(&p.person_id, &ids, now) {
                Reach::Socket => "socket",
                Reach::Recent => "recent",
                Reach::None => "voice",
            };
            RosterLine {
                name: names.get(&p.person_id).cloned().unwrap_or_default(),
                person_id: p.person_id,
                kind: p.kind,
                unit_id: p.unit_id,
                crew_id: p.crew_id,
                availability: p.availability,
                grid: p.grid,
                carried_devices,
                reach,
            }
        })
        .collect();
    Ok(HttpResponse::Ok().json(Roster { items, next_cursor: None }))
}
