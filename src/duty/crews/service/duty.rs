//! Duty sign-on and sign-off (警力报备), and availability.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use uuid::Uuid;

use super::crews::{CrewView, crew_form, crew_view, member_join, member_part};
use super::issues::{device_carriable, device_hand_over, device_take_back};
use crate::duty::crews::{Availability, CarriedDevice, CrewRole, Duty, DutyLogRow, Member, messages, store};
use crate::duty::officers::auth::actor_of;
use crate::duty::officers::{PersonRow, PersonStatus, rules, store as people};
use crate::platform::audit;
use crate::platform::ctx::Ctx;
use crate::platform::db::{Conn, Priority, Tx};
use crate::platform::events::Event;
use crate::platform::http::body::object;
use crate::platform::http::{Done, RequestMeta, idem};
use crate::platform::policy::{Action, Actor, DeviceKind, Facts, PersonKind, may};
use crate::words::error::{Error, Result};
use crate::words::ids::{CrewId, DeviceId, PersonId};
use crate::words::time::Timestamp;

/// Devices one person can carry; bounds a sign-on.
const CARRIED_MAX: usize = 8;

/// Which crew to join: its id, its call sign in one's own unit (formed when there is none), or a new one.
#[derive(Clone, Debug, Deserialize, utoipa::ToSchema)]
#[serde(untagged)]
pub enum CrewChoice {
    Named(String),
    New(#[serde(deserialize_with = "object")] CrewAtSignOn),
}

/// A crew formed while signing on; the one who signs on leads it unless members say otherwise.
#[derive(Clone, Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CrewAtSignOn {
    pub call_sign: String,
    #[serde(default)]
    pub vehicle: Option<String>,
    #[serde(default)]
    pub members: Vec<Member>,
}

/// Signs on, changes what was reported, or signs off.
#[derive(Clone, Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct DutyBody {
    pub on_duty: bool,
    #[serde(default)]
    pub crew: Option<CrewChoice>,
    /// One's part in the crew; lead for a police officer who forms it, else assist or auxiliary.
    #[serde(default)]
    pub role: Option<CrewRole>,
    #[serde(default)]
    pub vehicle: Option<String>,
    #[serde(default)]
    pub call_sign: Option<String>,
    /// Code of a patrol grid (警格).
    #[serde(default)]
    pub grid: Option<String>,
    /// Exactly what is carried; absent: the asking device, when it is of a kind that is carried.
    #[serde(default)]
    pub carried_device_ids: Option<Vec<DeviceId>>,
    /// `available` or `unavailable`; only while not on an assignment.
    #[serde(default)]
    pub availability: Option<Availability>,
}

/// Duty as shown.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
pub struct DutyView {
    pub person_id: PersonId,
    pub on_duty: bool,
    pub availability: Availability,
    pub crew_id: Option<CrewId>,
    pub crew: Option<CrewView>,
    pub vehicle: Option<String>,
    pub call_sign: Option<String>,
    pub grid: Option<String>,
    pub since: Option<Timestamp>,
    pub carried_device_ids: Vec<DeviceId>,
    pub carried_devices: Vec<CarriedDevice>,
    pub version: i64,
}

/// The duty of one person with crew and devices.
pub fn duty_view(conn: &mut Conn, id: &PersonId) -> Result<DutyView> {
    let duty = store::duty_fetch(conn, id)?;
    let carried_devices = store::carried_devices(conn, id)?;
    let crew_id = store::crew_of(conn, id)?;
    let crew = crew_id.map(|id| crew_view(conn, &id)).transpose()?;
    Ok(DutyView {
        person_id: duty.person_id,
        on_duty: duty.on_duty,
        availability: duty.availability,
        crew_id,
        vehicle: duty.vehicle.or_else(|| crew.as_ref().and_then(|c| c.vehicle.clone())),
        call_sign: duty.call_sign.or_else(|| crew.as_ref().map(|c| c.call_sign.clone())),
        grid: duty.grid,
        crew,
        since: duty.since,
        carried_device_ids: carried_devices.iter().map(|d| d.id).collect(),
        carried_devices,
        version: duty.version,
    })
}

/// One's own duty. Errors: `forbidden` for systems, `not_found` for a foreign device or crew,
/// `conflict` when availability is asked for in the middle of an assignment.
pub async fn duty_set(ctx: &Ctx, meta: &RequestMeta, body: DutyBody) -> Result<Done> {
    person_duty_set(ctx, meta, ctx.actor.person, body).await
}

