//! Which clocks run in which state, which of them a rung ends, which begin. Pure; `clocks` keeps them as rows.

use super::escalation::Limit;
use super::ladder::{Rung, State};
use super::store::{AssigneeKind, DeadlineState};
use crate::words::ids::PersonId;

/// An open clock, as far as the rules care.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Clock {
    pub limit: Limit,
    pub person: Option<PersonId>,
}

/// What a rung or a rule did to an assignment.
#[derive(Clone, Copy, Debug)]
pub struct Change {
    pub kind: AssigneeKind,
    pub from: State,
    pub to: State,
    pub rung: Rung,
    /// Whose word or whose device's it was; `None` for a word that proves nothing about anybody.
    pub about: Option<PersonId>,
    /// False: it came from somebody who no longer belongs, or too late.
    pub applied: bool,
}

/// What becomes of the open clocks.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Turn {
    /// By their place in the list, and how they end.
    pub ends: Vec<(usize, DeadlineState)>,
    /// Begin now, for nobody in particular.
    pub begins: Vec<Limit>,
}

/// The clocks that run in a state. A unit has its own; an agency none: what it does is heard only when the room
/// records it.
pub const fn running(kind: AssigneeKind, state: State) -> &'static [Limit] {
    match (kind, state) {
        (AssigneeKind::Agency, _) => &[],
        (AssigneeKind::Unit, State::Created | State::Sent | State::Delivered | State::Viewed) => &[Limit::Signed],
        (AssigneeKind::Unit, _) => &[],
        (_, State::Created | State::Sent | State::Delivered) => &[Limit::Delivered, Limit::Viewed, Limit::Accepted],
        // Each member's receipt is waited for until somebody has taken it on.
        (_, State::Viewed) => &[Limit::Delivered, Limit::Accepted],
        (_, State::Accepted) => &[Limit::EnRoute],
        (_, State::EnRoute) => &[Limit::OnScene],
        (_, State::Queued | State::Suspended) => &[Limit::Waiting],
        (_, State::ChangeRequested) => &[Limit::Change],
        (_, State::Cleared) => &[Limit::Feedback],
        (_, State::Cancelled) => &[Limit::CancelConfirmed],
        _ => &[],
    }
}

/// Receipts, looks, answers and signatures begin with the assignment; a change of state only ends them.
const fn begins_with_assignment(limit: Limit) -> bool {
    matches!(limit, Limit::Delivered | Limit::Viewed | Limit::Accepted | Limit::Signed)
}

/// What a change means for the clocks that are open.
pub fn turn(open: &[Clock], change: &Change) -> Turn {
    let wanted = running(change.kind, change.to);
    let moved = change.to != change.from;
    let mut turn = Turn::default();
    let mut left = Vec::new();
    for (index, clock) in open.iter().enumerate() {
        if is_answered(clock, change) {
            turn.ends.push((index, DeadlineState::Met));
        } else if moved && !wanted.contains(&clock.limit) && !outlives(clock.limit, change.to) {
            turn.ends.push((index, ending(clock.limit, change.to)));
        } else {
            left.push(clock.limit);
        }
    }
    if moved {
        // A cancellation that they confirm with this very word is not waited for again.
        let confirmed = change.rung == Rung::CancelConfirmed;
        let settled = |limit: &Limit| left.contains(limit) || confirmed && *limit == Limit::CancelConfirmed;
        let begins = |limit: &&Limit| !begins_with_assignment(**limit) && !settled(limit);
        turn.begins = wanted.iter().filter(begins).copied().collect();
    }
    turn
}

/// What was asked anew on the way stays asked: on the scene whether they break off, of those who looked to look again.
fn outlives(limit: Limit, to: State) -> bool {
    match limit {
        Limit::CancelConfirmed => !to.is_closed(),
        Limit::Viewed => to == State::Viewed,
        _ => false,
    }
}

/// How a clock ends that no longer runs: a pause answers nothing.
fn ending(limit: Limit, to: State) -> DeadlineState {
    let unanswered = match to {
        State::ChangeRequested => !matches!(limit, Limit::Waiting),
        State::Queued | State::Suspended => matches!(limit, Limit::EnRoute | Limit::OnScene),
        _ => false,
    };
    if unanswered { DeadlineState::Paused } else { DeadlineState::Met }
}

