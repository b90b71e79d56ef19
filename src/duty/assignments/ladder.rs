//! The crew's and the person's ladder: what a rung does to an assignment.
//!
//! Pure, asked by `events` for every rung from REST, the socket, receipts and
//! jobs. The state is a function of three marks (highest progress, newest human
//! progress, newest pause), never of the order of arrival: the same rungs in any
//! order, with any duplicates, end in the same state.

use crate::words::time::Timestamp;

crate::text_enum! {
    /// Where an assignment stands; the unit's ladder adds the last five.
    pub enum State {
        Created = "created",
        Sent = "sent",
        Delivered = "delivered",
        Viewed = "viewed",
        Accepted = "accepted",
        ChangeRequested = "change_requested",
        Queued = "queued",
        Suspended = "suspended",
        EnRoute = "en_route",
        OnScene = "on_scene",
        Cleared = "cleared",
        Declined = "declined",
        Reassigned = "reassigned",
        Cancelled = "cancelled",
        Signed = "signed",
        Dispatched = "dispatched",
        Returned = "returned",
        Transferred = "transferred",
    }
}

crate::text_enum! {
    /// One step on either ladder, as recorded.
    pub enum Rung {
        Created = "created",
        Sent = "sent",
        Delivered = "delivered",
        Viewed = "viewed",
        Accepted = "accepted",
        ChangeRequested = "change_requested",
        Queued = "queued",
        Suspended = "suspended",
        EnRoute = "en_route",
        OnScene = "on_scene",
        Cleared = "cleared",
        Declined = "declined",
        CancelConfirmed = "cancel_confirmed",
        CallerContacted = "caller_contacted",
        Reassigned = "reassigned",
        Cancelled = "cancelled",
        Signed = "signed",
        Dispatched = "dispatched",
        Returned = "returned",
        Transferred = "transferred",
    }
}

crate::text_enum! {
    /// Who vouches for a rung; a machine's receipt is never shown as a human's.
    pub enum Truth { Machine = "machine", Human = "human" }
}

crate::text_enum! {
    /// How a rung reached us; everything but `device` is shown as voice.
    pub enum Via { Device = "device", Radio = "radio", Phone = "phone", InPerson = "in_person" }
}

impl State {
    /// No rung moves it any more.
    pub const fn is_closed(self) -> bool {
        matches!(
            self,
            Self::Cleared
                | Self::Declined
                | Self::Reassigned
                | Self::Cancelled
                | Self::Dispatched
                | Self::Returned
                | Self::Transferred
        )
    }

    /// The clocks of the way are paused; the waiting limit runs instead.
    pub const fn is_paused(self) -> bool {
        matches!(self, Self::ChangeRequested | Self::Queued | Self::Suspended)
    }

    /// The crew is on this one now: accepted or further, not paused, not over.
    pub const fn is_active(self) -> bool {
        matches!(self, Self::Accepted | Self::EnRoute | Self::OnScene)
    }
}

impl Rung {
    /// Height on the ladder; `None` for what is no step upwards.
    pub const fn height(self) -> Option<u8> {
        match self {
            Self::Created => Some(0),
            Self::Sent => Some(1),
            Self::Delivered => Some(2),
            Self::Viewed => Some(3),
            Self::Accepted => Some(4),
            Self::EnRoute => Some(5),
            Self::OnScene => Some(6),
            Self::Cleared => Some(7),
            _ => None,
        }
    }

    /// What a terminal or a seat may report; the rest is the server's own.
    pub const fn is_reportable(self) -> bool {
        matches!(
            self,
            Self::Viewed
                | Self::Accepted
                | Self::ChangeRequested
                | Self::Queued
                | Self::Suspended
                | Self::EnRoute
                | Self::OnScene
                | Self::Cleared
                | Self::Declined
                | Self::CancelConfirmed
                | Self::CallerContacted
                | Self::Signed
                | Self::Returned
        )
    }

    const fn pause(self) -> Option<State> {
        match self {
            Self::ChangeRequested => Some(State::ChangeRequested),
            Self::Suspended => Some(State::Suspended),
            Self::Queued => Some(State::Queued),
            _ => None,
        }
    }
}

/// The state that belongs to a height; heights beyond the ladder are `cleared`.
pub const fn state_at(height: u8) -> State {
    match height {
        0 => State::Created,
        1 => State::Sent,
        2 => State::Delivered,
        3 => State::Viewed,
        4 => State::Accepted,
        5 => State::EnRoute,
        6 => State::OnScene,
        _ => State::Cleared,
    }
}

/// Height from which a human has taken the assignment on.
pub const ACCEPTED: u8 = 4;

/// A pause in force: which, and since when by the clock of who said it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pause {
    pub state: State,
    pub at: Timestamp,
}

impl Pause {
    /// Later wins; of the same instant the graver (change, suspended, queued).
    const fn rank(self) -> (i64, u8) {
        let grave = match self.state {
            State::ChangeRequested => 2,
            State::Suspended => 1,
            _ => 0,
        };
        (self.at.as_micros(), grave)
    }
}