/// Somebody's duty, reported by himself or by the room.
pub async fn person_duty_set(ctx: &Ctx, meta: &RequestMeta, id: PersonId, body: DutyBody) -> Result<Done> {
    let vehicle = rules::name_opt("vehicle", body.vehicle.as_deref())?;
    let call_sign = rules::name_opt("call_sign", body.call_sign.as_deref())?;
    let grid = rules::name_opt("grid", body.grid.as_deref())?;
    if body.carried_device_ids.as_ref().is_some_and(|ids| ids.len() > CARRIED_MAX) {
        return Err(Error::field("carried_device_ids", format!("at most {CARRIED_MAX}")));
    }
    if body.availability.is_some_and(|a| !matches!(a, Availability::Available | Availability::Unavailable)) {
        return Err(Error::field("availability", "must be available or unavailable"));
    }
    let actor = std::sync::Arc::clone(&ctx.actor);
    idem::run(ctx, meta, Priority::Normal, move |tx| {
        let person = person_for_duty(tx.conn(), &actor, &id)?;
        if body.on_duty {
            let reported = Reported { vehicle: vehicle.clone(), call_sign: call_sign.clone(), grid: grid.clone() };
            sign_on(tx, &actor, &person, &body, reported)?;
        } else {
            sign_off(tx, &actor, &person.id, "signed_off")?;
        }
        messages::duty_changed(tx, &[id], actor.person)?;
        Ok(Done::new(200, id.to_string()))
    })
    .await
}

/// The person, if the actor may report for him: himself, or the room of his subtree.
fn person_for_duty(conn: &mut Conn, actor: &Actor, id: &PersonId) -> Result<PersonRow> {
    let person = people::person_fetch(conn, id)?;
    let unit = people::unit_fetch(conn, &person.unit_id)?;
    let own = *id == actor.person;
    if !own && !actor.commands(&unit.path) {
        return Err(Error::not_found("person"));
    }
    may(actor, Action::CrewWrite, &Facts { unit_path: Some(&unit.path), own, ..Facts::default() }).check("person")?;
    if person.kind == PersonKind::ServiceAccount {
        return Err(Error::forbidden("a system is never on duty"));
    }
    if person.status != PersonStatus::Active {
        return Err(Error::conflict("the account is disabled"));
    }
    Ok(person)
}

struct Reported {
    vehicle: Option<String>,
    call_sign: Option<String>,
    grid: Option<String>,
}

fn sign_on(tx: &mut Tx<'_>, actor: &Actor, person: &PersonRow, body: &DutyBody, reported: Reported) -> Result<()> {
    let now = tx.now;
    let before = store::duty_fetch(tx.conn(), &person.id)?;
    let fresh = !before.on_duty;
    let base = if fresh { Duty { crew_id: before.crew_id, ..Duty::off(person.id) } } else { before.clone() };
    let availability = match (fresh, body.availability) {
        (true, asked) => asked.unwrap_or(Availability::Available),
        (false, None) => base.availability,
        (false, Some(asked)) if matches!(base.availability, Availability::Available | Availability::Unavailable) => {
            asked
        }
        (false, Some(_)) => return Err(Error::conflict("availability follows the open assignment")),
    };
    let row = Duty {
        person_id: person.id,
        on_duty: true,
        availability,
        crew_id: base.crew_id,
        vehicle: reported.vehicle.or(base.vehicle),
        call_sign: reported.call_sign.or(base.call_sign),
        grid: reported.grid.or(base.grid),
        since: if fresh { Some(now) } else { base.since },
        version: before.version + 1,
        updated_at: now,
    };
    store::duty_put(tx.conn(), &row)?;
    carried_set(tx, actor, person, body, fresh)?;
    if let Some(choice) = &body.crew {
        crew_choose(tx, actor, person, choice, body.role)?;
    }
    duty_log(
        tx,
        actor,
        &person.id,
        if fresh { "signed_on" } else { "changed" },
        &json!({ "availability": availability }),
    )?;
    if fresh {
        audit::record(tx, Some(actor), "duty.on", "person", &person.id.to_string(), &json!({}))?;
    }
    tx.emit(&Event::DutyChanged { person: person.id, on_duty: true })
}

/// Signs somebody off: crew left, devices returned. Nothing happens when off duty already.
pub fn sign_off(tx: &mut Tx<'_>, actor: &Actor, id: &PersonId, reason: &str) -> Result<()> {
    let now = tx.now;
    let before = store::duty_fetch(tx.conn(), id)?;
    member_part(tx, id)?;
    for device in store::carried_devices(tx.conn(), id)? {
        device_take_back(tx, &device.id, reason)?;
    }
    if !before.on_duty {
        return Ok(());
    }
    let row = Duty { since: Some(now), version: before.version + 1, updated_at: now, ..Duty::off(*id) };
    store::duty_put(tx.conn(), &row)?;
    duty_log(tx, actor, id, "signed_off", &json!({ "reason": reason }))?;
    audit::record(tx, Some(actor), "duty.off", "person", &id.to_string(), &json!({ "reason": reason }))?;
    tx.emit(&Event::DutyChanged { person: *id, on_duty: false })
}

