//! An incident's own states (apart from its assignments') and which command
//! leads from where to where. Pure; every command asks [`next`].

crate::text_enum! {
    /// 待签收 → 待派警 → 处警中 → 已反馈 → 办结, and the ways out.
    pub enum State {
        AwaitingSignature = "awaiting_signature",
        AwaitingDispatch = "awaiting_dispatch",
        Handling = "handling",
        FedBack = "fed_back",
        Closed = "closed",
        Returned = "returned",
        Transferred = "transferred",
        Diverted = "diverted",
        Merged = "merged",
        Cancelled = "cancelled",
    }
}

/// What is asked of an incident.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Command {
    /// A named person of the unit signs for it.
    Sign,
    /// Somebody is sent or goes by himself.
    Dispatch,
    /// The final feedback arrived.
    FinalFeedback,
    /// The review sends the feedback back to the crew.
    RefuseFeedback,
    Close,
    /// The unit gives it back to who sent it.
    Return,
    /// Out of our hands: another authority took it.
    Transfer,
    /// Another unit of ours signed for a transfer: it starts anew there.
    Rehome,
    /// No police matter: handed to an agency as a work order.
    Divert,
    /// The call is another one's double.
    Merge,
    Cancel,
    /// A new handling round.
    Reopen,
}

impl State {
    /// Still somebody's work.
    pub const fn is_open(self) -> bool {
        matches!(self, Self::AwaitingSignature | Self::AwaitingDispatch | Self::Handling | Self::Returned)
    }

    /// Nobody's work any more unless it is reopened.
    pub const fn is_over(self) -> bool {
        matches!(self, Self::Closed | Self::Transferred | Self::Diverted | Self::Merged | Self::Cancelled)
    }
}

/// The state after `command`; `Ok(None)` when it is there already (a repeat).
///
/// # Errors
/// The state itself, when it does not allow the command.
pub fn next(state: State, command: Command) -> Result<Option<State>, State> {
    use Command as C;
    use State as S;
    let to = match (command, state) {
        (C::Sign, S::AwaitingSignature | S::Returned) => S::AwaitingDispatch,
        (C::Sign, S::AwaitingDispatch | S::Handling | S::FedBack | S::Closed) => return Ok(None),
        (C::Dispatch, S::AwaitingSignature | S::AwaitingDispatch | S::Returned) => S::Handling,
        (C::Dispatch, S::Handling) => return Ok(None),
        // More hands after the final report: the work goes on.
        (C::Dispatch | C::RefuseFeedback, S::FedBack) => S::Handling,
        (C::RefuseFeedback, S::Handling) => return Ok(None),
        (C::FinalFeedback, S::AwaitingSignature | S::AwaitingDispatch | S::Handling) => S::FedBack,
        // A second final report (or one that comes after closing) is content, not a step.
        (C::FinalFeedback, S::FedBack | S::Closed | S::Merged | S::Cancelled | S::Diverted) => return Ok(None),
        (C::Close, S::FedBack | S::Handling | S::AwaitingDispatch | S::Diverted | S::Transferred) => S::Closed,
        (C::Return, S::AwaitingSignature | S::AwaitingDispatch | S::Handling | S::Diverted) => S::Returned,
        (C::Transfer, S::AwaitingSignature | S::AwaitingDispatch | S::Handling | S::Returned) => S::Transferred,
        (C::Rehome, S::AwaitingSignature | S::Returned) => S::AwaitingDispatch,
        (C::Rehome, S::AwaitingDispatch | S::Handling) => return Ok(None),
        (C::Divert, S::AwaitingSignature | S::AwaitingDispatch | S::Handling | S::Returned) => S::Diverted,
        (C::Merge, S::AwaitingSignature | S::AwaitingDispatch | S::Handling | S::Returned | S::FedBack) => S::Merged,
        (C::Cancel, S::AwaitingSignature | S::AwaitingDispatch | S::Handling | S::Returned) => S::Cancelled,
        (C::Reopen, S::FedBack | S::Closed | S::Returned | S::Transferred | S::Diverted | S::Cancelled) => S::Handling,
        (C::Close, S::Closed)
        | (C::Return, S::Returned)
        | (C::Transfer, S::Transferred)
        | (C::Divert, S::Diverted)
        | (C::Merge, S::Merged)
        | (C::Cancel, S::Cancelled) => return Ok(None),
        _ => return Err(state),
    };
    Ok(Some(to))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const COMMANDS: [Command; 12] = [
        Command::Sign,
        Command::Dispatch,
        Command::FinalFeedback,
        Command::RefuseFeedback,
        Command::Close,
        Command::Return,
        Command::Transfer,
        Command::Rehome,
        Command::Divert,
        Command::Merge,
        Command::Cancel,
        Command::Reopen,
    ];

    fn run(from: State, commands: &[Command]) -> State {
        commands.iter().fold(from, |state, command| match next(state, *command) {
            Ok(Some(to)) => to,
            Ok(None) | Err(_) => state,
        })
    }

    #[test]
    fn the_common_way() {
        let path = [Command::Sign, Command::Dispatch, Command::FinalFeedback, Command::Close];
        assert_eq!(run(State::AwaitingSignature, &path), State::Closed);
    }

    #[test]
    fn merged_is_final_and_a_cancelled_call_can_come_back() {
        assert_eq!(next(State::Merged, Command::Reopen), Err(State::Merged));
        assert_eq!(next(State::Cancelled, Command::Reopen), Ok(Some(State::Handling)));
        assert_eq!(next(State::Cancelled, Command::Dispatch), Err(State::Cancelled));
    }

    proptest! {
        #[test]
        fn repeating_a_command_changes_nothing(
            from in prop::sample::select(State::ALL.to_vec()),
            commands in prop::collection::vec(prop::sample::select(COMMANDS.to_vec()), 0..10),
        ) {
            // A reopened call may be reopened only once it was closed again.
            let doubled: Vec<Command> = commands.iter().flat_map(|c| [*c, *c]).collect();
            prop_assert_eq!(run(from, &commands), run(from, &doubled));
        }
    }
}
