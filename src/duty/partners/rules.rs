//! The states of a work order, what moves it, and its clocks. Pure.

use crate::text_enum;
use crate::words::time::Timestamp;

text_enum! {
    /// sent → signed → accepted → arrived (where somebody goes there) → closed, and the ways out.
    pub enum State {
        /// Handed over; nobody there has said anything.
        Sent = "sent",
        /// A human of the agency has it.
        Signed = "signed",
        Accepted = "accepted",
        Arrived = "arrived",
        /// Done, with a result.
        Closed = "closed",
        /// Given back, with a reason.
        Returned = "returned",
        /// Taken back by whoever sent it.
        Withdrawn = "withdrawn",
    }
}

text_enum! {
    /// What happens to an order.
    pub enum Kind {
        Sent = "sent",
        /// The agency's machine took it: moves nothing.
        Delivered = "delivered",
        Signed = "signed" | "sign",
        Accepted = "accepted" | "accept",
        Arrived = "arrived" | "arrive",
        Closed = "closed" | "close",
        Returned = "returned" | "return",
        Withdrawn = "withdrawn" | "withdraw",
    }
}

text_enum! {
    /// A stretch that a clock measures.
    pub enum Stage {
        /// From sent to accepted.
        Accept = "accept",
        /// From sent to closed.
        Finish = "finish",
    }
}

impl State {
    pub const fn is_open(self) -> bool {
        matches!(self, Self::Sent | Self::Signed | Self::Accepted | Self::Arrived)
    }
}

/// Where an order goes by what happened to it.
///
/// # Errors
/// The state itself, when that cannot happen in it: a rung was left out, or it is over.
pub const fn step(state: State, kind: Kind) -> Result<State, State> {
    use State as S;
    match (kind, state) {
        (Kind::Delivered, _) => Ok(state),
        (Kind::Signed, S::Sent) => Ok(S::Signed),
        (Kind::Accepted, S::Signed) => Ok(S::Accepted),
        (Kind::Arrived, S::Accepted) => Ok(S::Arrived),
        (Kind::Closed, S::Accepted | S::Arrived) => Ok(S::Closed),
        (Kind::Returned, S::Sent | S::Signed | S::Accepted | S::Arrived) => Ok(S::Returned),
        (Kind::Withdrawn, S::Sent | S::Signed | S::Accepted | S::Arrived) => Ok(S::Withdrawn),
        _ => Err(state),
    }
}

/// Until when what must have happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Clocks {
    pub accept_by: Timestamp,
    pub finish_by: Timestamp,
}

impl Clocks {
    /// As agreed with the agency; what was asked for by name comes first, and nothing is accepted later than it is due.
    pub fn set(sent_at: Timestamp, accept_within_s: i32, finish_within_s: i32, due_at: Option<Timestamp>) -> Self {
        let finish_by = due_at.unwrap_or_else(|| sent_at.plus_secs(i64::from(finish_within_s)));
        Self { accept_by: sent_at.plus_secs(i64::from(accept_within_s)).min(finish_by), finish_by }
    }

    /// The clock that runs in a state.
    pub const fn running(state: State) -> Option<Stage> {
        match state {
            State::Sent | State::Signed => Some(Stage::Accept),
            State::Accepted | State::Arrived => Some(Stage::Finish),
            State::Closed | State::Returned | State::Withdrawn => None,
        }
    }

    /// When a stage is over.
    pub const fn end_of(&self, stage: Stage) -> Timestamp {
        match stage {
            Stage::Accept => self.accept_by,
            Stage::Finish => self.finish_by,
        }
    }

    /// Whole seconds that the running clock is over, or that a closed order was when it ended; none in time.
    pub fn late_s(&self, state: State, ended_at: Option<Timestamp>, now: Timestamp) -> Option<i64> {
        let (end, at) = match (Self::running(state), state) {
            (Some(stage), _) => (self.end_of(stage), now),
            (None, State::Closed) => (self.finish_by, ended_at?),
            (None, _) => return None,
        };
        (at > end).then(|| at.millis_since(end) / 1_000)
    }

