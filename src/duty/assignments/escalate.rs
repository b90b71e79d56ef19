//! A missed deadline: the room is told, the next channel is tried, one more is
//! sent where the mode says so. Each in one conditional step per deadline row,
//! so that no two nodes, and no restart, do it twice.

use std::collections::HashSet;

use serde_json::{Value, json};

use super::clocks;
use super::escalation::{
    Available, Channel, Decision, Limit, Missed, Reached, decide, is_area_silent, next_attempt, next_channel, unreached,
};
use super::ladder::ACCEPTED;
use super::nearest::{Wanted, nearest};
use super::offer::{self, Offer, Party};
use super::store::{self, AssignmentRow, AttemptRow, DeadlineRow, Origin};
use crate::duty::crews::store as crews;
use crate::duty::incidents::IncidentRow;
use crate::duty::incidents::service as incident_service;
use crate::duty::incidents::store as incidents;
use crate::duty::incidents::trail;
use crate::duty::location::live::{Live, Silence};
use crate::duty::officers::store as officers;
use crate::platform::cards::{self, Draw};
use crate::platform::ctx::Core;
use crate::platform::db::Tx;
use crate::platform::push::outbox::{self, Draft, Subject};
use crate::words::error::Result;
use crate::words::ids::{DeadlineId, JobId, PersonId, UnitId};

/// One card per assignment: it says the worst that is open.
pub fn card_key(row: &AssignmentRow) -> String {
    format!("deadline:{}", row.id)
}

/// "Call them now": one per person of an assignment.
pub fn call_key(row: &AssignmentRow, person: &PersonId) -> String {
    format!("call_now:{}:{person}", row.id)
}

/// Escalates one deadline, if it is still open and due; false when another was quicker.
pub fn miss(tx: &mut Tx<'_>, core: &Core, id: &DeadlineId) -> Result<bool> {
    let now = tx.now;
    // Incident, assignment, clock: whoever stops a clock takes them in this order, too.
    let Some(seen) = store::deadline_fetch(tx.conn(), id)? else { return Ok(false) };
    let mut incident = incidents::incident_lock(tx.conn(), &seen.incident_id)?;
    let row = seen.assignment_id.map(|assignment| store::assignment_lock(tx.conn(), &assignment)).transpose()?;
    let Some(clock) = store::deadline_miss(tx.conn(), id, now)? else { return Ok(false) };
    let Some(row) = row else { return Ok(true) };
    if clock.limit_kind == Limit::Signed {
        return unsigned(tx, core, &row, &incident, &clock).map(|()| true);
    }
    let config = &core.config.dispatch;
    let added = store::assignments_of_incident(tx.conn(), &incident.id)?
        .iter()
        .filter(|other| other.origin == Origin::Auto && other.round == incident.round)
        .count();
    let silence = area_silence(tx, core, &row.unit_id)?;
    let missed = Missed {
        limit: clock.limit_kind,
        mode: config.mode_for(&incident.category, row.priority),
        accepted: row.height >= i32::from(ACCEPTED),
        area_silent: silence.is_some(),
        added: u32::try_from(added).unwrap_or(u32::MAX),
        added_max: config.auto_add_max,
    };
    let decision = decide(&missed);
    tracing::info!(assignment = %row.id, limit = %clock.limit_kind, ?decision, "deadline missed");
    metrics::counter!("suixing_deadlines_missed_total", "limit" => clock.limit_kind.as_str()).increment(1);
    if let (Decision::Hold, Some(silence)) = (decision, &silence) {
        hold(tx, core, &row, &clock, silence)?;
        return Ok(true);
    }
    let mut data = json!({
        "incident_id": incident.id,
        "assignment_id": row.id,
        "limit": clock.limit_kind,
        "attempt": clock.attempt,
        "priority": row.priority,
        "person_id": clock.person_id.or(row.person_id),
        "state": row.state,
        "waiting_s": now.secs_since(clock.opened_at).round(),
    });
    match decision {
        Decision::NextChannel => next_way(tx, core, &row, &clock)?,
        Decision::Add => add_one(tx, core, &row, &mut incident, &mut data)?,
        Decision::Suggest => suggest(tx, core, &incident, &mut data)?,
        Decision::Card | Decision::Hold => {}
    }
    if !matches!(decision, Decision::NextChannel) {
        rearm(tx, core, &row, &clock, decision)?;
    }
    trail::entry(tx, &incident.id, "deadline.missed", None, data.clone())?;
    tell_room(tx, &incident.unit_id, &row, &format!("deadline.{}", clock.limit_kind), data)?;
    Ok(true)
}

fn rearm(tx: &mut Tx<'_>, core: &Core, row: &AssignmentRow, clock: &DeadlineRow, decision: Decision) -> Result<()> {
    let Some(attempt) = next_attempt(decision, None, clock.attempt) else { return Ok(()) };
    let due = tx.now.plus_secs(clocks::allowed_s(&core.config.dispatch, clock.limit_kind, row.priority).max(1));
    clocks::open(tx, row, clock.limit_kind, clock.person_id, attempt, due)
}

