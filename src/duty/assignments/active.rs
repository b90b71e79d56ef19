//! One incident is active per crew: whoever accepts a second has it queued
//! behind the first, whoever sets out to the second suspends the first, and
//! when the first is over the next in the queue begins.

use serde_json::json;

use super::after;
use super::events::feed;
use super::ladder::{self, OFFICER_OF_RECORD, Rung, State, Truth, Via};
use super::store::{self, AssigneeKind, AssignmentRow, RungRow};
use crate::duty::incidents::store as incidents;
use crate::platform::ctx::Core;
use crate::platform::db::Tx;
use crate::words::error::Result;
use crate::words::ids::RungId;
use crate::words::time::Timestamp;

/// Keeps the rule after a rung of `row` was applied. An agency has many hands: its calls do not wait for each other.
pub fn keep_one(tx: &mut Tx<'_>, core: &Core, row: &mut AssignmentRow, rung: Rung, at: Timestamp) -> Result<()> {
    if row.assignee_kind == AssigneeKind::Agency {
        return Ok(());
    }
    match (rung, row.state) {
        (Rung::Accepted, State::Accepted) => {
            if let Some(first) = others(tx, row)?.into_iter().find(|other| other.state.is_active()) {
                row.pause_note = Some(json!({ "reason": "one_at_a_time", "behind": first.id }).to_string());
                pause(tx, core, row, Rung::Queued, at, "one_at_a_time")?;
            }
        }
        (Rung::EnRoute | Rung::OnScene, State::EnRoute | State::OnScene) => {
            for mut other in others(tx, row)?.into_iter().filter(|other| other.state.is_active()) {
                other.pause_note = Some(json!({ "reason": "preempted", "behind": row.id }).to_string());
                pause(tx, core, &mut other, Rung::Suspended, tx.now, "preempted")?;
            }
        }
        _ if row.state.is_closed() => next_in_line(tx, core, row)?,
        _ => {}
    }
    Ok(())
}

/// Starts the longest waiting one that was queued because of the rule.
pub fn next_in_line(tx: &mut Tx<'_>, core: &Core, over: &AssignmentRow) -> Result<()> {
    let rest = others(tx, over)?;
    if rest.iter().any(|other| other.state.is_active()) {
        return Ok(());
    }
    let waits = |row: &AssignmentRow| {
        row.state == State::Queued && row.pause_note.as_deref().is_some_and(|note| note.contains("one_at_a_time"))
    };
    let Some(mut next) = rest.into_iter().filter(waits).min_by_key(|row| (row.priority, row.created_at)) else {
        return Ok(());
    };
    let from = next.state;
    next.stand(&ladder::resume(next.standing()));
    after::settle(tx, core, &mut next, from, Rung::Accepted, None, true)
}

/// Other open assignments of the same crew, or of the same person.
fn others(tx: &mut Tx<'_>, row: &AssignmentRow) -> Result<Vec<AssignmentRow>> {
    let mut found = match row.person_id {
        Some(person) => store::open_of_person(tx.conn(), &person)?,
        None => store::open_of_assignee(tx.conn(), row.assignee_kind, &row.assignee_id)?,
    };
    found.retain(|other| other.id != row.id && !other.is_unit());
    Ok(found)
}

fn pause(tx: &mut Tx<'_>, core: &Core, row: &mut AssignmentRow, rung: Rung, at: Timestamp, reason: &str) -> Result<()> {
    let from = row.state;
    let at = row.moved_at.map_or(at, |moved| at.max(moved));
    let Ok(outcome) = ladder::step(row.standing(), rung, at, OFFICER_OF_RECORD) else { return Ok(()) };
    row.stand(&outcome.standing);
    let record = RungRow {
        id: RungId::new(),
        assignment_id: row.id,
        step: rung,
        at: tx.now,
        device_at: None,
        device_id: None,
        person_id: None,
        recorded_by: None,
        via: Via::Device,
        truth: Truth::Machine,
        reason: Some(reason.to_owned()),
        applied: outcome.applied,
        counts: true,
        state_after: row.state,
        natural_key: format!("{rung}:rule:{}", tx.now.as_micros()),
    };
    store::rung_insert(tx.conn(), &record)?;
    let incident = incidents::incident_fetch(tx.conn(), &row.incident_id)?;
    feed(tx, &incident, row, &record)?;
    after::settle(tx, core, row, from, rung, None, outcome.applied)
}
