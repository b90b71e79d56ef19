//! Where a record of mediation stands, and what moves it.
//!
//! ```text
//! proposed -> eligible | ineligible       eligible -> consented -> in_session -> agreed -> signed
//! signed -> effective                      police
//! signed -> [awaiting_seal] -> effective   people's mediation: its seal makes it effective (人民调解法 article 29)
//! agreed -> effective                      oral, people's mediation (article 30); on film, on the spot (程序规定 article 178)
//! effective -> performing -> performed | defaulted -> reopened (police: the case goes on, 程序规定 article 185)
//! in_session -> failed -> in_session (second session, article 183) | closed_failed
//! agreed -> not_reached                    somebody refused to sign or left
//! ```
//! and from nearly everywhere to `referred`, before it takes effect to `void`.
//!
//! Performance, not the signature, ends a mediated case; a record that took effect is never voided but amended by a new
//! document that names it, under which everything that is still owed stands from then on.

use serde_json::Value;

use super::Kind;
use crate::text_enum;
use crate::words::error::{Error, Result};

text_enum! {
    /// Where a record stands.
    pub enum State {
        Proposed = "proposed",
        /// The check found a bar.
        Ineligible = "ineligible",
        Eligible = "eligible",
        /// Every party agreed to be mediated.
        Consented = "consented",
        InSession = "in_session",
        /// The parties agree on terms; signatures are being collected.
        Agreed = "agreed",
        /// Everybody has signed this content.
        Signed = "signed",
        /// Signed, without the committee's seal: not effective yet.
        AwaitingSeal = "awaiting_seal",
        Effective = "effective",
        /// In effect, and something is still due.
        Performing = "performing",
        Performed = "performed",
        Defaulted = "defaulted",
        /// The police case goes on; its clock runs from the default.
        Reopened = "reopened",
        /// The session brought no agreement.
        Failed = "failed",
        ClosedFailed = "closed_failed",
        /// Somebody refused to sign or left: there is no agreement.
        NotReached = "not_reached",
        /// Handed to a court, a committee or another body.
        Referred = "referred",
        /// Made by mistake; its number stays accounted for.
        Void = "void",
        /// A later document took its place: what is owed stands there.
        Amended = "amended",
    }
}

text_enum! {
    /// What moves a record.
    pub enum Step {
        /// The check found no bar.
        Pass = "pass" | "check",
        /// The check found a bar, at the beginning or later on (程序规定 article 179, items 5 and 6).
        Bar = "bar",
        Consent = "consent",
        Begin = "begin",
        Agree = "agree",
        /// The last signature that was needed came in.
        SignAll = "sign_all",
        /// A signed field was changed: signatures fell.
        Unsign = "unsign",
        /// Everything is there; police agreements need no seal.
        TakeEffect = "take_effect",
        /// Signed, and the committee's seal is waited for.
        AwaitSeal = "await_seal",
        Seal = "seal",
        /// An oral agreement was written down by the mediator.
        Oral = "oral",
        /// Parties, facts and terms are clear on the recording, which takes the place of paper.
        OnFilm = "on_film",
        /// Something is due later.
        AwaitPerformance = "await_performance",
        /// Everything that was promised was done.
        Perform = "perform",
        Default = "default",
        Reopen = "reopen",
        Fail = "fail",
        SecondRound = "second_round",
        CloseFailed = "close_failed",
        NotReached = "not_reached",
        Refer = "refer",
        Void = "void",
        /// A new document that changes this one took effect.
        Amend = "amend",
    }
}

text_enum! {
    /// Whose step it is.
    pub enum Who {
        /// Who leads this mediation.
        Leader = "leader",
        /// Who is responsible that it is kept: an officer of the unit, or the leader of a people's mediation.
        Officer = "officer",
        /// The keeper of the committee's seal.
        SealKeeper = "seal_keeper",
        /// A superior who answers for the unit's numbers.
        Supervisor = "supervisor",
        /// Follows by itself from what people did.
        System = "system",
    }
}