fn tell_room(tx: &mut Tx<'_>, unit: &UnitId, row: &AssignmentRow, kind: &str, data: Value) -> Result<()> {
    let (unit_id, seats) = officers::seats_or_parent(tx.conn(), unit)?;
    cards::raise(
        tx,
        &Draw {
            unit_id,
            recipients: &seats,
            kind,
            subject: Subject::new("assignment", row.id),
            data,
            key: card_key(row),
            urgent: row.priority <= 2,
        },
    )
    .map(drop)
}

/// Nobody at the station signed: the room above is told and may sign.
fn unsigned(
    tx: &mut Tx<'_>,
    core: &Core,
    row: &AssignmentRow,
    incident: &IncidentRow,
    clock: &DeadlineRow,
) -> Result<()> {
    let above = officers::unit_ancestors(tx.conn(), &row.unit_id)?;
    let step = usize::try_from(clock.attempt).unwrap_or(0).min(above.len().saturating_sub(1));
    let room = above.get(step).map_or(row.unit_id, |unit| unit.id);
    let data = json!({
        "incident_id": incident.id,
        "assignment_id": row.id,
        "limit": clock.limit_kind,
        "attempt": clock.attempt,
        "priority": row.priority,
        "unit_id": row.unit_id,
    });
    rearm(tx, core, row, clock, Decision::Card)?;
    trail::entry(tx, &incident.id, "deadline.missed", None, data.clone())?;
    // Each room has its own card: the station's, then its parent's, then the next.
    for unit in [row.unit_id, room] {
        let (unit_id, seats) = officers::seats_or_parent(tx.conn(), &unit)?;
        cards::raise(
            tx,
            &Draw {
                unit_id,
                recipients: &seats,
                kind: "deadline.signed",
                subject: Subject::new("assignment", row.id),
                data: data.clone(),
                key: if unit == row.unit_id { card_key(row) } else { format!("{}:{unit}", card_key(row)) },
                urgent: true,
            },
        )?;
    }
    Ok(())
}

/// Whether the terminals of the unit went silent together: each has broken its
/// own promise to report and no socket of its holder is in contact. A terminal
/// counts once it has shown itself: people without one prove nothing.
fn area_silence(tx: &mut Tx<'_>, core: &Core, unit: &UnitId) -> Result<Option<Silence>> {
    let path = officers::unit_fetch(tx.conn(), unit)?.path;
    let silence = core.part::<Live>()?.silence_of(&path);
    let config = &core.config.dispatch;
    let dark = is_area_silent(silence.silent, silence.on_duty, config.area_silent_min, config.area_silent_share);
    Ok(dark.then_some(silence))
}

/// One card for the whole area; this clock is judged again later, nobody is offered anything.
fn hold(tx: &mut Tx<'_>, core: &Core, row: &AssignmentRow, clock: &DeadlineRow, silence: &Silence) -> Result<()> {
    let due = tx.now.plus_secs(i64::from(core.config.dispatch.area_silent_hold_s).max(1));
    if let Some(attempt) = next_attempt(Decision::Hold, None, clock.attempt) {
        clocks::open(tx, row, clock.limit_kind, clock.person_id, attempt, due)?;
    }
    let affected = store::open_count_of_unit(tx.conn(), &row.unit_id)?;
    let (unit_id, seats) = officers::seats_or_parent(tx.conn(), &row.unit_id)?;
    cards::raise(
        tx,
        &Draw {
            unit_id,
            recipients: &seats,
            kind: "area.silent",
            subject: Subject::new("unit", row.unit_id),
            data: json!({
                "unit_id": row.unit_id,
                "silent": silence.silent,
                "on_duty": silence.on_duty,
                "calls_affected": affected,
            }),
            key: format!("area_silent:{}", row.unit_id),
            urgent: true,
        },
    )
    .map(drop)
}

/// Reaches the same person another way; each way is a row.
fn next_way(tx: &mut Tx<'_>, core: &Core, row: &AssignmentRow, clock: &DeadlineRow) -> Result<()> {
    let members = store::members_of(tx.conn(), &row.id)?;
    let reached: Vec<Reached> = members
        .iter()
        .map(|m| Reached { person: m.person_id, left: m.left_at.is_some(), viewed: m.viewed_at.is_some() })
        .collect();
    let attempts = store::attempts_of(tx.conn(), &row.id)?;
    for person in unreached(clock.person_id, &reached) {
        let tried: Vec<Channel> = attempts
            .iter()
            .filter(|attempt| attempt.person_id == person && attempt.limit_kind == clock.limit_kind)
            .map(|attempt| attempt.channel)
            .collect();
        let partners: Vec<PersonId> =
            members.iter().filter(|m| m.left_at.is_none() && m.person_id != person).map(|m| m.person_id).collect();
        let available = Available {
            other_devices: crews::carried_devices(tx.conn(), &person)?.len() > 1,
            partner: !partners.is_empty(),
            push_adapter: !core.config.dispatch.push_adapter_url.is_empty(),
        };
        let (skipped, next) = next_channel(&tried, available);
        for channel in skipped {
            attempt(tx, row, clock, person, channel, "skipped", None)?;
        }
        let Some(channel) = next else { continue };
        reach(tx, row, clock, person, channel, &partners)?;
        if let Some(attempt) = next_attempt(Decision::NextChannel, Some(channel), clock.attempt) {
            let wait = crate::platform::config::Dispatch::of(&core.config.dispatch.channel_s, row.priority);
            let due = tx.now.plus_secs(i64::from(wait).max(1));
            clocks::open(tx, row, clock.limit_kind, Some(person), attempt, due)?;
        }
    }
    Ok(())
}

