//! Making one assignment: row, people, first rungs, message, clocks. Every way
//! that sends somebody (seat, escalation, own initiative, re-assignment) ends here.

use serde_json::{Value, json};

use super::clocks;
use super::escalation::{Channel, Limit};
use super::ladder::{ACCEPTED, Rung, Standing, State, Truth, Via};
use super::store::{self, AssigneeKind, AssignmentRow, AttemptRow, MemberRow, Origin, RungRow};
use crate::duty::crews::store as crews;
use crate::duty::incidents::store::{self as incidents, PartyRow};
use crate::duty::incidents::{IncidentRow, trail};
use crate::duty::officers::store as officers;
use crate::platform::ctx::Core;
use crate::platform::db::Tx;
use crate::platform::events::Event;
use crate::platform::policy::PersonKind;
use crate::platform::push::outbox::{self, Draft, Subject};
use crate::words::error::Result;
use crate::words::ids::{AgencyId, AssignmentId, CrewId, JobId, PersonId, RungId, UnitId};

/// One of the people of an assignment.
#[derive(Clone, Debug)]
pub struct Hand {
    pub person_id: PersonId,
    /// lead, assist or auxiliary; seat for a unit's.
    pub role: String,
    pub kind: PersonKind,
}

/// Who is to be sent, looked up.
#[derive(Clone, Debug)]
pub struct Party {
    pub kind: AssigneeKind,
    pub id: String,
    pub unit_id: UnitId,
    pub hands: Vec<Hand>,
    /// Why this one: distance, estimated time, what it replaces.
    pub why: Value,
}

impl Party {
    pub fn kinds(&self) -> Vec<PersonKind> {
        self.hands.iter().map(|hand| hand.kind).collect()
    }
}

/// Errors: `not_found` person.
pub fn party_of_person(tx: &mut Tx<'_>, id: &PersonId) -> Result<Party> {
    let person = officers::person_fetch(tx.conn(), id)?;
    Ok(Party {
        kind: AssigneeKind::Person,
        id: id.to_string(),
        unit_id: person.unit_id,
        hands: vec![Hand { person_id: *id, role: "lead".to_owned(), kind: person.kind }],
        why: json!({}),
    })
}

/// Errors: `not_found` crew.
pub fn party_of_crew(tx: &mut Tx<'_>, id: &CrewId) -> Result<Party> {
    // Held: whoever leaves it meanwhile waits, and is then split off.
    let crew = crews::crew_lock(tx.conn(), id)?;
    let mut hands = Vec::new();
    for member in crews::crew_members(tx.conn(), id)? {
        let person = officers::person_fetch(tx.conn(), &member.person_id)?;
        hands.push(Hand { person_id: member.person_id, role: member.role.to_string(), kind: person.kind });
    }
    Ok(Party { kind: AssigneeKind::Crew, id: id.to_string(), unit_id: crew.unit_id, hands, why: json!({}) })
}

/// A unit is reached through its seats, or its parent's when nobody sits there.
///
/// Errors: `not_found` unit.
pub fn party_of_unit(tx: &mut Tx<'_>, id: &UnitId) -> Result<Party> {
    officers::unit_fetch(tx.conn(), id)?;
    let (answering, seats) = officers::seats_or_parent(tx.conn(), id)?;
    let mut hands = Vec::new();
    for seat in seats {
        let person = officers::person_fetch(tx.conn(), &seat)?;
        hands.push(Hand { person_id: seat, role: "seat".to_owned(), kind: person.kind });
    }
    // Where dispatchers sit, others are not woken.
    if hands.iter().any(|hand| hand.kind == PersonKind::Dispatcher) {
        hands.retain(|hand| hand.kind == PersonKind::Dispatcher);
    }
    let why = if answering == *id { json!({}) } else { json!({ "answered_by_unit": answering }) };
    Ok(Party { kind: AssigneeKind::Unit, id: id.to_string(), unit_id: *id, hands, why })
}

/// Errors: `not_found` agency.
pub fn party_of_agency(tx: &mut Tx<'_>, id: &AgencyId) -> Result<Party> {
    let (name, unit_id) = store::agency_fetch(tx.conn(), id)?;
    let why = json!({ "name": name });
    Ok(Party { kind: AssigneeKind::Agency, id: id.to_string(), unit_id, hands: Vec::new(), why })
}

/// How it comes about.
pub struct Offer<'a> {
    pub party: &'a Party,
    pub origin: Origin,
    pub by: Option<PersonId>,
    pub lead_override: bool,
    pub replaces: Option<AssignmentId>,
    /// The rung an own initiative starts on; `sent` otherwise.
    pub start: Option<Rung>,
}