const POLICE: &[Kind] = &[Kind::PoliceOnScene, Kind::Police];
const ALL: &[Kind] = Kind::ALL;
const PEOPLE: &[Kind] = &[Kind::People];
const ON_SCENE: &[Kind] = &[Kind::PoliceOnScene];
/// Another session of the same record. What failed on the spot is not mediated on the spot days later: a record of the
/// ordinary kind is made.
const REPEATED: &[Kind] = &[Kind::Police, Kind::People];

/// Every move: from, by, to, of which kinds. A row that leads to where it comes from is allowed and moves nothing.
const MOVES: &[(State, Step, State, &[Kind])] = &[
    (State::Proposed, Step::Pass, State::Eligible, ALL),
    (State::Proposed, Step::Bar, State::Ineligible, ALL),
    (State::Proposed, Step::Refer, State::Referred, ALL),
    (State::Proposed, Step::Void, State::Void, ALL),
    // What was said wrongly at first is said again.
    (State::Ineligible, Step::Pass, State::Eligible, ALL),
    (State::Ineligible, Step::Refer, State::Referred, ALL),
    (State::Ineligible, Step::Void, State::Void, ALL),
    (State::Eligible, Step::Bar, State::Ineligible, ALL),
    (State::Eligible, Step::Consent, State::Consented, ALL),
    (State::Eligible, Step::Refer, State::Referred, ALL),
    (State::Eligible, Step::Void, State::Void, ALL),
    (State::Consented, Step::Bar, State::Ineligible, ALL),
    (State::Consented, Step::Begin, State::InSession, ALL),
    (State::Consented, Step::Refer, State::Referred, ALL),
    (State::Consented, Step::Void, State::Void, ALL),
    (State::InSession, Step::Bar, State::Ineligible, ALL),
    (State::InSession, Step::Agree, State::Agreed, ALL),
    (State::InSession, Step::Fail, State::Failed, ALL),
    (State::InSession, Step::Refer, State::Referred, ALL),
    (State::InSession, Step::Void, State::Void, ALL),
    (State::Agreed, Step::SignAll, State::Signed, ALL),
    (State::Agreed, Step::Oral, State::Effective, PEOPLE),
    (State::Agreed, Step::OnFilm, State::Effective, ON_SCENE),
    (State::Agreed, Step::NotReached, State::NotReached, ALL),
    // Back at the table: somebody thinks otherwise before he signs.
    (State::Agreed, Step::Fail, State::Failed, ALL),
    (State::Agreed, Step::Bar, State::Ineligible, ALL),
    (State::Agreed, Step::Refer, State::Referred, ALL),
    (State::Agreed, Step::Void, State::Void, ALL),
    (State::Signed, Step::Unsign, State::Agreed, ALL),
    (State::Signed, Step::TakeEffect, State::Effective, POLICE),
    (State::Signed, Step::AwaitSeal, State::AwaitingSeal, PEOPLE),
    (State::Signed, Step::Seal, State::Effective, PEOPLE),
    (State::Signed, Step::Void, State::Void, ALL),
    (State::AwaitingSeal, Step::Unsign, State::Agreed, PEOPLE),
    (State::AwaitingSeal, Step::Seal, State::Effective, PEOPLE),
    (State::AwaitingSeal, Step::Void, State::Void, PEOPLE),
    (State::Effective, Step::AwaitPerformance, State::Performing, ALL),
    (State::Effective, Step::Perform, State::Performed, ALL),
    (State::Effective, Step::Default, State::Defaulted, ALL),
    (State::Effective, Step::Amend, State::Amended, ALL),
    (State::Performing, Step::Perform, State::Performed, ALL),
    (State::Performing, Step::Default, State::Defaulted, ALL),
    (State::Performing, Step::Amend, State::Amended, ALL),
    // Nothing is owed under it any more.
    (State::Performed, Step::Amend, State::Performed, ALL),
    // Late, and yet done before anything followed.
    (State::Defaulted, Step::Perform, State::Performed, ALL),
    (State::Defaulted, Step::Reopen, State::Reopened, POLICE),
    (State::Defaulted, Step::Refer, State::Referred, ALL),
    (State::Defaulted, Step::Amend, State::Amended, ALL),
    // The civil side goes to court (程序规定 article 185).
    (State::Reopened, Step::Refer, State::Referred, POLICE),
    (State::Failed, Step::SecondRound, State::InSession, REPEATED),
    (State::Failed, Step::CloseFailed, State::ClosedFailed, ALL),
    (State::Failed, Step::Refer, State::Referred, ALL),
    (State::NotReached, Step::SecondRound, State::InSession, REPEATED),
    (State::NotReached, Step::CloseFailed, State::ClosedFailed, ALL),
    (State::NotReached, Step::Refer, State::Referred, ALL),
    (State::ClosedFailed, Step::Refer, State::Referred, ALL),
];

