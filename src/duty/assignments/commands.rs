//! The room's commands on one assignment, and a person's own: re-assign,
//! refuse a change, cancel, split off, join by oneself.

use serde_json::json;

use super::after;
use super::assign::{self, Assign};
use super::clocks;
use super::escalation::Limit;
use super::ladder::{self, Rung, Standing, State, Truth, Via};
use super::offer::{self, Offer};
use super::store::{self, AssignmentRow, Origin, RungRow};
use super::{active, events};
use crate::duty::crews::store as crews;
use crate::duty::incidents::access;
use crate::duty::incidents::service as incident_service;
use crate::duty::incidents::state::{self, Command};
use crate::duty::incidents::store as incidents;
use crate::duty::incidents::trail;
use crate::duty::officers::store as officers;
use crate::platform::cards::{self, Draw};
use crate::platform::ctx::{Core, Ctx};
use crate::platform::db::Tx;
use crate::platform::events::Event;
use crate::platform::http::{Done, RequestMeta};
use crate::platform::policy::{Action, PersonKind};
use crate::platform::push::outbox::{self, Draft, Subject};
use crate::words::error::{Error, Result};
use crate::words::ids::{AssignmentId, IncidentId, PersonId, RungId};

/// Locks incident and assignment (in that order) and asks policy and version.
fn begin(
    tx: &mut Tx<'_>,
    ctx: &Ctx,
    id: &AssignmentId,
    meta: &RequestMeta,
) -> Result<(incidents::IncidentRow, AssignmentRow)> {
    let seen = store::assignment_fetch(tx.conn(), id)?;
    let none = RequestMeta::default();
    let incident =
        incident_service::begin(tx, ctx, &seen.incident_id, &none, Action::IncidentCommand).map_err(|error| {
            if error.is(crate::words::error::Code::NotFound) { Error::not_found("assignment") } else { error }
        })?;
    let row = store::assignment_lock(tx.conn(), id)?;
    meta.check_version(row.version, || super::view::brief(&row))?;
    Ok((incident, row))
}

/// Cancels one assignment (撤警): at once, or asked when the crew is on the scene.
pub fn cancel(tx: &mut Tx<'_>, ctx: &Ctx, id: &AssignmentId, meta: &RequestMeta, reason: Option<&str>) -> Result<Done> {
    let (_, mut row) = begin(tx, ctx, id, meta)?;
    let ended_otherwise = row.state.is_closed() && row.state != State::Cancelled;
    if ended_otherwise {
        return Err(Error::conflict(format!("the assignment is {}", row.state)).with("state", json!(row.state)));
    }
    call_off(tx, &ctx.core, &mut row, Some(ctx.actor.person), reason.unwrap_or("room"))?;
    incident_service::audit_of(tx, ctx, "assignment.cancel", &row.incident_id, &json!({ "assignment_id": id }))?;
    Ok(Done::new(200, json!({ "id": id })))
}

/// Calls one off, whoever asked; closed ones stay as they are.
pub fn call_off(
    tx: &mut Tx<'_>,
    core: &Core,
    row: &mut AssignmentRow,
    by: Option<PersonId>,
    reason: &str,
) -> Result<()> {
    if row.state.is_closed() || row.cancel_asked {
        return Ok(());
    }
    let from = row.state;
    let people = after::people(tx, row)?;
    if row.is_unit() {
        row.state = State::Cancelled;
        row.closed_at = Some(tx.now);
        row.version += 1;
        store::assignment_save(tx.conn(), row)?;
        store::members_close(tx.conn(), &row.id)?;
        clocks::stop(tx, row, Limit::Signed, None)?;
        cards::close(tx, &super::escalate::card_key(row), by)?;
    } else {
        row.stand(&ladder::cancel(row.standing()));
        server_rung(tx, row, Rung::Cancelled, by, reason)?;
        let asked = row.cancel_asked;
        after::settle(tx, core, row, from, Rung::Cancelled, None, true)?;
        if asked {
            row.version += 1;
            store::assignment_save(tx.conn(), row)?;
            let wait = clocks::allowed_s(&core.config.dispatch, Limit::CancelConfirmed, row.priority);
            let due = tx.now.plus_secs(wait);
            clocks::open(tx, row, Limit::CancelConfirmed, None, 0, due)?;
        } else {
            active::next_in_line(tx, core, row)?;
        }
    }
    notify(tx, row, &people, "assignment.cancelled", json!({ "reason": reason, "ask": row.cancel_asked }))
}

