//! Recording one rung: the same function for REST, the socket and receipts.
//! A duplicate (same rung, person, instant, way) changes nothing and gets the
//! first answer; a rung of a closed assignment is kept and answered `applied:false`.

use serde::Deserialize;
use serde_json::{Value, json};

use super::ladder::{self, ACCEPTED, Refusal, Rung, Speaker, State, Truth, Via};
use super::store::{self, AssignmentRow, MemberRow, RungRow};
use super::{active, after, unit};
use crate::duty::incidents::store::{self as incidents, IncidentRow};
use crate::duty::incidents::{access, trail};
use crate::duty::officers::store as officers;
use crate::platform::ctx::{Core, Ctx};
use crate::platform::db::{Priority, Tx};
use crate::platform::events::Event;
use crate::platform::http::{Done, RequestMeta, body, idem};
use crate::platform::policy::{Action, Decision};
use crate::words::error::{Error, Result};
use crate::words::ids::{AssignmentId, DeviceId, PersonId, RungId};
use crate::words::time::Timestamp;

/// How far ahead a terminal's clock may be, seconds; more is refused. A clock that is ten minutes
/// off must not lose its officer a rung: server time counts, the device's is kept beside.
const AHEAD_MAX_S: i64 = 1_800;

/// The body of `POST /assignments/{id}/events` and of the socket's `assignment_event`.
#[derive(Clone, Debug, Deserialize, utoipa::ToSchema, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct EventIn {
    pub event: Rung,
    /// When it happened, by the clock of who reports it; now unless told.
    pub at: Option<Timestamp>,
    pub reason: Option<String>,
    /// Needed when recorded for somebody else: radio, phone or in_person.
    pub via: Option<Via>,
    /// For whom the room or the partner speaks.
    pub on_behalf_of: Option<PersonId>,
    /// With `queued`: the assignment that comes first.
    pub behind: Option<AssignmentId>,
    /// With `queued`: when this one is expected to begin.
    pub expected_start: Option<Timestamp>,
}

impl EventIn {
    /// Errors: `invalid_field`.
    pub fn check(&self, now: Timestamp) -> Result<()> {
        if !self.event.is_reportable() {
            return Err(Error::field("event", "is recorded by the server itself"));
        }
        if self.at.is_some_and(|at| at > now.plus_secs(AHEAD_MAX_S)) {
            return Err(Error::field("at", "lies in the future"));
        }
        body::text_opt("reason", self.reason.as_deref(), 500)
    }
}

/// Records one rung in a transaction of its own: the socket's way in.
pub async fn record_event(ctx: &Ctx, id: AssignmentId, event: EventIn) -> Result<Value> {
    event.check(ctx.clock.now())?;
    let inner = ctx.clone();
    ctx.db.write(Priority::Urgent, move |tx| record(tx, &inner, &id, &event)).await
}

/// The same, once per idempotency key: status and answer.
pub async fn event(ctx: &Ctx, meta: &RequestMeta, id: AssignmentId, event: EventIn) -> Result<(u16, Value)> {
    event.check(ctx.clock.now())?;
    let inner = ctx.clone();
    let done =
        idem::run(ctx, meta, Priority::Urgent, move |tx| Ok(Done::new(200, record(tx, &inner, &id, &event)?))).await?;
    Ok((done.status, done.resource))
}

/// Who a rung is about and by which way it came.
struct Said {
    person: Option<PersonId>,
    recorded_by: Option<PersonId>,
    device: Option<DeviceId>,
    via: Via,
}

