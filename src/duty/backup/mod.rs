//! One-press backup: raise, pick who is near and reachable, alert, count who comes, stand the rest down.
//!
//! This file holds the vocabulary of the duty. `rank` picks response units, `rules` holds the clocks and who may end
//! a request (both pure), `facts` loads what they judge, `service` has the recipes, `follow` moves the destination,
//! `jobs` fires the timers, `http` and `messages` are the two doors. Left of it: officers, crews, location,
//! incidents, assignments. Called by the router, the socket, `wiring/reactions.rs` and `wiring/tasks.rs`.

pub mod checkin;
pub mod cover;
pub mod facts;
pub mod follow;
pub mod http;
pub mod jobs;
pub mod messages;
pub mod rank;
pub mod rules;
pub mod service;
mod shapes;
pub mod store;
pub mod view;

pub use store::rows;

use std::fmt;
use std::str::FromStr;

use crate::text_enum;
use crate::words::ids::{CrewId, PersonId};

text_enum! {
    /// What kind of help is called for; `help` until somebody says more.
    pub enum Kind { Help = "help", OfficerDown = "officer_down", Weapon = "weapon", Crowd = "crowd", Pursuit = "pursuit" }
}

text_enum! {
    /// A request is open until the room or a second officer on the scene ends it.
    pub enum State { Open = "open", Closed = "closed" }
}

text_enum! {
    /// Why a request was ended.
    pub enum CloseReason { Resolved = "resolved", FalseAlarm = "false_alarm", Cancelled = "cancelled" }
}

text_enum! {
    /// A human answer to an alert.
    pub enum Answer { Coming = "coming", Declined = "declined", Arrived = "arrived" }
}

text_enum! {
    /// Proof that a person can be reached, weakest first: nothing, a call of late, an open socket that talks.
    pub enum Reach { None = "none", Recent = "recent", Socket = "socket" }
}

text_enum! {
    /// What a person is told to do: come and be counted, hold a perimeter, or only know.
    pub enum AlertRole { Respond = "respond", Perimeter = "perimeter", Informed = "informed" }
}

text_enum! {
    /// Why somebody was chosen or skipped; kept with every wave.
    pub enum Reason {
        Nearest = "nearest",
        NearestRecent = "nearest_recent_contact",
        GridDrawn = "grid_drawn_nobody_else",
        Perimeter = "perimeter",
        OwnCrew = "own_crew",
        AlreadyThere = "already_there",
        Caller = "caller",
        AlreadyAlerted = "already_alerted",
        OffDuty = "off_duty",
        Unreachable = "unreachable",
        NoFix = "no_fix",
        StaleFix = "stale_fix",
        HigherPriority = "higher_priority",
        OnOtherBackup = "on_other_backup",
        InTrouble = "in_trouble_himself",
        KindNotAllowed = "kind_not_allowed",
        KeptForGrid = "kept_for_grid",
        Farther = "enough_nearer",
    }
}

/// What a person's office lets him do at a call for help, strongest last.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Force {
    /// Room, custodians, mediators, volunteers, machines: never sent.
    Other,
    /// Guards and grid workers.
    Guard,
    Auxiliary,
    Police,
}

/// What a force may do at one kind of backup, strongest last.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Capability {
    Nothing,
    Perimeter,
    Respond,
}

/// The policy per kind: police always come; others only where they are not put before a weapon.
pub fn capability(force: Force, kind: Kind) -> Capability {
    match (force, kind.police_first()) {
        (Force::Police, _) | (Force::Auxiliary, false) => Capability::Respond,
        (Force::Auxiliary, true) | (Force::Guard, false) => Capability::Perimeter,
        (Force::Guard, true) | (Force::Other, _) => Capability::Nothing,
    }
}

impl Kind {
    /// Kinds to which only police are offered as responders.
    pub fn police_first(self) -> bool {
        matches!(self, Self::OfficerDown | Self::Weapon | Self::Pursuit)
    }