fn moves(kind: Kind) -> impl Iterator<Item = (State, Step, State)> {
    let of_kind = MOVES.iter().filter(move |(_, _, _, kinds)| kinds.contains(&kind));
    of_kind.map(|(from, step, to, _)| (*from, *step, *to))
}

/// Where a step leads; None when the record stands there already, so that a step that is sent twice does nothing twice.
///
/// How often there may be a second session, and until when, is for [`super::clocks`].
///
/// Errors: `conflict` with the members `state`, `step` and `allowed` (the steps that are possible).
pub fn next(kind: Kind, state: State, step: Step) -> Result<Option<State>> {
    if let Some((_, _, to)) = moves(kind).find(|(from, by, _)| *from == state && *by == step) {
        return Ok((to != state).then_some(to));
    }
    if moves(kind).any(|(from, by, to)| by == step && to == state && from != to) {
        return Ok(None);
    }
    let allowed: Vec<Value> = steps_from(kind, state).into_iter().map(|step| Value::from(step.as_str())).collect();
    Err(Error::conflict(format!("{step} is not possible while the record is {state}"))
        .with("state", Value::from(state.as_str()))
        .with("step", Value::from(step.as_str()))
        .with("allowed", Value::from(allowed)))
}

/// The steps that are possible from here.
pub fn steps_from(kind: Kind, state: State) -> Vec<Step> {
    moves(kind).filter(|(from, _, _)| *from == state).map(|(_, step, _)| step).collect()
}

/// Whose step it is.
pub const fn who(step: Step) -> Who {
    match step {
        Step::Pass
        | Step::Bar
        | Step::Consent
        | Step::Begin
        | Step::Agree
        | Step::Oral
        | Step::OnFilm
        | Step::Fail
        | Step::SecondRound
        | Step::CloseFailed
        | Step::NotReached
        | Step::Refer => Who::Leader,
        Step::Perform | Step::Default | Step::Reopen => Who::Officer,
        Step::Seal => Who::SealKeeper,
        Step::Void => Who::Supervisor,
        Step::SignAll | Step::Unsign | Step::TakeEffect | Step::AwaitSeal | Step::AwaitPerformance | Step::Amend => {
            Who::System
        }
    }
}

impl State {
    /// The agreement binds: its content is changed by an amendment alone.
    pub const fn is_in_effect(self) -> bool {
        matches!(self, Self::Effective | Self::Performing | Self::Performed | Self::Defaulted | Self::Reopened)
    }

    /// Its fields may still be written.
    pub const fn is_open(self) -> bool {
        matches!(
            self,
            Self::Proposed
                | Self::Ineligible
                | Self::Eligible
                | Self::Consented
                | Self::InSession
                | Self::Agreed
                | Self::Signed
                | Self::AwaitingSeal
        )
    }

    /// Signatures are taken.
    pub const fn takes_signatures(self) -> bool {
        matches!(self, Self::Agreed)
    }

    /// Nothing is expected of anybody any more.
    pub const fn is_final(self) -> bool {
        matches!(
            self,
            Self::Performed | Self::Reopened | Self::ClosedFailed | Self::Referred | Self::Void | Self::Amended
        )
    }
}

#[cfg(test)]
#[path = "states_tests.rs"]
mod tests;