/// The recipe. The answer holds ids and enums only.
pub fn record(tx: &mut Tx<'_>, ctx: &Ctx, id: &AssignmentId, event: &EventIn) -> Result<Value> {
    let seen = store::assignment_fetch(tx.conn(), id)?;
    if seen.is_unit() {
        // A signature moves the incident: incident before assignment, as everywhere.
        incidents::incident_lock(tx.conn(), &seen.incident_id)?;
    }
    let mut row = store::assignment_relock(tx.conn(), seen)?;
    let members = store::members_of(tx.conn(), id)?;
    let incident = incidents::incident_fetch(tx.conn(), &row.incident_id)?;
    let said = who_speaks(tx, ctx, &row, &incident, &members, event)?;
    let claimed = event.at.map_or(tx.now, |at| at.min(tx.now));
    let key = natural_key(event, &said, claimed);
    if let Some(first) = store::rung_by_key(tx.conn(), id, &key)? {
        return completed(tx, answer(&first, row.state, true), event.event, id);
    }
    if row.is_unit() {
        return record_unit(tx, ctx, &mut row, event, &said, key);
    }
    let from = row.state;
    let speaker = speaker(tx, &row, &members, said.person)?;
    let outcome = ladder::step(row.standing(), event.event, claimed, speaker).map_err(refused)?;
    let rung = RungRow {
        id: RungId::new(),
        assignment_id: *id,
        step: event.event,
        at: tx.now,
        device_at: event.at,
        device_id: said.device,
        person_id: said.person,
        recorded_by: said.recorded_by,
        via: said.via,
        truth: Truth::Human,
        reason: event.reason.clone(),
        applied: outcome.applied,
        counts: true,
        state_after: outcome.standing.state(),
        natural_key: key,
    };
    if event.event == Rung::CancelConfirmed && outcome.applied && row.cancel_confirmed_at.is_none() {
        row.cancel_confirmed_at = Some(tx.now);
    }
    row.stand(&outcome.standing);
    if outcome.applied {
        note_pause(&mut row, event);
        note_person(tx, &row, event.event, said.person)?;
    }
    store::rung_insert(tx.conn(), &rung)?;
    feed(tx, &incident, &row, &rung)?;
    after::settle(tx, &ctx.core, &mut row, from, event.event, said.person, outcome.applied)?;
    tx.emit(&Event::RungRecorded {
        assignment: row.id,
        incident: row.incident_id,
        person: said.person,
        rung: event.event.to_string(),
        truth: Truth::Human.to_string(),
        applied: outcome.applied,
    })?;
    if outcome.applied {
        active::keep_one(tx, &ctx.core, &mut row, event.event, claimed)?;
    }
    completed(tx, answer(&rung, row.state, false), event.event, id)
}

fn record_unit(
    tx: &mut Tx<'_>,
    ctx: &Ctx,
    row: &mut AssignmentRow,
    event: &EventIn,
    said: &Said,
    key: String,
) -> Result<Value> {
    let person = said.person.unwrap_or(ctx.actor.person);
    let act = unit::Act {
        rung: event.event,
        person: Some(person),
        device: said.device,
        truth: Truth::Human,
        via: said.via,
        reason: event.reason.as_deref(),
        key: key.clone(),
    };
    let moved = unit::act(tx, &ctx.config.dispatch, row, &act)?;
    if moved && row.state == State::Signed {
        let mut incident = incidents::incident_lock(tx.conn(), &row.incident_id)?;
        unit::signed(tx, &ctx.config.dispatch, &mut incident, row.unit_id, person)?;
    }
    let rung = store::rung_by_key(tx.conn(), &row.id, &key)?.ok_or_else(|| Error::internal("a rung vanished"))?;
    let incident = incidents::incident_fetch(tx.conn(), &row.incident_id)?;
    feed(tx, &incident, row, &rung)?;
    Ok(answer(&rung, row.state, false))
}