/// Makes it. The incident's row is held by the caller.
pub fn offer(tx: &mut Tx<'_>, core: &Core, incident: &IncidentRow, offer: &Offer<'_>) -> Result<AssignmentRow> {
    let now = tx.now;
    let party = offer.party;
    let mut standing = Standing::sent();
    if let Some(height) = offer.start.and_then(Rung::height) {
        standing.height = height;
        standing.moved_at = Some(now);
    }
    let mut row = AssignmentRow {
        id: AssignmentId::new(),
        incident_id: incident.id,
        round: incident.round,
        assignee_kind: party.kind,
        assignee_id: party.id.clone(),
        person_id: match party.kind {
            AssigneeKind::Person => party.hands.first().map(|hand| hand.person_id),
            _ => None,
        },
        unit_id: party.unit_id,
        state: State::Sent,
        height: 0,
        moved_at: None,
        pause: None,
        pause_at: None,
        pause_note: None,
        ended: None,
        cancel_asked: false,
        cancel_confirmed_at: None,
        priority: incident.priority,
        origin: offer.origin,
        lead_override: offer.lead_override,
        why: party.why.to_string(),
        replaces: offer.replaces,
        created_by: offer.by,
        created_at: now,
        updated_at: now,
        accepted_at: None,
        closed_at: None,
        version: 1,
    };
    row.stand(&standing);
    let accepted = standing.height >= ACCEPTED;
    row.accepted_at = accepted.then_some(now);
    store::assignment_insert(tx.conn(), &row)?;
    for hand in &party.hands {
        enlist(tx, &row, hand, accepted)?;
    }
    first_rungs(tx, &row, offer)?;
    let people: Vec<PersonId> = party.hands.iter().map(|hand| hand.person_id).collect();
    tell(tx, &row, &people, 0)?;
    clocks::start(tx, &core.config.dispatch, &row, &people)?;
    let data = json!({
        "assignment_id": row.id,
        "assignee": { "kind": row.assignee_kind, "id": row.assignee_id },
        "origin": row.origin,
        "state": row.state,
        "lead_override": row.lead_override,
        "replaces": row.replaces,
    });
    trail::entry(tx, &incident.id, "assignment.created", offer.by, data.clone())?;
    trail::feed_append(tx, incident, "assignment.created", &data);
    tx.emit(&Event::AssignmentCreated { assignment: row.id, incident: incident.id })?;
    tx.emit(&Event::AssignmentStateChanged {
        assignment: row.id,
        incident: incident.id,
        from: State::Created.to_string(),
        to: row.state.to_string(),
        people: if row.is_unit() { Vec::new() } else { people },
    })?;
    Ok(row)
}

/// Writes one person onto an assignment; seats of a unit get no part in the incident by it.
pub fn enlist(tx: &mut Tx<'_>, row: &AssignmentRow, hand: &Hand, accepted: bool) -> Result<bool> {
    let now = tx.now;
    let fresh = store::member_insert(
        tx.conn(),
        &MemberRow {
            assignment_id: row.id,
            person_id: hand.person_id,
            role: hand.role.clone(),
            sent_at: now,
            delivered_at: None,
            viewed_at: None,
            left_at: None,
            open: true,
        },
    )?;
    if fresh && !row.is_unit() {
        incidents::party_insert(
            tx.conn(),
            &PartyRow {
                incident_id: row.incident_id,
                person_id: hand.person_id,
                assignment_id: row.id,
                open: true,
                accepted_at: accepted.then_some(now),
                ended_at: None,
            },
        )?;
    }
    Ok(fresh)
}

fn first_rungs(tx: &mut Tx<'_>, row: &AssignmentRow, offer: &Offer<'_>) -> Result<()> {
    let now = tx.now;
    let mut rungs = vec![Rung::Created, Rung::Sent];
    rungs.extend(offer.start);
    for step in rungs {
        let own = offer.start == Some(step);
        store::rung_insert(
            tx.conn(),
            &RungRow {
                id: RungId::new(),
                assignment_id: row.id,
                step,
                at: now,
                device_at: None,
                device_id: None,
                person_id: offer.by.filter(|_| own || step == Rung::Created),
                recorded_by: None,
                via: Via::Device,
                truth: if own { Truth::Human } else { Truth::Machine },
                reason: None,
                applied: true,
                counts: true,
                state_after: row.state,
                natural_key: format!("first:{step}"),
            },
        )?;
    }
    Ok(())
}

/// Sends (or sends again) the offer to people, one attempt each.
pub fn tell(tx: &mut Tx<'_>, row: &AssignmentRow, people: &[PersonId], repeat: i32) -> Result<()> {
    if people.is_empty() {
        return Ok(());
    }
    let now = tx.now;
    outbox::send(
        tx,
        people,
        &Draft {
            kind: "assignment.offered",
            subject: Subject::new("assignment", row.id),
            version: row.version,
            args: json!({ "assignment_id": row.id, "incident_id": row.incident_id, "repeat": repeat }),
            urgent: true,
        },
    )?;
    if repeat == 0 {
        for person in people {
            store::attempt_insert(
                tx.conn(),
                &AttemptRow {
                    id: JobId::new(),
                    assignment_id: row.id,
                    person_id: *person,
                    limit_kind: Limit::Delivered,
                    attempt: 0,
                    channel: Channel::Socket,
                    device_id: None,
                    target_id: None,
                    truth: None,
                    outcome: "tried".to_owned(),
                    detail: None,
                    at: now,
                    outcome_at: None,
                },
            )?;
        }
    }
    Ok(())
}