/// A rung the room's command or a rule makes.
fn server_rung(tx: &mut Tx<'_>, row: &AssignmentRow, step: Rung, by: Option<PersonId>, reason: &str) -> Result<()> {
    let at = tx.now;
    let rung = RungRow {
        id: RungId::new(),
        assignment_id: row.id,
        step,
        at,
        device_at: None,
        device_id: None,
        person_id: None,
        recorded_by: by,
        via: Via::Device,
        truth: if by.is_some() { Truth::Human } else { Truth::Machine },
        reason: Some(reason.to_owned()),
        applied: true,
        counts: true,
        state_after: row.state,
        natural_key: format!("{step}:room:{}", at.as_micros()),
    };
    store::rung_insert(tx.conn(), &rung)?;
    let incident = incidents::incident_fetch(tx.conn(), &row.incident_id)?;
    events::feed(tx, &incident, row, &rung)
}

fn notify(
    tx: &mut Tx<'_>,
    row: &AssignmentRow,
    people: &[PersonId],
    kind: &str,
    extra: serde_json::Value,
) -> Result<()> {
    if people.is_empty() {
        return Ok(());
    }
    let mut args = json!({ "assignment_id": row.id, "incident_id": row.incident_id, "state": row.state });
    if let (Some(map), serde_json::Value::Object(extra)) = (args.as_object_mut(), extra) {
        map.extend(extra);
    }
    let draft = Draft { kind, subject: Subject::new("assignment", row.id), version: row.version, args, urgent: true };
    outbox::send(tx, people, &draft).map(drop)
}

/// Re-assigns (改派): the first stays responsible until this very commit.
pub fn reassign(
    tx: &mut Tx<'_>,
    ctx: &Ctx,
    id: &AssignmentId,
    meta: &RequestMeta,
    to: &Assign,
    reason: Option<&str>,
) -> Result<Done> {
    let (mut incident, mut row) = begin(tx, ctx, id, meta)?;
    if row.is_unit() {
        return Err(Error::conflict("a unit's call is returned or transferred, not re-assigned"));
    }
    if row.state.is_closed() {
        return Err(Error::conflict(format!("the assignment is {}", row.state)).with("state", json!(row.state)));
    }
    let people = after::people(tx, &row)?;
    let made = assign::send(tx, ctx, &mut incident, meta, to, Some(row.id))?;
    let from = row.state;
    let standing = row.standing();
    row.stand(&Standing { ended: Some(State::Reassigned), ..standing });
    server_rung(tx, &row, Rung::Reassigned, Some(ctx.actor.person), reason.unwrap_or("room"))?;
    after::settle(tx, &ctx.core, &mut row, from, Rung::Reassigned, None, true)?;
    active::next_in_line(tx, &ctx.core, &row)?;
    let kept: Vec<PersonId> = incidents::people_open(tx.conn(), &row.incident_id)?;
    let gone: Vec<PersonId> = people.into_iter().filter(|person| !kept.contains(person)).collect();
    notify(tx, &row, &gone, "assignment.reassigned", json!({}))?;
    incident_service::audit_of(tx, ctx, "assignment.reassign", &row.incident_id, &json!({ "assignment_id": id }))?;
    let ids: Vec<AssignmentId> = made.iter().map(|(row, _)| row.id).collect();
    Ok(Done::new(201, json!({ "ids": ids })))
}

/// Refuses a change request: he keeps it and hears why.
pub fn keep(tx: &mut Tx<'_>, ctx: &Ctx, id: &AssignmentId, meta: &RequestMeta, reason: Option<&str>) -> Result<Done> {
    let (_, mut row) = begin(tx, ctx, id, meta)?;
    if row.state == State::ChangeRequested {
        let from = row.state;
        row.stand(&ladder::resume(row.standing()));
        after::settle(tx, &ctx.core, &mut row, from, Rung::Sent, Some(ctx.actor.person), true)?;
        clocks::start_missing(tx, &ctx.config.dispatch, &row)?;
        let people = after::people(tx, &row)?;
        notify(tx, &row, &people, "assignment.updated", json!({ "change": "refused", "reason": reason }))?;
        incident_service::audit_of(tx, ctx, "assignment.keep", &row.incident_id, &json!({ "assignment_id": id }))?;
    }
    Ok(Done::new(200, json!({ "id": id })))
}

