//! Every step from every state, and whole lives of records.

use std::collections::BTreeSet;

use super::*;
use crate::words::error::Code;

/// Every state, step and kind: what the table says and nothing else. The expectation is written as what is *forbidden* by
/// law or by sense, apart from the table itself.
#[test]
fn every_state_and_step_of_every_kind_moves_stays_or_is_refused() {
    let (mut moved, mut stayed, mut refused) = (0, 0, 0);
    for kind in Kind::ALL.iter().copied() {
        for state in State::ALL.iter().copied() {
            for step in Step::ALL.iter().copied() {
                let allowed = steps_from(kind, state).contains(&step);
                match next(kind, state, step) {
                    Ok(Some(to)) => {
                        moved += 1;
                        assert!(allowed && to != state, "{kind} {state} {step}");
                        assert!(
                            !(state.is_in_effect() && to.is_open()),
                            "{kind} {state} {step}: what binds is not undone"
                        );
                        assert!(!(state.is_in_effect() && to == State::Void), "{kind} {state} {step}: never voided");
                        assert!(
                            state != State::Void && state != State::Referred,
                            "{kind} {state} {step}: it has ended"
                        );
                        assert_eq!(next(kind, to, step).unwrap(), None, "{kind} {state} {step} sent twice");
                        if to == State::Effective {
                            let path = (kind, state, step);
                            assert!(
                                matches!(
                                    path,
                                    (Kind::People, State::Signed | State::AwaitingSeal, Step::Seal)
                                        | (Kind::People, State::Agreed, Step::Oral)
                                        | (Kind::PoliceOnScene, State::Agreed, Step::OnFilm)
                                        | (Kind::PoliceOnScene | Kind::Police, State::Signed, Step::TakeEffect)
                                ),
                                "{path:?}: no other way makes an agreement effective"
                            );
                        }
                        if to == State::Reopened {
                            assert!(kind != Kind::People, "only the police have a case to reopen");
                        }
                        if step == Step::SecondRound {
                            assert!(kind != Kind::PoliceOnScene, "not on the spot any more");
                        }
                        if to == State::Signed {
                            assert_eq!(state, State::Agreed);
                        }
                    }
                    Ok(None) => {
                        stayed += 1;
                        let leads_here = MOVES.iter().any(|(_, by, to, _)| *by == step && *to == state);
                        assert!(leads_here, "{kind} {state} {step}");
                    }
                    Err(error) => {
                        refused += 1;
                        assert!(!allowed && error.is(Code::Conflict), "{kind} {state} {step}");
                        let told = error.members();
                        assert_eq!(told.get("state").and_then(Value::as_str), Some(state.as_str()));
                        assert_eq!(told.get("step").and_then(Value::as_str), Some(step.as_str()));
                        let listed = told.get("allowed").and_then(Value::as_array).unwrap();
                        assert_eq!(listed.len(), steps_from(kind, state).len());
                    }
                }
            }
        }
    }
    assert_eq!(moved + stayed + refused, Kind::ALL.len() * State::ALL.len() * Step::ALL.len());
    assert!(moved > 100 && stayed > 40 && refused > 800, "{moved} {stayed} {refused}");
}

#[test]
fn the_table_has_each_move_once() {
    for kind in Kind::ALL.iter().copied() {
        let pairs: Vec<(State, Step)> = moves(kind).map(|(from, step, _)| (from, step)).collect();
        assert_eq!(pairs.iter().collect::<BTreeSet<_>>().len(), pairs.len(), "{kind}");
    }
}

#[test]
fn every_state_can_be_reached_and_every_step_is_somebodys() {
    for kind in Kind::ALL.iter().copied() {
        let mut seen = BTreeSet::from([State::Proposed]);
        loop {
            let more: Vec<State> = moves(kind)
                .filter(|(from, _, to)| seen.contains(from) && !seen.contains(to))
                .map(|(_, _, to)| to)
                .collect();
            if more.is_empty() {
                break;
            }
            seen.extend(more);
        }
        let unreached: Vec<State> = State::ALL.iter().copied().filter(|state| !seen.contains(state)).collect();
        let expected = if kind == Kind::People { vec![State::Reopened] } else { vec![State::AwaitingSeal] };
        assert_eq!(unreached, expected, "{kind}");
    }
    for step in Step::ALL.iter().copied() {
        assert!(MOVES.iter().any(|(_, by, _, _)| *by == step), "{step} moves nothing");
    }
    assert_eq!(who(Step::Seal), Who::SealKeeper);
    assert_eq!(who(Step::Void), Who::Supervisor);
    assert_eq!(who(Step::SignAll), Who::System);
    assert_eq!(who(Step::Default), Who::Officer);
    assert_eq!(who(Step::Agree), Who::Leader);
}

fn walk(kind: Kind, steps: &[Step]) -> State {
    steps.iter().fold(State::Proposed, |state, step| next(kind, state, *step).unwrap().unwrap_or(state))
}

#[test]
fn whole_lives() {
    use Step::*;
    let start = [Pass, Consent, Begin, Agree];
    let then = |more: &[Step]| [&start[..], more].concat();
    assert_eq!(walk(Kind::PoliceOnScene, &then(&[SignAll, TakeEffect, Perform])), State::Performed);
    assert_eq!(walk(Kind::PoliceOnScene, &then(&[OnFilm, Perform])), State::Performed);
    assert_eq!(walk(Kind::Police, &then(&[SignAll, TakeEffect, AwaitPerformance, Default, Reopen])), State::Reopened);
    assert_eq!(walk(Kind::People, &then(&[SignAll, AwaitSeal, Seal, AwaitPerformance, Perform])), State::Performed);
    assert_eq!(walk(Kind::People, &then(&[Oral, Default, Refer])), State::Referred);
    assert_eq!(walk(Kind::Police, &then(&[SignAll, Unsign, SignAll])), State::Signed);
    assert_eq!(walk(Kind::Police, &[Pass, Consent, Begin, Fail, SecondRound, Fail, CloseFailed]), State::ClosedFailed);
    assert_eq!(walk(Kind::Police, &then(&[NotReached, CloseFailed, Refer])), State::Referred);
    assert_eq!(walk(Kind::Police, &[Pass, Consent, Begin, Bar, Refer]), State::Referred);
}

#[test]
fn what_the_law_forbids_is_refused() {
    for (kind, state, step) in [
        (Kind::Police, State::Agreed, Step::Oral),
        (Kind::PoliceOnScene, State::Agreed, Step::Oral),
        (Kind::Police, State::Agreed, Step::OnFilm),
        (Kind::People, State::Signed, Step::TakeEffect),
        (Kind::Police, State::Signed, Step::Seal),
        (Kind::Police, State::Agreed, Step::TakeEffect),
        (Kind::People, State::Agreed, Step::Seal),
        (Kind::People, State::Defaulted, Step::Reopen),
        (Kind::Police, State::Effective, Step::Unsign),
        (Kind::Police, State::Effective, Step::Void),
        (Kind::Police, State::Ineligible, Step::Consent),
        (Kind::Police, State::Eligible, Step::Begin),
        (Kind::PoliceOnScene, State::Failed, Step::SecondRound),
        (Kind::Police, State::ClosedFailed, Step::SecondRound),
    ] {
        assert!(next(kind, state, step).unwrap_err().is(Code::Conflict), "{kind} {state} {step}");
    }
}

#[test]
fn a_state_is_one_thing_at_a_time() {
    for state in State::ALL.iter().copied() {
        assert!(!(state.is_open() && (state.is_in_effect() || state.is_final())), "{state}");
        assert!(!state.takes_signatures() || state.is_open());
    }
}
