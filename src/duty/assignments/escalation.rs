//! What a missed deadline leads to, and which channel is tried next. Pure;
//! `jobs` gathers the facts and carries the decision out.

use crate::platform::config::Mode;
use crate::words::ids::PersonId;

crate::text_enum! {
    /// What a deadline waits for.
    pub enum Limit {
        Delivered = "delivered",
        Viewed = "viewed",
        Accepted = "accepted",
        EnRoute = "en_route",
        OnScene = "on_scene",
        Feedback = "feedback",
        Signed = "signed",
        /// Queued or suspended for too long.
        Waiting = "waiting",
        /// A change request nobody answered.
        Change = "change",
        CancelConfirmed = "cancel_confirmed",
    }
}

crate::text_enum! {
    /// Ways to a person, in the order they are tried.
    pub enum Channel {
        Socket = "socket",
        OtherDevices = "other_devices",
        Partner = "partner",
        PushAdapter = "push_adapter",
        VoiceCard = "voice_card",
    }
}

/// What is known when a deadline has passed.
#[derive(Clone, Copy, Debug)]
pub struct Missed {
    pub limit: Limit,
    pub mode: Mode,
    /// A human has taken the assignment on.
    pub accepted: bool,
    /// The unit's terminals went silent together.
    pub area_silent: bool,
    /// Responders the server has added to this incident so far.
    pub added: u32,
    pub added_max: u32,
}

/// What to do about it. The room is told in every case.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Decision {
    /// The area is dark: one card for all, judge again later, offer to nobody.
    Hold,
    /// Reach the same person another way.
    NextChannel,
    /// Send one more; the first stays.
    Add,
    /// Name the next nearest free crew to the room.
    Suggest,
    Card,
}

/// Decides. A silent area comes before everything; a call somebody accepted is
/// never offered to others by the server while the area is dark.
pub const fn decide(missed: &Missed) -> Decision {
    let on_the_way_to_hands = matches!(missed.limit, Limit::Delivered | Limit::Viewed | Limit::Accepted);
    let in_hands = matches!(missed.limit, Limit::EnRoute | Limit::OnScene);
    if missed.area_silent && (on_the_way_to_hands || in_hands) {
        return Decision::Hold;
    }
    match missed.limit {
        Limit::Delivered | Limit::Viewed => Decision::NextChannel,
        Limit::Accepted => by_mode(missed),
        // Who accepted is responsible: the room decides whether more are needed.
        Limit::EnRoute | Limit::OnScene => match missed.mode {
            Mode::CardOnly => Decision::Card,
            Mode::AutoAdd | Mode::Suggest => Decision::Suggest,
        },
        Limit::Waiting | Limit::Change => Decision::Suggest,
        Limit::Feedback | Limit::Signed | Limit::CancelConfirmed => Decision::Card,
    }
}

const fn by_mode(missed: &Missed) -> Decision {
    match missed.mode {
        Mode::AutoAdd if !missed.accepted && missed.added < missed.added_max => Decision::Add,
        Mode::AutoAdd | Mode::Suggest => Decision::Suggest,
        Mode::CardOnly => Decision::Card,
    }
}

/// Times the same limit is armed again before only the open card remains.
pub const REPEATS_MAX: i32 = 6;

/// The attempt of the clock that is set after a missed one; `channel` is the one just tried for the person. `None`:
/// the last card has been raised, from here on a human looks.
pub fn next_attempt(decision: Decision, channel: Option<Channel>, attempt: i32) -> Option<i32> {
    match decision {
        // Judged again when the area can be heard; nobody was tried.
        Decision::Hold => Some(attempt),
        Decision::NextChannel => channel.filter(|tried| *tried != Channel::VoiceCard).map(|_| attempt + 1),
        Decision::Add | Decision::Suggest | Decision::Card => (attempt < REPEATS_MAX).then_some(attempt + 1),
    }
}

/// One of the people of an assignment, as far as reaching them matters.
#[derive(Clone, Copy, Debug)]
pub struct Reached {
    pub person: PersonId,
    pub left: bool,
    pub viewed: bool,
}

/// For whom another way is looked for: the one the clock waited for, or everybody who has not looked yet; nobody who
/// has left.
pub fn unreached(waited_for: Option<PersonId>, members: &[Reached]) -> Vec<PersonId> {
    let wanted = |one: &&Reached| waited_for.map_or(!one.viewed, |person| person == one.person);
    members.iter().filter(|one| !one.left).filter(wanted).map(|one| one.person).collect()
}