    /// When the room must be told next that an order in this state is late, and of which stage; `told` is the last it was
    /// told of. What nobody has accepted is told as such, and again as unfinished where that ends later.
    pub fn tell_at(&self, state: State, told: Option<Stage>) -> Option<(Timestamp, Stage)> {
        let running = Self::running(state)?;
        let next = match (running, told) {
            (_, Some(Stage::Finish)) => return None,
            (Stage::Accept, None) => Stage::Accept,
            (Stage::Accept, Some(Stage::Accept)) if self.finish_by <= self.accept_by => return None,
            (Stage::Accept, Some(Stage::Accept)) | (Stage::Finish, _) => Stage::Finish,
        };
        Some((self.end_of(next), next))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_micros(1_767_225_600_000_000).plus_secs(seconds)
    }

    #[test]
    fn no_rung_is_left_out_and_what_is_over_stays_over() {
        let way = [Kind::Signed, Kind::Accepted, Kind::Arrived, Kind::Closed];
        assert_eq!(way.iter().try_fold(State::Sent, |state, kind| step(state, *kind)), Ok(State::Closed));
        assert_eq!(step(State::Accepted, Kind::Closed), Ok(State::Closed), "not everybody comes in person");
        assert_eq!(step(State::Sent, Kind::Accepted), Err(State::Sent));
        assert_eq!(step(State::Signed, Kind::Closed), Err(State::Signed));
        assert_eq!(step(State::Signed, Kind::Signed), Err(State::Signed));
    }

    proptest! {
        #[test]
        fn a_machine_moves_nothing_and_an_end_is_an_end(
            kinds in prop::collection::vec(prop::sample::select(Kind::ALL.to_vec()), 0..12),
        ) {
            let mut state = State::Sent;
            for kind in kinds {
                let next = step(state, kind).unwrap_or(state);
                prop_assert!(kind != Kind::Delivered || next == state);
                prop_assert!(state.is_open() || next == state);
                prop_assert!(next != State::Closed || state != State::Sent, "closed by nobody who accepted it");
                state = next;
            }
        }
    }

    #[test]
    fn clocks_are_the_agencys_unless_something_is_due_sooner() {
        let agreed = Clocks::set(at(0), 600, 3_600, None);
        assert_eq!((agreed.accept_by, agreed.finish_by), (at(600), at(3_600)));
        let soon = Clocks::set(at(0), 600, 3_600, Some(at(300)));
        assert_eq!((soon.accept_by, soon.finish_by), (at(300), at(300)));
        assert_eq!(agreed.late_s(State::Sent, None, at(600)), None);
        assert_eq!(agreed.late_s(State::Signed, None, at(660)), Some(60));
        assert_eq!(agreed.late_s(State::Accepted, None, at(660)), None);
        assert_eq!(agreed.late_s(State::Closed, Some(at(3_700)), at(9_000)), Some(100));
        assert_eq!(agreed.late_s(State::Returned, Some(at(3_700)), at(9_000)), None);
    }

    #[test]
    fn the_room_is_told_once_a_stage() {
        let clocks = Clocks::set(at(0), 600, 3_600, None);
        let (accept, finish) = ((at(600), Stage::Accept), (at(3_600), Stage::Finish));
        assert_eq!(clocks.tell_at(State::Sent, None), Some(accept));
        assert_eq!(clocks.tell_at(State::Signed, Some(Stage::Accept)), Some(finish));
        assert_eq!(clocks.tell_at(State::Accepted, None), Some(finish));
        assert_eq!(clocks.tell_at(State::Accepted, Some(Stage::Finish)), None);
        assert_eq!(clocks.tell_at(State::Closed, None), None);
        let soon = Clocks::set(at(0), 600, 3_600, Some(at(300)));
        assert_eq!(soon.tell_at(State::Sent, Some(Stage::Accept)), None, "one instant is told once");
        assert_eq!(soon.tell_at(State::Accepted, Some(Stage::Accept)), Some((at(300), Stage::Finish)));
    }
}