    /// The incident priority this request ranks with (1 is the highest): lower numbers are not torn away from.
    pub fn rank(self) -> u8 {
        if self.police_first() { 1 } else { 2 }
    }
}

impl Answer {
    /// Whether the unit is on its way or there.
    pub fn counts(self) -> bool {
        matches!(self, Self::Coming | Self::Arrived)
    }
}

impl Reason {
    /// The reason for a human, in Chinese or English.
    pub fn text(self, english: bool) -> &'static str {
        let (zh, en) = match self {
            Self::Nearest => ("最快到达且终端在线", "soonest there, terminal connected"),
            Self::NearestRecent => ("最快到达，终端近期有联系", "soonest there, terminal heard of late"),
            Self::GridDrawn => ("无其他警力，抽调本网格警力", "drawn from a grid: nobody else"),
            Self::Perimeter => ("外围警戒", "perimeter only"),
            Self::OwnCrew => ("求助人同组，仅告知", "the caller's own crew, informed"),
            Self::AlreadyThere => ("已在现场，仅告知", "already there, informed"),
            Self::Caller => ("求助人", "the caller"),
            Self::AlreadyAlerted => ("已通知过", "alerted before"),
            Self::OffDuty => ("未在岗", "off duty"),
            Self::Unreachable => ("终端无法联系", "no contact with the terminal"),
            Self::NoFix => ("无位置", "no position"),
            Self::StaleFix => ("位置已过期", "position overdue"),
            Self::HigherPriority => ("正在处置更高等级警情", "on a call of higher priority"),
            Self::OnOtherBackup => ("正在增援他处", "on the way to another backup"),
            Self::InTrouble => ("本人正在求助", "calling for help himself"),
            Self::KindNotAllowed => ("不适合此类增援", "not sent to this kind of call"),
            Self::KeptForGrid => ("保留网格最低警力", "kept as the strength of a grid"),
            Self::Farther => ("已有足够更近警力", "enough others are nearer"),
        };
        if english { en } else { zh }
    }
}

/// A response unit: a crew, or a person who patrols alone. Stored as `crew:ID` or `person:ID`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum UnitKey {
    Crew(CrewId),
    Person(PersonId),
}

impl fmt::Display for UnitKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Crew(id) => write!(f, "crew:{id}"),
            Self::Person(id) => write!(f, "person:{id}"),
        }
    }
}

impl FromStr for UnitKey {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let parsed = match text.split_once(':') {
            Some(("crew", id)) => id.parse().ok().map(Self::Crew),
            Some(("person", id)) => id.parse().ok().map(Self::Person),
            _ => None,
        };
        parsed.ok_or(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_unit_key_survives_its_text_form() {
        for key in [UnitKey::Crew(CrewId::new()), UnitKey::Person(PersonId::new())] {
            assert_eq!(key.to_string().parse(), Ok(key));
        }
        assert_eq!("unit:1".parse::<UnitKey>(), Err(()));
    }

    #[test]
    fn only_police_are_put_before_a_weapon() {
        for kind in [Kind::OfficerDown, Kind::Weapon, Kind::Pursuit] {
            assert_eq!(capability(Force::Police, kind), Capability::Respond);
            assert_eq!(capability(Force::Auxiliary, kind), Capability::Perimeter);
            assert_eq!(capability(Force::Guard, kind), Capability::Nothing);
        }
        assert_eq!(capability(Force::Auxiliary, Kind::Help), Capability::Respond);
        assert_eq!(capability(Force::Guard, Kind::Crowd), Capability::Perimeter);
        assert_eq!(capability(Force::Other, Kind::Help), Capability::Nothing);
    }

    #[test]
    fn every_word_reads_back() {
        for kind in [Kind::Help, Kind::OfficerDown, Kind::Weapon, Kind::Crowd, Kind::Pursuit] {
            assert_eq!(kind.as_str().parse::<Kind>().unwrap(), kind);
        }
        assert!("flood".parse::<Kind>().is_err());
    }
}