/// What follows from disabling an account: off duty at once. Called by the reactions.
pub fn person_gone(tx: &mut Tx<'_>, id: &PersonId) -> Result<()> {
    let person = people::person_fetch(tx.conn(), id)?;
    let system = actor_of(tx.conn(), person, DeviceId::from(Uuid::nil()), DeviceKind::Browser)?;
    sign_off(tx, &system, id, "person_disabled")
}

fn carried_set(tx: &mut Tx<'_>, actor: &Actor, person: &PersonRow, body: &DutyBody, fresh: bool) -> Result<()> {
    let own = actor.person == person.id;
    let wanted: Vec<DeviceId> = match &body.carried_device_ids {
        Some(ids) => {
            for held in store::carried_devices(tx.conn(), &person.id)? {
                if !ids.contains(&held.id) {
                    device_take_back(tx, &held.id, "returned")?;
                }
            }
            ids.clone()
        }
        None if own && actor.device_kind.carried_by_default() => vec![actor.device],
        None => Vec::new(),
    };
    // Left over from a shift that never signed off: a new shift starts with what it names.
    if fresh && body.carried_device_ids.is_none() {
        for held in store::carried_devices(tx.conn(), &person.id)? {
            if !wanted.contains(&held.id) {
                device_take_back(tx, &held.id, "returned")?;
            }
        }
    }
    for id in wanted {
        device_carriable(tx.conn(), actor, person, &id)?;
        device_hand_over(tx, &id, &person.id)?;
    }
    Ok(())
}

fn crew_choose(
    tx: &mut Tx<'_>,
    actor: &Actor,
    person: &PersonRow,
    choice: &CrewChoice,
    role: Option<CrewRole>,
) -> Result<()> {
    match choice {
        CrewChoice::Named(name) => {
            let known = match name.parse::<CrewId>() {
                Ok(id) => Some(super::crews::crew_open(tx.conn(), actor, &id)?),
                Err(_not_an_id) => {
                    let call_sign = rules::name("crew", name)?;
                    store::crew_by_call_sign(tx.conn(), &person.unit_id, &call_sign)?
                }
            };
            match known {
                Some(crew) => {
                    let role = role.unwrap_or_else(|| role_default(person.kind, false));
                    member_join(tx, actor, &crew.id, &Member { person_id: person.id, role })
                }
                None => {
                    let role = role.unwrap_or_else(|| role_default(person.kind, true));
                    let members = [Member { person_id: person.id, role }];
                    crew_form(tx, actor, person.unit_id, name, None, None, &members).map(drop)
                }
            }
        }
        CrewChoice::New(new) => {
            let mut members = new.members.clone();
            if members.iter().all(|m| m.person_id != person.id) {
                let role = role.unwrap_or_else(|| role_default(person.kind, true));
                members.insert(0, Member { person_id: person.id, role });
            }
            crew_form(tx, actor, person.unit_id, &new.call_sign, new.vehicle.as_deref(), None, &members).map(drop)
        }
    }
}

/// The usual part of a kind of person: police lead what they form, auxiliaries never do.
fn role_default(kind: PersonKind, forms: bool) -> CrewRole {
    match kind {
        PersonKind::Auxiliary | PersonKind::Guard | PersonKind::Volunteer => CrewRole::Auxiliary,
        _ if forms => CrewRole::Lead,
        _ => CrewRole::Assist,
    }
}

/// Appends a line to the duty log.
pub fn duty_log(tx: &mut Tx<'_>, actor: &Actor, id: &PersonId, change: &str, data: &Value) -> Result<()> {
    let at = tx.now;
    let by_device_id = actor.session.map(|_| actor.device);
    let row = DutyLogRow {
        id: Uuid::now_v7().to_string(),
        person_id: *id,
        at,
        change: change.to_owned(),
        by_person_id: actor.person,
        by_device_id,
        data: data.to_string(),
    };
    store::duty_log_insert(tx.conn(), &row)
}

/// Moves the stored availability of somebody on duty; called by the reactions. Nothing happens
/// off duty. Emits `AvailabilityChanged` when it moved, so that lists and the live view follow.
pub fn availability_set(tx: &mut Tx<'_>, id: &PersonId, to: Availability) -> Result<()> {
    let now = tx.now;
    if store::duty_availability_set(tx.conn(), id, to, now)? {
        tx.emit(&Event::AvailabilityChanged { person: *id })?;
    }
    Ok(())
}
