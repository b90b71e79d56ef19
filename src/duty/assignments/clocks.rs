//! Deadlines as rows: opened, stopped and switched as `clock_rules` says.

use super::clock_rules::{self, Change, Clock};
use super::escalation::Limit;
use super::store::{self, AssignmentRow, DeadlineRow, DeadlineState};
use crate::platform::config::Dispatch;
use crate::platform::db::Tx;
use crate::words::error::Result;
use crate::words::ids::{DeadlineId, PersonId};
use crate::words::time::Timestamp;

/// Seconds a limit allows at a priority.
pub fn allowed_s(config: &Dispatch, limit: Limit, priority: i32) -> i64 {
    let list = match limit {
        Limit::Delivered => &config.delivered_s,
        Limit::Viewed => &config.viewed_s,
        Limit::Accepted => &config.accepted_s,
        Limit::EnRoute => &config.en_route_s,
        Limit::OnScene => &config.on_scene_s,
        Limit::Feedback => &config.feedback_s,
        Limit::Signed => &config.signed_s,
        Limit::Waiting => &config.waiting_s,
        Limit::Change => &config.change_s,
        Limit::CancelConfirmed => &config.cancel_confirm_s,
    };
    i64::from(Dispatch::of(list, priority))
}

/// Starts one clock.
pub fn open(
    tx: &mut Tx<'_>,
    row: &AssignmentRow,
    limit: Limit,
    person_id: Option<PersonId>,
    attempt: i32,
    due_at: Timestamp,
) -> Result<()> {
    let opened_at = tx.now;
    store::deadline_insert(
        tx.conn(),
        &DeadlineRow {
            id: DeadlineId::new(),
            incident_id: row.incident_id,
            assignment_id: Some(row.id),
            person_id,
            limit_kind: limit,
            attempt,
            priority: row.priority,
            state: DeadlineState::Open,
            opened_at,
            due_at,
            closed_at: None,
        },
    )
}

/// The clocks of a fresh assignment: one receipt per person, one look, one answer.
pub fn start(tx: &mut Tx<'_>, config: &Dispatch, row: &AssignmentRow, people: &[PersonId]) -> Result<()> {
    let now = tx.now;
    for limit in clock_rules::running(row.assignee_kind, row.state) {
        let due = now.plus_secs(allowed_s(config, *limit, row.priority));
        if *limit == Limit::Delivered {
            for person in people {
                open(tx, row, *limit, Some(*person), 0, due)?;
            }
        } else {
            open(tx, row, *limit, None, 0, due)?;
        }
    }
    Ok(())
}

/// Ends and begins what a change says. A paused way is marked so.
pub fn turn(tx: &mut Tx<'_>, config: &Dispatch, row: &AssignmentRow, change: &Change) -> Result<()> {
    let now = tx.now;
    let open_now = store::deadlines_open(tx.conn(), &row.id)?;
    let turn = clock_rules::turn(&clocks_of(&open_now), change);
    for (index, to) in turn.ends {
        if let Some(clock) = open_now.get(index) {
            store::deadline_close(tx.conn(), &clock.id, to, now)?;
        }
    }
    let begins: Vec<Clock> = turn.begins.into_iter().map(|limit| Clock { limit, person: None }).collect();
    begin(tx, config, row, &begins)
}

/// After a refused change: whatever should run in this state and does not, runs again. Silent are those whose receipt
/// was waited for when the change was asked, and who have given no sign since.
pub fn start_missing(tx: &mut Tx<'_>, config: &Dispatch, row: &AssignmentRow) -> Result<()> {
    let open_now = store::deadlines_open(tx.conn(), &row.id)?;
    let mut silent = store::people_paused(tx.conn(), &row.id, Limit::Delivered)?;
    if !silent.is_empty() {
        let members = store::members_of(tx.conn(), &row.id)?;
        silent.retain(|person| members.iter().any(|member| member.person_id == *person && member.left_at.is_none()));
        let rungs = store::rungs_list(tx.conn(), &row.id)?;
        silent.retain(|person| !rungs.iter().any(|rung| rung.counts && rung.person_id.as_ref() == Some(person)));
    }
    let missing = clock_rules::missing(&clocks_of(&open_now), row.assignee_kind, row.state, &silent);
    begin(tx, config, row, &missing)
}

fn clocks_of(rows: &[DeadlineRow]) -> Vec<Clock> {
    rows.iter().map(|row| Clock { limit: row.limit_kind, person: row.person_id }).collect()
}

fn begin(tx: &mut Tx<'_>, config: &Dispatch, row: &AssignmentRow, clocks: &[Clock]) -> Result<()> {
    for clock in clocks {
        let due = tx.now.plus_secs(allowed_s(config, clock.limit, row.priority));
        open(tx, row, clock.limit, clock.person, 0, due)?;
    }
    Ok(())
}

/// Stops one person's wait for a receipt (or, without a person, everybody's of that kind).
pub fn stop(tx: &mut Tx<'_>, row: &AssignmentRow, limit: Limit, person: Option<&PersonId>) -> Result<()> {
    let now = tx.now;
    for clock in store::deadlines_open(tx.conn(), &row.id)? {
        if clock.limit_kind == limit && (person.is_none() || clock.person_id.as_ref() == person) {
            store::deadline_close(tx.conn(), &clock.id, DeadlineState::Met, now)?;
        }
    }
    Ok(())
}