/// What is waited for has come: whatever he said or his device confirmed, he has it; one look is the crew's.
fn is_answered(clock: &Clock, change: &Change) -> bool {
    match clock.limit {
        Limit::Delivered => change.about.is_some() && clock.person == change.about,
        // Whoever taps a later rung has looked; a rule that moves it has not.
        Limit::Viewed => {
            change.applied && (change.rung == Rung::Viewed || change.about.is_some() && change.rung.height() > Some(3))
        }
        Limit::CancelConfirmed => change.applied && change.rung == Rung::CancelConfirmed,
        _ => false,
    }
}

/// After a refused change: whatever should run in this state and does not, runs again; a receipt is waited for again
/// from the `silent`, of whom nothing has been heard yet.
pub fn missing(open: &[Clock], kind: AssigneeKind, state: State, silent: &[PersonId]) -> Vec<Clock> {
    let runs = |limit: Limit| open.iter().any(|clock| clock.limit == limit);
    let his = |person| Clock { limit: Limit::Delivered, person: Some(person) };
    let mut missing = Vec::new();
    for limit in running(kind, state) {
        if *limit == Limit::Delivered {
            missing.extend(silent.iter().map(|person| his(*person)).filter(|clock| !open.contains(clock)));
        } else if !runs(*limit) {
            missing.push(Clock { limit: *limit, person: None });
        }
    }
    missing
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
            assert!(!running(AssigneeKind::Crew, state).is_empty(), "{state}");
        }
        assert!(!running(AssigneeKind::Unit, State::Sent).is_empty());
        assert!(running(AssigneeKind::Agency, State::Sent).is_empty());
    }

    fn change(from: State, to: State, rung: Rung, applied: bool) -> Change {
        Change { kind: AssigneeKind::Crew, from, to, rung, about: Some(PersonId::new()), applied }
    }

    fn all_of(limit: Limit) -> [Clock; 1] {
        [Clock { limit, person: None }]
    }

    #[test]
    fn a_cancellation_confirmed_on_the_scene_is_not_waited_for_again() {
        let open = all_of(Limit::CancelConfirmed);
        let heard = turn(&open, &change(State::OnScene, State::Cancelled, Rung::CancelConfirmed, true));
        assert_eq!(heard, Turn { ends: vec![(0, DeadlineState::Met)], begins: vec![] });
        let paused = turn(&open, &change(State::OnScene, State::Suspended, Rung::Suspended, true));
        assert_eq!(paused, Turn { ends: vec![], begins: vec![Limit::Waiting] }, "it stays asked while they pause");
        let at_once = turn(&[], &change(State::EnRoute, State::Cancelled, Rung::Cancelled, true));
        assert_eq!(at_once.begins, [Limit::CancelConfirmed]);
    }

    #[test]
    fn a_look_of_somebody_who_has_left_is_not_the_crews() {
        let open = all_of(Limit::Viewed);
        assert_eq!(turn(&open, &change(State::Sent, State::Sent, Rung::Viewed, false)), Turn::default());
        assert_eq!(
            turn(&open, &change(State::Sent, State::Viewed, Rung::Viewed, true)).ends,
            [(0, DeadlineState::Met)]
        );
    }

    #[test]
    fn a_refused_change_waits_again_for_those_of_whom_nothing_was_heard() {
        let partner = PersonId::new();
        let open = [Clock { limit: Limit::Delivered, person: Some(partner) }];
        let asked = turn(&open, &change(State::Sent, State::ChangeRequested, Rung::ChangeRequested, true));
        assert_eq!(asked.ends, [(0, DeadlineState::Paused)], "a pause is no receipt");
        let again = missing(&[], AssigneeKind::Crew, State::Sent, &[partner]);
        assert!(again.contains(&open[0]) && again.contains(&all_of(Limit::Accepted)[0]));
    }

    #[test]
    fn a_pause_stops_the_clocks_of_the_way() {
        for state in [State::Queued, State::Suspended, State::ChangeRequested] {
            assert!(!running(AssigneeKind::Crew, state).contains(&Limit::EnRoute));
            assert!(!running(AssigneeKind::Crew, state).contains(&Limit::OnScene));
        }
    }
}