fn reach(
    tx: &mut Tx<'_>,
    row: &AssignmentRow,
    clock: &DeadlineRow,
    person: PersonId,
    channel: Channel,
    partners: &[PersonId],
) -> Result<()> {
    match channel {
        Channel::Socket | Channel::OtherDevices => {
            attempt(tx, row, clock, person, channel, "tried", None)?;
            offer::tell(tx, row, &[person], clock.attempt + 1)
        }
        Channel::Partner => {
            attempt(tx, row, clock, person, channel, "tried", partners.first().map(PersonId::to_string))?;
            let draft = Draft {
                kind: "assignment.updated",
                subject: Subject::new("assignment", row.id),
                version: row.version,
                args: json!({ "assignment_id": row.id, "incident_id": row.incident_id, "reach": person, "state": row.state }),
                urgent: true,
            };
            outbox::send(tx, partners, &draft).map(drop)
        }
        Channel::PushAdapter => attempt(tx, row, clock, person, channel, "pending", None),
        Channel::VoiceCard => {
            attempt(tx, row, clock, person, channel, "tried", None)?;
            let (unit_id, seats) = officers::seats_or_parent(tx.conn(), &row.unit_id)?;
            cards::raise(
                tx,
                &Draw {
                    unit_id,
                    recipients: &seats,
                    kind: "assignment.call_now",
                    subject: Subject::new("assignment", row.id),
                    data: json!({ "assignment_id": row.id, "incident_id": row.incident_id, "person_id": person }),
                    key: call_key(row, &person),
                    urgent: true,
                },
            )
            .map(drop)
        }
    }
}

fn attempt(
    tx: &mut Tx<'_>,
    row: &AssignmentRow,
    clock: &DeadlineRow,
    person: PersonId,
    channel: Channel,
    outcome: &str,
    target: Option<String>,
) -> Result<()> {
    let at = tx.now;
    store::attempt_insert(
        tx.conn(),
        &AttemptRow {
            id: JobId::new(),
            assignment_id: row.id,
            person_id: person,
            limit_kind: clock.limit_kind,
            attempt: clock.attempt + 1,
            channel,
            device_id: None,
            target_id: target,
            truth: None,
            outcome: outcome.to_owned(),
            detail: None,
            at,
            outcome_at: None,
        },
    )
}

/// The next nearest free police unit that is not on it.
fn next_nearest(tx: &mut Tx<'_>, core: &Core, incident: &IncidentRow) -> Result<Option<Party>> {
    let all: Vec<_> = store::assignments_of_incident(tx.conn(), &incident.id)?.iter().map(|row| row.id).collect();
    let without: HashSet<PersonId> =
        store::members_of_all(tx.conn(), &all)?.into_iter().map(|member| member.person_id).collect();
    let scope = officers::unit_fetch(tx.conn(), &incident.unit_id)?.path;
    let wanted = Wanted {
        k: 1,
        kinds: &[],
        within_m: core.config.dispatch.nearest_within_m,
        scope_path: &scope,
        without: &without,
        fresh_only: true,
    };
    Ok(nearest(tx, core, incident, &wanted)?.into_iter().next())
}

/// Sends one more; who was sent first stays.
fn add_one(
    tx: &mut Tx<'_>,
    core: &Core,
    row: &AssignmentRow,
    incident: &mut IncidentRow,
    data: &mut Value,
) -> Result<()> {
    let Some(mut party) = next_nearest(tx, core, incident)? else {
        note(data, "suggestion", Value::Null);
        return Ok(());
    };
    if let Some(why) = party.why.as_object_mut() {
        why.insert("escalation_of".into(), json!(row.id));
    }
    let offer =
        Offer { party: &party, origin: Origin::Auto, by: None, lead_override: false, replaces: None, start: None };
    let added = offer::offer(tx, core, incident, &offer)?;
    incident_service::touch(tx, incident)?;
    note(data, "added", json!({ "assignment_id": added.id, "kind": party.kind, "id": party.id }));
    Ok(())
}

fn suggest(tx: &mut Tx<'_>, core: &Core, incident: &IncidentRow, data: &mut Value) -> Result<()> {
    let suggestion = next_nearest(tx, core, incident)?
        .map_or(Value::Null, |party| json!({ "kind": party.kind, "id": party.id, "why": party.why }));
    note(data, "suggestion", suggestion);
    Ok(())
}

fn note(data: &mut Value, name: &str, value: Value) {
    if let Some(map) = data.as_object_mut() {
        map.insert(name.to_owned(), value);
    }
}