/// Which channels could reach the person now.
#[derive(Clone, Copy, Debug, Default)]
pub struct Available {
    pub other_devices: bool,
    pub partner: bool,
    pub push_adapter: bool,
}

/// The first channel not tried yet that could work, and those skipped on the
/// way; `None` when everything up to the voice card has been tried.
pub fn next_channel(tried: &[Channel], available: Available) -> (Vec<Channel>, Option<Channel>) {
    let mut skipped = Vec::new();
    for channel in [Channel::OtherDevices, Channel::Partner, Channel::PushAdapter, Channel::VoiceCard] {
        if tried.contains(&channel) {
            continue;
        }
        let usable = match channel {
            Channel::OtherDevices => available.other_devices,
            Channel::Partner => available.partner,
            Channel::PushAdapter => available.push_adapter,
            Channel::Socket | Channel::VoiceCard => true,
        };
        if usable {
            return (skipped, Some(channel));
        }
        skipped.push(channel);
    }
    (skipped, None)
}

/// Whether a unit's silence is an outage: enough terminals, and most of them.
pub fn is_area_silent(silent: u32, on_duty: u32, min: u32, share: f64) -> bool {
    silent >= min && f64::from(silent) >= share * f64::from(on_duty)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn missed(limit: Limit, mode: Mode) -> Missed {
        Missed { limit, mode, accepted: false, area_silent: false, added: 0, added_max: 2 }
    }

    #[test]
    fn an_unanswered_priority_one_gets_another_crew_up_to_the_bound() {
        let facts = missed(Limit::Accepted, Mode::AutoAdd);
        assert_eq!(decide(&facts), Decision::Add);
        assert_eq!(decide(&Missed { added: 2, ..facts }), Decision::Suggest);
        assert_eq!(decide(&missed(Limit::Accepted, Mode::Suggest)), Decision::Suggest);
        assert_eq!(decide(&missed(Limit::Accepted, Mode::CardOnly)), Decision::Card);
    }

    #[test]
    fn channels_go_in_order_and_end_with_a_human_voice() {
        let all = Available { other_devices: true, partner: true, push_adapter: true };
        let mut tried = vec![Channel::Socket];
        let mut order = Vec::new();
        while let (_, Some(channel)) = next_channel(&tried, all) {
            tried.push(channel);
            order.push(channel);
        }
        assert_eq!(order, [Channel::OtherDevices, Channel::Partner, Channel::PushAdapter, Channel::VoiceCard]);
        let (skipped, next) = next_channel(&[Channel::Socket], Available::default());
        assert_eq!(next, Some(Channel::VoiceCard));
        assert_eq!(skipped.len(), 3);
    }

    #[test]
    fn nobody_who_has_left_is_looked_for() {
        let gone = Reached { person: PersonId::new(), left: true, viewed: false };
        let here = Reached { person: PersonId::new(), left: false, viewed: false };
        assert_eq!(unreached(Some(gone.person), &[gone, here]), []);
        assert_eq!(unreached(None, &[gone, here]), [here.person]);
    }

    #[test]
    fn sixty_of_sixty_is_an_outage_and_one_of_sixty_is_not() {
        assert!(is_area_silent(60, 60, 5, 0.5));
        assert!(!is_area_silent(1, 60, 5, 0.5));
        assert!(!is_area_silent(4, 4, 5, 0.5));
    }

    proptest! {
        #[test]
        fn an_accepted_call_is_never_offered_to_others_by_the_server(
            limit in prop::sample::select(Limit::ALL.to_vec()),
            mode in prop::sample::select(vec![Mode::AutoAdd, Mode::Suggest, Mode::CardOnly]),
            area_silent in any::<bool>(),
            added in 0_u32..5,
        ) {
            let facts = Missed { limit, mode, accepted: true, area_silent, added, added_max: 2 };
            prop_assert_ne!(decide(&facts), Decision::Add);
        }

        #[test]
        fn a_dark_area_offers_nothing(
            limit in prop::sample::select(Limit::ALL.to_vec()),
            mode in prop::sample::select(vec![Mode::AutoAdd, Mode::Suggest, Mode::CardOnly]),
            accepted in any::<bool>(),
        ) {
            let facts = Missed { limit, mode, accepted, area_silent: true, added: 0, added_max: 2 };
            prop_assert_ne!(decide(&facts), Decision::Add);
        }
    }
}