/// The speaker: one of the people, the partner for another of them, or the room.
fn who_speaks(
    tx: &mut Tx<'_>,
    ctx: &Ctx,
    row: &AssignmentRow,
    incident: &IncidentRow,
    members: &[MemberRow],
    event: &EventIn,
) -> Result<Said> {
    let actor = &*ctx.actor;
    let is_member = |person: &PersonId| members.iter().any(|member| member.person_id == *person);
    let about = event.on_behalf_of.unwrap_or(actor.person);
    if is_member(&actor.person) && about == actor.person {
        let via = event.via.unwrap_or(Via::Device);
        let device = (via == Via::Device).then_some(actor.device);
        return Ok(Said { person: Some(about), recorded_by: None, device, via });
    }
    let sight = access::sight(tx.conn(), actor, incident)?;
    let commands = sight.decide(actor, Action::IncidentCommand) == Decision::Allow;
    if !commands && !is_member(&actor.person) {
        sight.decide(actor, Action::AssignmentRead).check("assignment")?;
        return Err(Error::forbidden("only the people of the assignment and the room record its rungs"));
    }
    if row.is_unit() && commands {
        // A seat signs for its unit in its own name.
        return Ok(Said {
            person: Some(actor.person),
            recorded_by: None,
            device: Some(actor.device),
            via: Via::Device,
        });
    }
    let via = match event.via {
        Some(Via::Device) | None => {
            return Err(Error::field("via", "must be radio, phone or in_person when you record for somebody else"));
        }
        Some(voice) => voice,
    };
    let person = match event.on_behalf_of {
        Some(person) if is_member(&person) => Some(person),
        Some(_) => return Err(Error::not_found("person")),
        None => lead_of(row, members),
    };
    Ok(Said { person, recorded_by: Some(actor.person), device: None, via })
}

/// Whose word the crew's is when nobody is named: the only one, or the lead.
fn lead_of(row: &AssignmentRow, members: &[MemberRow]) -> Option<PersonId> {
    row.person_id.or_else(|| {
        let present = || members.iter().filter(|member| member.open);
        present().find(|member| member.role == "lead").or_else(|| present().next()).map(|member| member.person_id)
    })
}

fn speaker(tx: &mut Tx<'_>, row: &AssignmentRow, members: &[MemberRow], person: Option<PersonId>) -> Result<Speaker> {
    let Some(person) = person else { return Ok(Speaker { belongs: true, may_decline: true }) };
    let member = members.iter().find(|member| member.person_id == person);
    let kind = officers::person_fetch(tx.conn(), &person)?.kind;
    Ok(Speaker {
        belongs: member.is_some_and(|member| member.left_at.is_none()),
        may_decline: kind.may_decline() || row.assignee_kind == store::AssigneeKind::Agency,
    })
}

fn refused(refusal: Refusal) -> Error {
    match refusal {
        Refusal::OfficersAskForChange => Error::field(
            "event",
            "an officer asks for a change (change_requested) and stays responsible until it is granted",
        ),
        Refusal::NothingToConfirm => Error::conflict("no cancellation waits for a confirmation"),
        Refusal::NotOnThisLadder => Error::field("event", "is not on this ladder"),
    }
}

fn natural_key(event: &EventIn, said: &Said, claimed: Timestamp) -> String {
    let person = said.person.map_or_else(String::new, |person| person.to_string());
    let at = event.at.unwrap_or(claimed).as_micros();
    format!("{}:{person}:{at}:{}", event.event, said.via)
}

fn note_pause(row: &mut AssignmentRow, event: &EventIn) {
    if matches!(event.event, Rung::ChangeRequested | Rung::Queued | Rung::Suspended) {
        let note = json!({ "reason": event.reason, "behind": event.behind, "expected_start": event.expected_start });
        row.pause_note = Some(note.to_string());
    }
}

/// Each member has an own look; taking it on opens the caller's number.
fn note_person(tx: &mut Tx<'_>, row: &AssignmentRow, rung: Rung, person: Option<PersonId>) -> Result<()> {
    let now = tx.now;
    if let Some(person) = person
        && rung.height().is_some_and(|height| height >= 3)
    {
        store::member_viewed(tx.conn(), &row.id, &person, now)?;
    }
    if row.height >= i32::from(ACCEPTED) {
        // One member's tap is the crew's: all of it may ring the caller.
        incidents::party_accept(tx.conn(), &row.id, None, now)?;
    }
    Ok(())
}

