//! The unit's ladder: sent → delivered to a seat → signed for (签收) →
//! dispatched (派警) | returned (退回) | transferred (移交). Pure.

use super::ladder::{Refusal, Rung, State};

/// Judges one rung of a unit's assignment: the next state and whether it moved.
///
/// # Errors
/// [`Refusal::NotOnThisLadder`] for a crew's word.
pub fn step(state: State, rung: Rung) -> Result<(State, bool), Refusal> {
    let wanted = match rung {
        Rung::Delivered => State::Delivered,
        Rung::Viewed => State::Viewed,
        // A seat that "accepts" signs for its station.
        Rung::Signed | Rung::Accepted => State::Signed,
        Rung::Dispatched => State::Dispatched,
        Rung::Returned => State::Returned,
        Rung::Transferred => State::Transferred,
        Rung::Cancelled => State::Cancelled,
        _ => return Err(Refusal::NotOnThisLadder),
    };
    // A station that has dispatched may still hand the call on: its crews stay.
    let open =
        !state.is_closed() || (state == State::Dispatched && matches!(wanted, State::Returned | State::Transferred));
    if !open {
        return Ok((state, false));
    }
    Ok((if rank(wanted) > rank(state) { wanted } else { state }, true))
}

const fn rank(state: State) -> u8 {
    match state {
        State::Created => 0,
        State::Sent => 1,
        State::Delivered => 2,
        State::Viewed => 3,
        State::Signed => 4,
        State::Dispatched => 5,
        _ => 6,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signing_may_skip_the_receipt_and_a_late_receipt_moves_nothing() {
        assert_eq!(step(State::Sent, Rung::Signed), Ok((State::Signed, true)));
        assert_eq!(step(State::Signed, Rung::Delivered), Ok((State::Signed, true)));
    }

    #[test]
    fn a_returned_call_is_over_for_the_unit() {
        assert_eq!(step(State::Signed, Rung::Returned), Ok((State::Returned, true)));
        assert_eq!(step(State::Returned, Rung::Signed), Ok((State::Returned, false)));
    }

    #[test]
    fn a_dispatched_call_can_still_be_handed_on() {
        assert_eq!(step(State::Dispatched, Rung::Transferred), Ok((State::Transferred, true)));
        assert_eq!(step(State::Dispatched, Rung::Signed), Ok((State::Dispatched, false)));
    }

    #[test]
    fn a_unit_does_not_drive() {
        for rung in [Rung::EnRoute, Rung::OnScene, Rung::Cleared, Rung::Queued, Rung::Declined] {
            assert_eq!(step(State::Sent, rung), Err(Refusal::NotOnThisLadder));
        }
    }
}
