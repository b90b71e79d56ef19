//! The dossier (卷宗) of an incident: what happened, what was known when, what is missing and why, and the evidence with
//! its proofs; in one archive that `suixing verify` checks offline.
//!
//! ```text
//! store     what is read beyond what other duties offer    gather    everything about one incident, from all of them
//! entries   rows become lines of one timeline              gaps      where something should be and is not
//! words     lines in Chinese and English                   page      the timeline for people, to be printed
//! service   gathers, writes the export down, waits         archive   is made while it is sent
//! ```
//!
//! Every line carries two times that are never mixed: when it happened by the clock of whoever says so, and when the
//! server knew it. `as_of` leaves out what came later, so that a decision is judged by what was known when it was taken.

mod archive;
mod entries;
mod gaps;
mod gather;
pub mod http;
mod page;
mod service;
mod store;
mod words;

use serde::Serialize;
use serde_json::Value;

use crate::duty::evidence::custody::dossier::Limit;
use crate::platform::policy::PersonKind;
use crate::text_enum;
use crate::words::ids::{AssignmentId, DeviceId, IncidentId, PersonId, UnitId};
use crate::words::time::Timestamp;

/// Seconds after which what arrives was not known in time: one missed report and its grace.
const LATE_S: i64 = 60;

text_enum! {
    /// Whose word a line is. A machine's is never shown as a human's.
    pub enum Word {
        /// A device said it.
        Machine = "machine",
        /// A person tapped, wrote or spoke.
        Human = "human",
        /// The server by its rules.
        Server = "server",
        /// The system the call came from.
        Source = "source",
    }
}

/// One thing that was recorded.
#[derive(Clone, Debug, Serialize)]
pub struct Entry {
    /// When it happened, as far as is known; what the order goes by. Never later than it was known.
    pub at: Timestamp,
    /// When it happened by the clock of the device or system that says so; null where the server saw it happen.
    pub observed_at: Option<Timestamp>,
    /// When the server had it.
    pub known_at: Timestamp,
    /// It was known more than a minute after it happened.
    pub late: bool,
    pub word: Word,
    pub kind: String,
    pub person_id: Option<PersonId>,
    pub device_id: Option<DeviceId>,
    pub data: Value,
}

impl Entry {
    /// Something the server knew at that instant.
    fn new(word: Word, kind: impl Into<String>, known_at: Timestamp, data: Value) -> Self {
        let (person_id, device_id) = (None, None);
        Self {
            at: known_at,
            observed_at: None,
            known_at,
            late: false,
            word,
            kind: kind.into(),
            person_id,
            device_id,
            data,
        }
    }

    /// It happened then, by another clock than the server's.
    fn observed(mut self, at: Option<Timestamp>) -> Self {
        if let Some(at) = at {
            self.observed_at = Some(at);
            self.at = at.min(self.known_at);
            self.late = is_late(self.at, self.known_at);
        }
        self
    }

    fn by(mut self, person: Option<PersonId>) -> Self {
        self.person_id = person;
        self
    }

    fn on(mut self, device: Option<DeviceId>) -> Self {
        self.device_id = device;
        self
    }
}

/// Whether what happened at `at` was known too late to be acted upon.
fn is_late(at: Timestamp, known_at: Timestamp) -> bool {
    known_at.millis_since(at) > LATE_S * 1_000
}

text_enum! {
    /// What is missing.
    pub enum GapKind {
        /// Nobody knew where somebody was, then or later.
        NoPosition = "no_position",
        /// The places came, but not in time.
        Offline = "offline",
        /// A clock that was wrong.
        ClockStep = "clock_step",
        /// On the scene, and no recording of it is here.
        NoRecording = "no_recording",
        /// A file began to arrive and did not.
        UploadLost = "upload_lost",
    }
}

text_enum! {
    /// Why it is missing, as far as what was recorded tells.
    pub enum Reason {
        NothingReported = "nothing_reported",
        BatteryLow = "battery_low",
        SignedOff = "signed_off",
        /// Only places that cannot be believed were reported.
        NotBelieved = "not_believed",
        ArrivedLater = "arrived_later",
        DeviceClockAhead = "device_clock_ahead",
        CameraClock = "camera_clock",
        NoneArrived = "none_arrived",
        /// It exists and lies on the camera or at the dock.
        NotDelivered = "not_delivered",
        /// What arrived was not what had been announced.
        Refused = "refused",
        GivenUp = "given_up",
        NothingCame = "nothing_came",
    }
}

/// Something that should be there and is not.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Gap {
    pub kind: GapKind,
    pub from: Timestamp,
    pub to: Timestamp,
    pub person_id: Option<PersonId>,
    pub device_id: Option<DeviceId>,
    pub reason: Reason,
    pub data: Value,
}

/// Somebody who is named.
#[derive(Clone, Debug, Serialize)]
pub struct PersonLine {
    pub id: PersonId,
    pub name: String,
    pub kind: PersonKind,
    pub badge_no: Option<String>,
    pub unit_id: UnitId,
    pub unit: String,
}

/// Somebody who was sent.
#[derive(Clone, Debug, Serialize)]
pub struct SentLine {
    pub assignment_id: AssignmentId,
    pub person_id: PersonId,
    pub role: String,
    pub sent_at: Timestamp,
}

/// `timeline.json`.
#[derive(Debug, Serialize)]
pub struct Timeline {
    pub format: &'static str,
    pub incident_id: IncidentId,
    /// What the incident looks like; as the source had told it by then, where it is asked for an earlier time.
    pub incident: Value,
    pub as_of: Option<Timestamp>,
    pub made_at: Timestamp,
    pub made_by: PersonId,
    pub purpose: String,
    pub people: Vec<PersonLine>,
    pub sent: Vec<SentLine>,
    pub entries: Vec<Entry>,
    pub gaps: Vec<Gap>,
    pub limits: Vec<Limit>,
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_happened_is_never_later_than_it_was_known_and_late_is_said() {
        let known = Timestamp::from_micros(1_767_225_600_000_000);
        let of = |observed: Timestamp| Entry::new(Word::Machine, "position", known, json!({})).observed(Some(observed));
        let in_time = of(known.plus_secs(-LATE_S));
        assert_eq!((in_time.at, in_time.late), (known.plus_secs(-LATE_S), false));
        let late = of(known.plus_secs(-LATE_S - 1));
        assert!(late.late && late.at < known);
        let ahead = of(known.plus_secs(3_600));
        assert_eq!((ahead.at, ahead.late), (known, false));
        assert_eq!(ahead.observed_at, Some(known.plus_secs(3_600)));
    }
}
