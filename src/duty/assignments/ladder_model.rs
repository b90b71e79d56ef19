//! The ladder told a second time, in the plainest form: what the simulation holds the real one against. It keeps every
//! pause that was said instead of the last, and derives the state anew each time.

use super::{Rung, State, Timestamp};

/// What was said and applied, in the plainest form.
#[derive(Clone, Debug, Default)]
pub(super) struct Model {
    pub height: u8,
    pub human: bool,
    pub moved: Option<Timestamp>,
    pub pauses: Vec<(Timestamp, u8, State)>,
    pub ended: Option<State>,
    pub asked: bool,
    pub confirmed: bool,
}

impl Model {
    pub fn state(&self) -> State {
        let reached = [
            State::Created,
            State::Sent,
            State::Delivered,
            State::Viewed,
            State::Accepted,
            State::EnRoute,
            State::OnScene,
            State::Cleared,
        ][usize::from(self.height)];
        let newest = self.pauses.iter().max_by_key(|(at, grave, _)| (*at, *grave));
        match (self.ended, newest) {
            (Some(ended), _) => ended,
            (None, Some((at, _, paused))) if self.height < 7 && self.moved.is_none_or(|moved| *at >= moved) => *paused,
            _ => reached,
        }
    }

    pub fn open(&self) -> bool {
        self.ended.is_none() && self.height < 7
    }

    pub fn say(&mut self, rung: Rung, at: Timestamp) {
        let grave = |rung| match rung {
            Rung::ChangeRequested => Some((2, State::ChangeRequested)),
            Rung::Suspended => Some((1, State::Suspended)),
            Rung::Queued => Some((0, State::Queued)),
            _ => None,
        };
        if let Some(height) = rung.height() {
            self.height = self.height.max(height);
            if height >= 4 {
                self.moved = self.moved.max(Some(at));
            }
        }
        if let Some((grave, state)) = grave(rung) {
            self.pauses.push((at, grave, state));
            if rung != Rung::ChangeRequested {
                self.height = self.height.max(4);
            }
        }
        if rung == Rung::Declined {
            self.ended = Some(State::Declined);
        }
    }
}