/// All that decides an assignment's state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Standing {
    /// Highest rung reached so far.
    pub height: u8,
    /// Newest claimed instant of a rung from `accepted` upwards.
    pub moved_at: Option<Timestamp>,
    /// Newest pause said so far; in force only while newer than `moved_at`.
    pub pause: Option<Pause>,
    /// Set once it ended otherwise than by `cleared`.
    pub ended: Option<State>,
    /// The room asked to cancel while the crew was on scene; it is theirs to confirm.
    pub cancel_asked: bool,
}

impl Standing {
    /// As written by the one who assigns: created and handed to the outbox.
    pub const fn sent() -> Self {
        Self { height: 1, moved_at: None, pause: None, ended: None, cancel_asked: false }
    }

    /// The state these marks mean.
    pub fn state(&self) -> State {
        if let Some(ended) = self.ended {
            return ended;
        }
        let reached = state_at(self.height);
        match self.pause {
            Some(pause) if reached != State::Cleared && self.moved_at.is_none_or(|moved| pause.at >= moved) => {
                pause.state
            }
            _ => reached,
        }
    }
}

/// Who speaks, as far as the ladder cares.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Speaker {
    /// Still one of the people of this assignment (not split off).
    pub belongs: bool,
    /// A volunteer or guard: may say no. An officer asks for a change instead.
    pub may_decline: bool,
}

/// The server itself applying a rule to an assignment.
pub const OFFICER_OF_RECORD: Speaker = Speaker { belongs: true, may_decline: false };

/// Why a rung is refused outright; everything else is recorded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// An officer does not decline: he asks for a change and stays responsible.
    OfficersAskForChange,
    /// No cancellation is waiting for a confirmation.
    NothingToConfirm,
    /// Belongs to the unit's ladder.
    NotOnThisLadder,
}

/// What a rung did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Outcome {
    pub standing: Standing,
    /// False: recorded, but the assignment is no longer open for that person.
    pub applied: bool,
}

/// Judges one rung with its claimed instant. Recorded in every case but a refusal.
///
/// # Errors
/// A [`Refusal`] when the word itself is not this speaker's to say.
pub fn step(mut standing: Standing, rung: Rung, at: Timestamp, speaker: Speaker) -> Result<Outcome, Refusal> {
    if rung == Rung::CancelConfirmed {
        return confirm(standing, speaker);
    }
    if rung == Rung::Declined && !speaker.may_decline {
        return Err(Refusal::OfficersAskForChange);
    }
    if !matches!(rung, Rung::Declined | Rung::CallerContacted) && rung.height().is_none() && rung.pause().is_none() {
        return Err(Refusal::NotOnThisLadder);
    }
    let state = standing.state();
    if !speaker.belongs || state.is_closed() {
        // What a crew did before it cleared still raises nothing, but the marks
        // of a cleared assignment keep converging whatever the order.
        return Ok(Outcome { standing, applied: false });
    }
    if let Some(height) = rung.height() {
        standing.height = standing.height.max(height);
        if height >= ACCEPTED {
            standing.moved_at = standing.moved_at.max(Some(at));
        }
    } else if let Some(paused) = rung.pause() {
        let said = Pause { state: paused, at };
        if standing.pause.is_none_or(|had| said.rank() > had.rank()) {
            standing.pause = Some(said);
        }
        // Whoever queues or suspends it has it: that is an acceptance.
        if paused != State::ChangeRequested {
            standing.height = standing.height.max(ACCEPTED);
        }
    } else if rung == Rung::Declined {
        standing.ended = Some(State::Declined);
    }
    Ok(Outcome { standing, applied: true })
}

fn confirm(mut standing: Standing, speaker: Speaker) -> Result<Outcome, Refusal> {
    let cancelled = standing.ended == Some(State::Cancelled);
    if !cancelled && !standing.cancel_asked {
        return Err(Refusal::NothingToConfirm);
    }
    // Who was split off does not speak for those on the scene.
    if cancelled || !speaker.belongs {
        return Ok(Outcome { standing, applied: speaker.belongs });
    }
    standing.cancel_asked = false;
    if standing.state().is_closed() {
        return Ok(Outcome { standing, applied: false });
    }
    standing.ended = Some(State::Cancelled);
    Ok(Outcome { standing, applied: true })
}

/// The room cancels: at once, unless the crew is on scene; then it is asked.
#[must_use]
pub fn cancel(mut standing: Standing) -> Standing {
    if standing.state().is_closed() {
        return standing;
    }
    if standing.height >= 6 {
        standing.cancel_asked = true;
    } else {
        standing.ended = Some(State::Cancelled);
    }
    standing
}

/// The server lifts a pause: the change was refused, the call before it is over.
#[must_use]
pub const fn resume(mut standing: Standing) -> Standing {
    standing.pause = None;
    standing
}

#[cfg(test)]
#[path = "ladder_tests.rs"]
mod tests;

#[cfg(test)]
#[path = "ladder_sim.rs"]
mod sim;
