//! The clock and closing rules of a backup, pure: when a wave widens, when the rest stand down, who may end it.
//! Called by `service` and `jobs` with facts they loaded.

use std::collections::{BTreeMap, BTreeSet};

use super::{AlertRole, Answer, CloseReason, UnitKey};
use crate::words::time::Timestamp;

/// Seconds after which a press counts as delivered late.
pub const LATE_AFTER_S: f64 = 60.0;
/// Seconds within which presses of one person, on any of his devices, are one request.
pub const ONE_PRESS_S: f64 = 60.0;
/// Metres around the caller within which a silent request makes no sound.
pub const QUIET_RADIUS_M: f64 = 100.0;
/// Metres from the destination within which somebody is already there.
pub const THERE_RADIUS_M: f64 = 50.0;
/// Waves before the ring stops widening by itself; the room has been told long before.
pub const MAX_WAVES: i64 = 12;

/// One alerted person's side of the tally.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Offer {
    pub unit: UnitKey,
    pub role: AlertRole,
    pub answer: Option<Answer>,
    pub stood_down: bool,
}

/// Units that are coming or there; a crew counts once whoever tapped.
pub fn accepted_units(offers: &[Offer]) -> usize {
    offers
        .iter()
        .filter(|offer| offer.role == AlertRole::Respond && offer.answer.is_some_and(Answer::counts))
        .map(|offer| offer.unit)
        .collect::<BTreeSet<_>>()
        .len()
}

/// Indices of the offers to stand down once enough units accepted: every unit without an acceptance.
pub fn surplus(offers: &[Offer], wanted: usize) -> Vec<usize> {
    if accepted_units(offers) < wanted {
        return Vec::new();
    }
    let mut coming: BTreeMap<UnitKey, bool> = BTreeMap::new();
    for offer in offers {
        *coming.entry(offer.unit).or_default() |= offer.answer.is_some_and(Answer::counts);
    }
    offers
        .iter()
        .enumerate()
        .filter(|(_, offer)| offer.role != AlertRole::Informed && !offer.stood_down)
        .filter(|(_, offer)| !coming.get(&offer.unit).copied().unwrap_or(false))
        .map(|(index, _)| index)
        .collect()
}

/// Response units that were offered the call, may still come and have not all said no.
pub fn pending_units(offers: &[Offer]) -> usize {
    let mut units: BTreeMap<UnitKey, (bool, bool)> = BTreeMap::new();
    for offer in offers.iter().filter(|offer| offer.role == AlertRole::Respond && !offer.stood_down) {
        let entry = units.entry(offer.unit).or_default();
        match offer.answer {
            Some(Answer::Declined) => entry.1 = true,
            Some(_) => entry.0 = true,
            None => {}
        }
    }
    units.values().filter(|(yes, no)| !yes && !no).count()
}

/// What a wave timer does when it falls due.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// Enough units accepted, or the ring has widened as often as it may.
    Rest,
    /// Offer to so many more units.
    Widen { missing: usize },
}

/// The step of a wave timer.
pub fn wave_step(accepted: usize, wanted: usize, wave: i64) -> Step {
    if accepted >= wanted || wave >= MAX_WAVES { Step::Rest } else { Step::Widen { missing: wanted - accepted } }
}

/// How a press that reached the server is treated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Arrival {
    InTime,
    /// Too old: the room is alarmed with place then and now; `ring` only if the person was silent since.
    Late {
        ring: bool,
    },
}

/// Judges the age of a press; a device clock running ahead never makes a press late.
pub fn arrival(pressed: Timestamp, received: Timestamp, last_sign_of_life: Option<Timestamp>) -> Arrival {
    if received.secs_since(pressed) <= LATE_AFTER_S {
        return Arrival::InTime;
    }
    Arrival::Late { ring: last_sign_of_life.is_none_or(|seen| seen <= pressed) }
}

/// Who asks to end a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Closer {
    /// The caller, the person it is for, or anyone of their crew: perhaps with a suspect holding the phone.
    CallerSide,
    Room,
    /// A responder from elsewhere; `on_scene` when he said so.
    Responder {
        on_scene: bool,
    },
}

