//! What follows every rung of a crew or person: row, people, clocks, cards,
//! the incident's people, and who hears of it.

use serde_json::json;

use super::clock_rules::Change;
use super::clocks;
use super::escalate::{call_key, card_key};
use super::ladder::{ACCEPTED, Rung, State};
use super::store::{self, AssignmentRow};
use crate::duty::incidents::store as incidents;
use crate::platform::cards;
use crate::platform::ctx::Core;
use crate::platform::db::Tx;
use crate::platform::events::Event;
use crate::platform::push::outbox::{self, Draft, Subject};
use crate::words::error::Result;
use crate::words::ids::PersonId;

/// Saves the row and carries out what its new state means. `about` is whose
/// rung it was, `None` for a machine's word that proves nothing; `applied` whether it
/// moved anything.
pub fn settle(
    tx: &mut Tx<'_>,
    core: &Core,
    row: &mut AssignmentRow,
    from: State,
    rung: Rung,
    about: Option<PersonId>,
    applied: bool,
) -> Result<()> {
    let now = tx.now;
    let to = row.state;
    // "Call them now" is answered by any sign of him, "nobody moves" by a move.
    let call = about.map(|person| call_key(row, &person));
    let moves = to != from && (to.is_active() || to.is_closed() || matches!(to, State::Queued | State::Suspended));
    match (call, moves.then(|| card_key(row))) {
        (Some(call), Some(card)) => cards::close_both(tx, [&call, &card], about)?,
        // It may be a machine's word, which closes nothing in his name.
        (Some(call), None) => cards::close(tx, &call, None)?,
        (None, Some(card)) => cards::close(tx, &card, about)?,
        (None, None) => false,
    };
    let change = Change { kind: row.assignee_kind, from, to, rung, about, applied };
    clocks::turn(tx, &core.config.dispatch, row, &change)?;
    if row.accepted_at.is_none() && row.height >= i32::from(ACCEPTED) {
        row.accepted_at = Some(now);
    }
    if to == from {
        store::assignment_save(tx.conn(), row)?;
        return Ok(());
    }
    row.version += 1;
    row.updated_at = now;
    if !to.is_paused() {
        row.pause_note = None;
    }
    if to.is_closed() && row.closed_at.is_none() {
        row.closed_at = Some(now);
    }
    store::assignment_save(tx.conn(), row)?;
    let people = people(tx, row)?;
    if to.is_closed() {
        store::members_close(tx.conn(), &row.id)?;
        incidents::party_end(tx.conn(), &row.id, None, now)?;
    }
    if to != State::Delivered && to != State::Viewed {
        tell(tx, row, &people)?;
    }
    tx.emit(&Event::AssignmentStateChanged {
        assignment: row.id,
        incident: row.incident_id,
        from: from.to_string(),
        to: to.to_string(),
        people,
    })
}

/// The people still on it.
pub fn people(tx: &mut Tx<'_>, row: &AssignmentRow) -> Result<Vec<PersonId>> {
    let members = store::members_of(tx.conn(), &row.id)?;
    Ok(members.into_iter().filter(|member| member.left_at.is_none()).map(|member| member.person_id).collect())
}

/// The crew on all its devices (a tap on one is seen on the others) and the seat that sent it.
pub fn tell(tx: &mut Tx<'_>, row: &AssignmentRow, people: &[PersonId]) -> Result<()> {
    let mut to: Vec<PersonId> = people.to_vec();
    to.extend(row.created_by);
    if to.is_empty() {
        return Ok(());
    }
    outbox::send(
        tx,
        &to,
        &Draft {
            kind: "assignment.updated",
            subject: Subject::new("assignment", row.id),
            version: row.version,
            args: json!({ "assignment_id": row.id, "incident_id": row.incident_id, "state": row.state }),
            urgent: false,
        },
    )
    .map(drop)
}