/// Splits a person off a crew's assignment; the last one cannot leave.
pub fn leave(tx: &mut Tx<'_>, ctx: &Ctx, id: &AssignmentId, person: Option<PersonId>) -> Result<Done> {
    let mut row = store::assignment_lock(tx.conn(), id)?;
    let person = person.unwrap_or(ctx.actor.person);
    let members = store::members_of(tx.conn(), id)?;
    if !members.iter().any(|member| member.person_id == person) || person != ctx.actor.person {
        let none = RequestMeta::default();
        incident_service::begin(tx, ctx, &row.incident_id, &none, Action::IncidentCommand)?;
    }
    let Some(member) = members.iter().find(|member| member.person_id == person) else {
        return Err(Error::not_found("person"));
    };
    if member.left_at.is_some() || row.state.is_closed() {
        return Ok(Done::new(200, json!({ "id": id })));
    }
    if members.iter().filter(|member| member.left_at.is_none()).count() <= 1 {
        return Err(Error::conflict("the last one stays responsible; ask for a change instead"));
    }
    split_off(tx, &mut row, &person, Some(ctx.actor.person))?;
    Ok(Done::new(200, json!({ "id": id })))
}

/// Takes a person out of an open assignment; he, those who stay and the seat that sent them hear of it.
pub fn split_off(tx: &mut Tx<'_>, row: &mut AssignmentRow, person: &PersonId, by: Option<PersonId>) -> Result<()> {
    let now = tx.now;
    store::member_leave(tx.conn(), &row.id, person, now)?;
    incidents::party_end(tx.conn(), &row.id, Some(person), now)?;
    for limit in [Limit::Delivered, Limit::Viewed] {
        clocks::stop(tx, row, limit, Some(person))?;
    }
    row.version += 1;
    row.updated_at = now;
    store::assignment_save(tx.conn(), row)?;
    let data = json!({ "assignment_id": row.id, "person_id": person });
    trail::entry(tx, &row.incident_id, "assignment.left", by, data)?;
    let mut people = after::people(tx, row)?;
    people.push(*person);
    after::tell(tx, row, &people)?;
    tx.emit(&Event::AssignmentLeft { assignment: row.id, person: *person })
}

/// `POST /incidents/{id}/join`: a passing crew attaches itself; the room sees it and may undo it.
pub fn join(tx: &mut Tx<'_>, ctx: &Ctx, id: &IncidentId, rung: Rung) -> Result<Done> {
    let actor = &*ctx.actor;
    let mut incident = incidents::incident_lock(tx.conn(), id)?;
    let paths = incidents::unit_paths(tx.conn(), id)?;
    let ours = paths.iter().any(|(path, _)| actor.unit_path.starts_with(path.as_str()) || actor.commands(path));
    if !ours {
        return Err(Error::not_found("incident"));
    }
    if !actor.kind.is_field() {
        access::sight(tx.conn(), actor, &incident)?.check(actor, Action::IncidentRead)?;
        return Err(Error::forbidden("people in the field attach themselves"));
    }
    if matches!(actor.kind, PersonKind::Guard | PersonKind::Volunteer) {
        return Err(Error::forbidden("guards and volunteers are sent, they do not attach themselves"));
    }
    for had in store::open_of_person(tx.conn(), &actor.person)? {
        if had.incident_id == *id && !had.is_unit() {
            return Ok(Done::new(200, json!({ "ids": [had.id] })));
        }
    }
    if let Err(from) = state::next(incident.state, Command::Dispatch) {
        return Err(Error::conflict(format!("the incident is {from}")).with("state", json!(from)));
    }
    let row = attach(tx, &ctx.core, &mut incident, actor.person, rung)?;
    let (unit_id, seats) = officers::seats_or_parent(tx.conn(), &incident.unit_id)?;
    cards::raise(
        tx,
        &Draw {
            unit_id,
            recipients: &seats,
            kind: "incident.joined",
            subject: Subject::new("incident", id),
            data: json!({ "incident_id": id, "assignment_id": row.id, "person_id": actor.person }),
            key: format!("joined:{}", row.id),
            urgent: false,
        },
    )?;
    Ok(Done::new(201, json!({ "ids": [row.id] })))
}

/// Attaches a person (with the crew, if in one) by own initiative.
pub fn attach(
    tx: &mut Tx<'_>,
    core: &Core,
    incident: &mut incidents::IncidentRow,
    person: PersonId,
    rung: Rung,
) -> Result<AssignmentRow> {
    let party = match crews::crew_of(tx.conn(), &person)? {
        Some(crew) => offer::party_of_crew(tx, &crew)?,
        None => offer::party_of_person(tx, &person)?,
    };
    let start = Offer {
        party: &party,
        origin: Origin::Own,
        by: Some(person),
        lead_override: false,
        replaces: None,
        start: Some(rung),
    };
    let mut row = offer::offer(tx, core, incident, &start)?;
    let now = tx.now;
    active::keep_one(tx, core, &mut row, rung, now)?;
    incident_service::step(incident, Command::Dispatch)?;
    incident_service::touch(tx, incident)?;
    Ok(row)
}