/// What becomes of the wish to end a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Closing {
    Closes,
    /// Shown to everyone as the caller's word; responders go on until somebody else confirms.
    Says,
    Refused,
}

/// Decides a close: the caller's word alone ends nothing, unless a colleague from elsewhere stands beside him
/// and he says it is resolved.
pub fn closing(closer: Closer, reason: CloseReason, colleague_on_scene: bool) -> Closing {
    match closer {
        Closer::Room | Closer::Responder { on_scene: true } => Closing::Closes,
        Closer::Responder { on_scene: false } => Closing::Refused,
        Closer::CallerSide if reason == CloseReason::Resolved && colleague_on_scene => Closing::Closes,
        Closer::CallerSide => Closing::Says,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::words::ids::{CrewId, PersonId};

    fn offer(unit: UnitKey, answer: Option<Answer>) -> Offer {
        Offer { unit, role: AlertRole::Respond, answer, stood_down: false }
    }

    #[test]
    fn a_crew_counts_once_whoever_taps() {
        let crew = UnitKey::Crew(CrewId::new());
        let lone = UnitKey::Person(PersonId::new());
        let offers =
            [offer(crew, Some(Answer::Coming)), offer(crew, Some(Answer::Arrived)), offer(lone, Some(Answer::Coming))];
        assert_eq!(accepted_units(&offers), 2);
        assert_eq!(pending_units(&offers), 0);
    }

    #[test]
    fn enough_acceptances_stand_the_other_units_down_but_not_the_partner_of_one_who_comes() {
        let crew = UnitKey::Crew(CrewId::new());
        let rest = UnitKey::Person(PersonId::new());
        let beside = UnitKey::Person(PersonId::new());
        let mut informed = offer(beside, None);
        informed.role = AlertRole::Informed;
        let offers = [offer(crew, Some(Answer::Coming)), offer(crew, None), offer(rest, None), informed];
        assert_eq!(surplus(&offers, 1), vec![2]);
        assert!(surplus(&offers, 2).is_empty(), "nobody is sent home before enough accepted");
    }

    #[test]
    fn somebody_already_stood_down_is_not_told_twice() {
        let mut gone = offer(UnitKey::Person(PersonId::new()), None);
        gone.stood_down = true;
        let offers = [offer(UnitKey::Person(PersonId::new()), Some(Answer::Coming)), gone];
        assert!(surplus(&offers, 1).is_empty());
    }

    #[test]
    fn waves_go_on_until_enough_or_exhausted() {
        assert_eq!(wave_step(1, 3, 1), Step::Widen { missing: 2 });
        assert_eq!(wave_step(3, 3, 1), Step::Rest);
        assert_eq!(wave_step(0, 3, MAX_WAVES), Step::Rest);
    }

    #[test]
    fn a_late_press_rings_only_for_somebody_silent_since() {
        let pressed = Timestamp::from_micros(1_000_000_000);
        let after = |secs: i64| pressed.plus_secs(secs);
        assert_eq!(arrival(pressed, after(60), None), Arrival::InTime);
        assert_eq!(arrival(pressed, after(61), None), Arrival::Late { ring: true });
        assert_eq!(arrival(pressed, after(600), Some(after(-5))), Arrival::Late { ring: true });
        assert_eq!(arrival(pressed, after(600), Some(after(30))), Arrival::Late { ring: false });
        assert_eq!(arrival(after(3600), pressed, None), Arrival::InTime, "a clock running ahead is not late");
    }

    #[test]
    fn the_callers_own_word_ends_nothing() {
        for reason in [CloseReason::FalseAlarm, CloseReason::Cancelled] {
            assert_eq!(closing(Closer::CallerSide, reason, true), Closing::Says);
            assert_eq!(closing(Closer::Room, reason, false), Closing::Closes);
            assert_eq!(closing(Closer::Responder { on_scene: true }, reason, true), Closing::Closes);
            assert_eq!(closing(Closer::Responder { on_scene: false }, reason, false), Closing::Refused);
        }
        assert_eq!(closing(Closer::CallerSide, CloseReason::Resolved, false), Closing::Says);
        assert_eq!(closing(Closer::CallerSide, CloseReason::Resolved, true), Closing::Closes);
    }
}
