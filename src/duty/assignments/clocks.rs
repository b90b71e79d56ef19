//! Which deadlines run in which state, and switching them when it changes.

use super::escalation::Limit;
use super::ladder::State;
use super::store::{self, AssigneeKind, AssignmentRow, DeadlineRow, DeadlineState};
use crate::platform::config::Dispatch;
use crate::platform::db::Tx;
use crate::words::error::Result;
use crate::words::ids::{DeadlineId, PersonId};
use crate::words::time::Timestamp;

/// The clocks that run in a state; a unit has its own.
pub const fn running(state: State, unit: bool) -> &'static [Limit] {
    match (unit, state) {
        (true, State::Created | State::Sent | State::Delivered | State::Viewed) => &[Limit::Signed],
        (false, State::Created | State::Sent | State::Delivered) => &[Limit::Delivered, Limit::Viewed, Limit::Accepted],
        // Each member's receipt is waited for until somebody has taken it on.
        (false, State::Viewed) => &[Limit::Delivered, Limit::Accepted],
        (false, State::Accepted) => &[Limit::EnRoute],
        (false, State::EnRoute) => &[Limit::OnScene],
        (false, State::Queued | State::Suspended) => &[Limit::Waiting],
        (false, State::ChangeRequested) => &[Limit::Change],
        (false, State::Cleared) => &[Limit::Feedback],
        (false, State::Cancelled) => &[Limit::CancelConfirmed],
        _ => &[],
    }
}

/// The clocks that run for this one now. An agency has none: what it does is heard only when the room records it.
fn wanted(row: &AssignmentRow) -> &'static [Limit] {
    if row.assignee_kind == AssigneeKind::Agency { &[] } else { running(row.state, row.is_unit()) }
}

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
    for limit in wanted(row) {
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

/// The open clocks of an assignment, read once for all that one rung does to them.
pub struct Clocks {
    open: Vec<DeadlineRow>,
}

impl Clocks {
    pub fn of(tx: &mut Tx<'_>, row: &AssignmentRow) -> Result<Self> {
        Ok(Self { open: store::deadlines_open(tx.conn(), &row.id)? })
    }

    fn runs(&self, limit: Limit) -> bool {
        self.open.iter().any(|clock| clock.limit_kind == limit)
    }

    /// Stops one person's wait for a receipt (or, without a person, everybody's of that kind).
    pub fn stop(&mut self, tx: &mut Tx<'_>, limit: Limit, person: Option<&PersonId>) -> Result<()> {
        let ours =
            |clock: &DeadlineRow| clock.limit_kind == limit && (person.is_none() || clock.person_id.as_ref() == person);
        self.close(tx, ours, |_| DeadlineState::Met)
    }

    /// Stops what no longer runs and starts what runs now. A paused way is marked so.
    pub fn switch(&mut self, tx: &mut Tx<'_>, config: &Dispatch, row: &AssignmentRow) -> Result<()> {
        let wanted = wanted(row);
        let before: Vec<Limit> = self.open.iter().map(|clock| clock.limit_kind).collect();
        self.close(
            tx,
            |clock| !wanted.contains(&clock.limit_kind),
            |clock| {
                let paused = row.state.is_paused() && matches!(clock.limit_kind, Limit::EnRoute | Limit::OnScene);
                if paused { DeadlineState::Paused } else { DeadlineState::Met }
            },
        )?;
        // Receipts, looks and answers start with the assignment and only stop here.
        let starts_here =
            |limit: &Limit| !matches!(limit, Limit::Delivered | Limit::Viewed | Limit::Accepted | Limit::Signed);
        for limit in wanted.iter().filter(|limit| starts_here(limit) && !before.contains(limit)) {
            let due = tx.now.plus_secs(allowed_s(config, *limit, row.priority));
            open(tx, row, *limit, None, 0, due)?;
        }
        Ok(())
    }

    fn close(
        &mut self,
        tx: &mut Tx<'_>,
        which: impl Fn(&DeadlineRow) -> bool,
        to: impl Fn(&DeadlineRow) -> DeadlineState,
    ) -> Result<()> {
        let now = tx.now;
        let (gone, kept) = std::mem::take(&mut self.open).into_iter().partition(|clock| which(clock));
        self.open = kept;
        let gone: Vec<DeadlineRow> = gone;
        for clock in &gone {
            store::deadline_close(tx.conn(), &clock.id, to(clock), now)?;
        }
        Ok(())
    }
}

/// After a refused change: whatever should run in this state and does not, runs again.
pub fn start_missing(tx: &mut Tx<'_>, config: &Dispatch, row: &AssignmentRow) -> Result<()> {
    let clocks = Clocks::of(tx, row)?;
    for limit in wanted(row).iter().filter(|limit| **limit != Limit::Delivered && !clocks.runs(**limit)) {
        let due = tx.now.plus_secs(allowed_s(config, *limit, row.priority));
        open(tx, row, *limit, None, 0, due)?;
    }
    Ok(())
}

/// [`Clocks::stop`] where nothing else is done to the clocks.
pub fn stop(tx: &mut Tx<'_>, row: &AssignmentRow, limit: Limit, person: Option<&PersonId>) -> Result<()> {
    Clocks::of(tx, row)?.stop(tx, limit, person)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_open_state_before_the_scene_has_a_clock() {
        for state in [
            State::Sent,
            State::Delivered,
            State::Viewed,
            State::Accepted,
            State::EnRoute,
            State::Queued,
            State::Suspended,
            State::ChangeRequested,
        ] {
            assert!(!running(state, false).is_empty(), "{state}");
        }
        assert!(!running(State::Sent, true).is_empty());
    }

    #[test]
    fn a_pause_stops_the_clocks_of_the_way() {
        for state in [State::Queued, State::Suspended, State::ChangeRequested] {
            assert!(!running(state, false).contains(&Limit::EnRoute));
            assert!(!running(state, false).contains(&Limit::OnScene));
        }
    }
}