/// Every rung flows back to the source.
pub fn feed(tx: &mut Tx<'_>, incident: &IncidentRow, row: &AssignmentRow, rung: &RungRow) -> Result<()> {
    let data = json!({
        "assignment_id": row.id,
        "assignee": { "kind": row.assignee_kind, "id": row.assignee_id },
        "rung": rung.step,
        "at": rung.at,
        "device_at": rung.device_at,
        "person_id": rung.person_id,
        "via": rung.via,
        "truth": rung.truth,
        "applied": rung.applied,
        "state": row.state,
        "reason": rung.reason,
    });
    trail::entry(tx, &incident.id, "assignment.rung", rung.recorded_by.or(rung.person_id), data.clone())?;
    trail::feed_append(tx, incident, "assignment.rung", &data);
    Ok(())
}

fn answer(rung: &RungRow, state: State, duplicate: bool) -> Value {
    json!({
        "assignment_id": rung.assignment_id,
        "rung_id": rung.id,
        "rung": rung.step,
        "applied": rung.applied,
        "state": if duplicate { rung.state_after } else { state },
        "current_state": state,
        "at": rung.at,
        "duplicate": duplicate,
    })
}

/// The answer to clearing, with what others have to say to it: what is still missing of the scene.
fn completed(tx: &mut Tx<'_>, mut answer: Value, rung: Rung, id: &AssignmentId) -> Result<Value> {
    if rung == Rung::Cleared {
        tx.emit(&Event::ClearingAnswered { assignment: *id })?;
        if let Value::Object(map) = &mut answer {
            map.append(&mut tx.told());
        }
    }
    Ok(answer)
}

/// A device confirmed that it has the offer: a machine's word. A browser's is
/// shown but stops no clock; for a unit's seat the browser is the terminal.
pub fn delivered(
    tx: &mut Tx<'_>,
    core: &Core,
    id: &AssignmentId,
    person: PersonId,
    device: DeviceId,
    carried: bool,
) -> Result<()> {
    let key = format!("delivered:{person}:{device}:{carried}");
    let mut row = store::assignment_lock(tx.conn(), id)?;
    if store::rung_by_key(tx.conn(), id, &key)?.is_some() {
        return Ok(());
    }
    let members = store::members_of(tx.conn(), id)?;
    let Some(member) = members.iter().find(|member| member.person_id == person) else { return Ok(()) };
    let now = tx.now;
    if row.is_unit() {
        let act = unit::Act {
            rung: Rung::Delivered,
            person: Some(person),
            device: Some(device),
            truth: Truth::Machine,
            via: Via::Device,
            reason: None,
            key,
        };
        store::member_delivered(tx.conn(), id, &person, now)?;
        unit::act(tx, &core.config.dispatch, &mut row, &act)?;
        return Ok(());
    }
    let from = row.state;
    let belongs = member.left_at.is_none();
    let outcome =
        ladder::step(row.standing(), Rung::Delivered, now, Speaker { belongs: belongs && carried, may_decline: false })
            .map_err(refused)?;
    let rung = RungRow {
        id: RungId::new(),
        assignment_id: *id,
        step: Rung::Delivered,
        at: now,
        device_at: None,
        device_id: Some(device),
        person_id: Some(person),
        recorded_by: None,
        via: Via::Device,
        truth: Truth::Machine,
        reason: None,
        applied: outcome.applied,
        counts: carried,
        state_after: outcome.standing.state(),
        natural_key: key,
    };
    row.stand(&outcome.standing);
    store::rung_insert(tx.conn(), &rung)?;
    if carried {
        store::member_delivered(tx.conn(), id, &person, now)?;
        store::attempts_received(tx.conn(), id, &person, &device, now)?;
        let incident = incidents::incident_fetch(tx.conn(), &row.incident_id)?;
        feed(tx, &incident, &row, &rung)?;
    }
    after::settle(tx, core, &mut row, from, Rung::Delivered, carried.then_some(person), outcome.applied)?;
    tx.emit(&Event::RungRecorded {
        assignment: row.id,
        incident: row.incident_id,
        person: Some(person),
        rung: Rung::Delivered.to_string(),
        truth: Truth::Machine.to_string(),
        applied: outcome.applied,
    })
}
