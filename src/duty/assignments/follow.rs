//! What assignments do when something else happened; called from the table of
//! reactions, inside the transaction of the change.

use serde_json::json;

use super::clocks;
use super::commands::{attach, call_off, split_off};
use super::escalation::Limit;
use super::ladder::{Rung, State};
use super::offer::{self, Hand};
use super::store::{self, AssigneeKind, AssignmentRow};
use super::unit;
use crate::duty::crews::{self, Availability};
use crate::duty::incidents::state::State as IncidentState;
use crate::duty::incidents::store as incidents;
use crate::duty::officers::store as officers;
use crate::platform::cards::{self, Draw};
use crate::platform::ctx::Core;
use crate::platform::db::Tx;
use crate::platform::events::Event;
use crate::platform::push::outbox::{self, Draft, Subject};
use crate::words::error::{Error, Result};
use crate::words::ids::{CrewId, IncidentId, NoteId, PersonId};

/// A new incident: the unit's seats get it to sign for, or who started it is on it.
pub fn incident_created(tx: &mut Tx<'_>, core: &Core, id: &IncidentId) -> Result<()> {
    let mut incident = incidents::incident_fetch(tx.conn(), id)?;
    if incident.state == IncidentState::AwaitingSignature {
        return unit::offer_intake(tx, core, &incident);
    }
    let Some(by) = incident.created_by.filter(|_| incident.source == "field") else { return Ok(()) };
    if incident.attach_self {
        attach(tx, core, &mut incident, by, Rung::OnScene)?;
    }
    let (unit_id, seats) = officers::seats_or_parent(tx.conn(), &incident.unit_id)?;
    cards::raise(
        tx,
        &Draw {
            unit_id,
            recipients: &seats,
            kind: "incident.from_field",
            subject: Subject::new("incident", id),
            data: json!({ "incident_id": id, "person_id": by, "priority": incident.priority }),
            key: format!("from_field:{id}"),
            urgent: incident.priority <= 2,
        },
    )
    .map(drop)
}

/// Everyone on the way hears what changed; safety-relevant changes ring and want a look.
pub fn tell_assigned(tx: &mut Tx<'_>, core: &Core, id: &IncidentId, fields: &[String], loud: bool) -> Result<()> {
    let incident = incidents::incident_fetch(tx.conn(), id)?;
    let people = incidents::people_open(tx.conn(), id)?;
    if people.is_empty() {
        return Ok(());
    }
    let raised = fields.iter().any(|field| field == "priority");
    for mut row in store::open_of_incident(tx.conn(), id)? {
        if raised && row.priority != incident.priority {
            row.priority = incident.priority;
            store::assignment_save(tx.conn(), &row)?;
        }
        if loud && !row.is_unit() && row.assignee_kind != AssigneeKind::Agency {
            clocks::stop(tx, &row, Limit::Viewed, None)?;
            let due = tx.now.plus_secs(clocks::allowed_s(&core.config.dispatch, Limit::Viewed, row.priority));
            clocks::open(tx, &row, Limit::Viewed, None, 0, due)?;
        }
    }
    outbox::send(
        tx,
        &people,
        &Draft {
            kind: "incident.updated",
            subject: Subject::new("incident", id),
            version: incident.version,
            args: json!({ "incident_id": id, "changed": fields, "loud": loud }),
            urgent: loud,
        },
    )
    .map(drop)
}

/// A note reaches everyone on the way, but its author.
pub fn tell_note(tx: &mut Tx<'_>, id: &IncidentId, note: &NoteId) -> Result<()> {
    let author = incidents::note_fetch(tx.conn(), note)?.author;
    let incident = incidents::incident_fetch(tx.conn(), id)?;
    let mut people = incidents::people_open(tx.conn(), id)?;
    people.retain(|person| *person != author);
    if people.is_empty() {
        return Ok(());
    }
    outbox::send(
        tx,
        &people,
        &Draft {
            kind: "incident.note",
            subject: Subject::new("incident", id),
            version: incident.version,
            args: json!({ "incident_id": id, "note_id": note }),
            urgent: true,
        },
    )
    .map(drop)
}

/// The incident is cancelled, merged, handed out of the house or closed.
pub fn incident_ended(tx: &mut Tx<'_>, core: &Core, id: &IncidentId, reason: &str) -> Result<()> {
    for row in store::open_of_incident(tx.conn(), id)? {
        let mut row = store::assignment_lock(tx.conn(), &row.id)?;
        call_off(tx, core, &mut row, None, reason)?;
    }
    Ok(())
}

/// The final feedback stops its clock.
pub fn feedback_given(tx: &mut Tx<'_>, id: &IncidentId, stage: &str) -> Result<()> {
    if stage != "final" {
        return Ok(());
    }
    let now = tx.now;
    for clock in store::deadlines_of_incident(tx.conn(), id)? {
        if clock.limit_kind == Limit::Feedback {
            store::deadline_close(tx.conn(), &clock.id, store::DeadlineState::Met, now)?;
        }
    }
    Ok(())
}

