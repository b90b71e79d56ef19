//! The ladder's promises, by example and by property.

use proptest::prelude::*;

use super::*;

const OFFICER: Speaker = Speaker { belongs: true, may_decline: false };
const GUARD: Speaker = Speaker { belongs: true, may_decline: true };
const GONE: Speaker = Speaker { belongs: false, may_decline: false };

fn at(second: i64) -> Timestamp {
    Timestamp::from_micros(second * 1_000_000)
}

fn climb(rungs: &[(Rung, i64)]) -> Standing {
    rungs.iter().fold(Standing::sent(), |standing, (rung, second)| {
        step(standing, *rung, at(*second), OFFICER).unwrap().standing
    })
}

#[test]
fn rungs_may_be_skipped() {
    assert_eq!(climb(&[(Rung::OnScene, 5)]).state(), State::OnScene);
    assert_eq!(climb(&[(Rung::Cleared, 5)]).state(), State::Cleared);
}

#[test]
fn a_late_lower_rung_never_moves_back() {
    let out = step(climb(&[(Rung::OnScene, 9)]), Rung::Accepted, at(3), OFFICER).unwrap();
    assert!(out.applied);
    assert_eq!(out.standing.state(), State::OnScene);
}

#[test]
fn after_the_end_a_rung_is_recorded_and_not_applied() {
    for end in [State::Cancelled, State::Reassigned] {
        let standing = Standing { ended: Some(end), ..climb(&[(Rung::Accepted, 1)]) };
        let out = step(standing, Rung::OnScene, at(2), OFFICER).unwrap();
        assert!(!out.applied);
        assert_eq!(out.standing.state(), end);
    }
    let out = step(climb(&[(Rung::Cleared, 9)]), Rung::EnRoute, at(3), OFFICER).unwrap();
    assert!(!out.applied);
    assert_eq!(out.standing.state(), State::Cleared);
}

#[test]
fn who_was_split_off_is_recorded_and_moves_nothing() {
    let out = step(Standing::sent(), Rung::Accepted, at(1), GONE).unwrap();
    assert!(!out.applied);
    assert_eq!(out.standing.state(), State::Sent);
}

#[test]
fn officers_ask_for_a_change_and_stay_responsible() {
    assert_eq!(step(Standing::sent(), Rung::Declined, at(1), OFFICER), Err(Refusal::OfficersAskForChange));
    let asked = climb(&[(Rung::Accepted, 1), (Rung::ChangeRequested, 2)]);
    assert_eq!(asked.state(), State::ChangeRequested);
    assert!(!asked.state().is_closed());
    assert_eq!(resume(asked).state(), State::Accepted);
}

#[test]
fn volunteers_and_guards_may_decline() {
    let out = step(Standing::sent(), Rung::Declined, at(1), GUARD).unwrap();
    assert_eq!(out.standing.state(), State::Declined);
    assert!(out.standing.state().is_closed());
}

#[test]
fn pauses_hold_until_the_crew_moves_again() {
    let queued = climb(&[(Rung::Accepted, 1), (Rung::Queued, 2)]);
    assert_eq!(queued.state(), State::Queued);
    assert_eq!(step(queued, Rung::EnRoute, at(3), OFFICER).unwrap().standing.state(), State::EnRoute);
    let suspended = climb(&[(Rung::EnRoute, 3), (Rung::Suspended, 5)]);
    assert_eq!(suspended.state(), State::Suspended);
    assert_eq!(step(suspended, Rung::EnRoute, at(8), OFFICER).unwrap().standing.state(), State::EnRoute);
}

#[test]
fn a_pause_that_arrives_late_does_not_stop_a_crew_on_its_way() {
    assert_eq!(climb(&[(Rung::EnRoute, 9), (Rung::Queued, 4)]).state(), State::EnRoute);
}

#[test]
fn queueing_is_an_acceptance() {
    assert_eq!(climb(&[(Rung::Queued, 4)]).height, ACCEPTED);
    assert_eq!(climb(&[(Rung::ChangeRequested, 4)]).height, 1);
}

#[test]
fn a_crew_on_scene_is_asked_and_others_are_cancelled_at_once() {
    assert_eq!(cancel(climb(&[(Rung::EnRoute, 1)])).state(), State::Cancelled);
    let asked = cancel(climb(&[(Rung::OnScene, 1)]));
    assert_eq!(asked.state(), State::OnScene);
    let out = step(asked, Rung::CancelConfirmed, at(2), OFFICER).unwrap();
    assert!(out.applied);
    assert_eq!(out.standing.state(), State::Cancelled);
    assert_eq!(step(Standing::sent(), Rung::CancelConfirmed, at(1), OFFICER), Err(Refusal::NothingToConfirm));
}

#[test]
fn who_was_split_off_does_not_confirm_for_those_on_the_scene() {
    let asked = cancel(climb(&[(Rung::OnScene, 1)]));
    let out = step(asked, Rung::CancelConfirmed, at(2), GONE).unwrap();
    assert_eq!((out.applied, out.standing), (false, asked));
}

#[test]
fn the_units_words_are_not_a_crews() {
    for rung in [Rung::Signed, Rung::Returned, Rung::Dispatched, Rung::Reassigned, Rung::Cancelled] {
        assert_eq!(step(Standing::sent(), rung, at(1), OFFICER), Err(Refusal::NotOnThisLadder));
    }
}

fn open_rung() -> impl Strategy<Value = (Rung, i64)> {
    let rungs = prop::sample::select(vec![
        Rung::Delivered,
        Rung::Viewed,
        Rung::Accepted,
        Rung::ChangeRequested,
        Rung::Queued,
        Rung::Suspended,
        Rung::EnRoute,
        Rung::OnScene,
    ]);
    (rungs, 0_i64..20)
}

proptest! {
    #[test]
    fn any_order_and_any_duplicates_end_alike(
        rungs in prop::collection::vec(open_rung(), 0..12),
        seed in any::<u64>(),
    ) {
        let straight = climb(&rungs);
        let mut shuffled: Vec<_> = rungs.iter().chain(rungs.iter()).copied().collect();
        let mut state = seed;
        for i in (1..shuffled.len()).rev() {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            shuffled.swap(i, usize::try_from(state >> 33).unwrap() % (i + 1));
        }
        prop_assert_eq!(climb(&shuffled).state(), straight.state());
    }

    #[test]
    fn height_never_falls(rungs in prop::collection::vec(open_rung(), 0..12)) {
        let mut standing = Standing::sent();
        for (rung, second) in rungs {
            let next = step(standing, rung, at(second), OFFICER).unwrap().standing;
            prop_assert!(next.height >= standing.height);
            standing = next;
        }
    }

    #[test]
    fn a_cleared_assignment_is_never_undone(rungs in prop::collection::vec(open_rung(), 0..12)) {
        let mut standing = climb(&[(Rung::Cleared, 0)]);
        for (rung, second) in rungs {
            standing = step(standing, rung, at(second), OFFICER).unwrap().standing;
            prop_assert_eq!(standing.state(), State::Cleared);
        }
    }
}