/// Availability follows the work: the furthest rung of anything open counts.
pub fn availability(tx: &mut Tx<'_>, people: &[PersonId]) -> Result<()> {
    for person in people {
        let duty = crews::store::duty_fetch(tx.conn(), person)?;
        let mut open = store::open_of_person(tx.conn(), person)?;
        open.retain(|row| !row.is_unit());
        if !duty.on_duty {
            if open.is_empty() {
                // His calls were moved or are over: nothing is left to settle.
                cards::close(tx, &off_duty_key(person), None)?;
            }
            continue;
        }
        let wanted = open.iter().map(busy).max_by_key(|(rank, _)| *rank);
        let availability = wanted.map_or(Availability::Available, |(_, availability)| availability);
        let own_word = duty.availability == Availability::Unavailable && availability == Availability::Available;
        if !own_word && duty.availability != availability {
            crews::service::availability_set(tx, person, availability)?;
        }
    }
    Ok(())
}

/// An offer nobody has taken on keeps nobody from being chosen for something graver, but he is not free.
const fn busy(row: &AssignmentRow) -> (u8, Availability) {
    match row.state {
        State::OnScene => (3, Availability::OnScene),
        State::EnRoute => (2, Availability::EnRoute),
        _ => (1, Availability::Assigned),
    }
}

/// A crew changed mid-shift: who joined is on its open calls, who left is split off.
pub fn crew_changed(tx: &mut Tx<'_>, id: &CrewId) -> Result<()> {
    let now_in = crews::store::crew_members(tx.conn(), id)?;
    for row in store::open_of_assignee(tx.conn(), AssigneeKind::Crew, &id.to_string())? {
        let mut row = store::assignment_lock(tx.conn(), &row.id)?;
        let had = store::members_of(tx.conn(), &row.id)?;
        if now_in.is_empty() {
            // The crew is dissolved: whoever had the call keeps it until it is re-assigned.
            continue;
        }
        for member in &now_in {
            let known = had.iter().find(|h| h.person_id == member.person_id);
            if known.is_some_and(|h| h.left_at.is_none()) {
                continue;
            }
            let kind = officers::person_fetch(tx.conn(), &member.person_id)?.kind;
            let hand = Hand { person_id: member.person_id, role: member.role.to_string(), kind };
            if known.is_some() {
                store::member_rejoin(tx.conn(), &row.id, &member.person_id)?;
            }
            offer::enlist(tx, &row, &hand, row.accepted_at.is_some())?;
            offer::tell(tx, &row, &[member.person_id], 0)?;
            tx.emit(&Event::AssignmentJoined {
                assignment: row.id,
                state: row.state.to_string(),
                person: member.person_id,
            })?;
        }
        for gone in had.iter().filter(|h| h.left_at.is_none() && !now_in.iter().any(|m| m.person_id == h.person_id)) {
            split_off(tx, &mut row, &gone.person_id, None)?;
        }
    }
    Ok(())
}

/// "He signed off with open calls": one card per person.
fn off_duty_key(person: &PersonId) -> String {
    format!("off_duty_open:{person}")
}

/// Signing off with open calls is the room's to settle: they are moved or kept by name.
pub fn duty_changed(tx: &mut Tx<'_>, person: &PersonId, on_duty: bool) -> Result<()> {
    let key = off_duty_key(person);
    if on_duty {
        cards::close(tx, &key, None)?;
        return availability(tx, &[*person]);
    }
    let open: Vec<AssignmentRow> =
        store::open_of_person(tx.conn(), person)?.into_iter().filter(|row| !row.is_unit()).collect();
    if open.is_empty() {
        return Ok(());
    }
    let unit = officers::person_fetch(tx.conn(), person)?.unit_id;
    let (unit_id, seats) = officers::seats_or_parent(tx.conn(), &unit)?;
    let ids: Vec<_> = open.iter().map(|row| row.id).collect();
    cards::raise(
        tx,
        &Draw {
            unit_id,
            recipients: &seats,
            kind: "duty.open_calls",
            subject: Subject::new("person", person),
            data: json!({ "person_id": person, "assignment_ids": ids }),
            key,
            urgent: true,
        },
    )
    .map(drop)
}

/// A device's receipt: only offers have a ladder to climb.
pub fn received(
    tx: &mut Tx<'_>,
    core: &Core,
    person: PersonId,
    device: crate::words::ids::DeviceId,
    carried: bool,
    kind: &str,
    subject_id: &str,
) -> Result<()> {
    if kind != "assignment.offered" {
        return Ok(());
    }
    let id = subject_id.parse().map_err(|_bad: Error| Error::internal("an offer without an assignment"))?;
    super::events::delivered(tx, core, &id, person, device, carried)
}
