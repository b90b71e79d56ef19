//! Rows of the backup duty as stored, and the small JSON columns inside them.

use diesel::prelude::*;
use serde::{Deserialize, Serialize};

use crate::duty::backup::{AlertRole, Answer, CloseReason, Kind, Reach, Reason, State, UnitKey, rules};
use crate::platform::db::schema::{
    backup, backup_alert, backup_event, backup_press, backup_receipt, backup_timer, backup_wave,
};
use crate::text_enum;
use crate::words::error::{Error, Result};
use crate::words::geo::Position;
use crate::words::ids::{BackupId, DeviceId, PersonId, UnitId};
use crate::words::time::Timestamp;

text_enum! {
    /// Where a place comes from; only `given` and `fix` are about the person himself.
    pub enum PlaceSource {
        Given = "given",
        Fix = "fix",
        RequesterFix = "requester_fix",
        CrewFix = "crew_fix",
        Target = "target",
    }
}

text_enum! {
    /// By which door a press came in.
    pub enum Via { Rest = "rest", Socket = "socket", DeviceKey = "device_key" }
}

text_enum! {
    /// What falls due. All but the check-ins are about a request.
    pub enum TimerKind {
        /// Too few accepted: the next ring.
        Wave = "wave",
        /// Nobody took it: the parent room.
        ParentRoom = "parent_room",
        /// Still nobody: the duty commander.
        Commander = "commander",
        /// Answers came: those who were called hear of them together.
        Answers = "answers",
        /// On the scene of something risky for a while: ask whether all is right.
        CheckInAsk = "check_in_ask",
        /// Asked and no answer: tell the room.
        CheckInMissed = "check_in_missed",
    }
}

text_enum! {
    pub enum TimerState { Open = "open", Fired = "fired", Cancelled = "cancelled" }
}

/// A place with its instant; the age is what the reader makes of it.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, schemars::JsonSchema, utoipa::ToSchema)]
pub struct Place {
    pub lon: f64,
    pub lat: f64,
    pub at: Timestamp,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub accuracy_m: Option<f64>,
    pub source: PlaceSource,
}

impl Place {
    pub fn position(&self) -> Position {
        Position { lon: self.lon, lat: self.lat }
    }
}

/// Where a pursued vehicle or person was seen.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, schemars::JsonSchema, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct LastSeen {
    pub lon: f64,
    pub lat: f64,
    /// When; the server's clock if left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at: Option<Timestamp>,
}

/// The card of a pursued target (plate as in GA 36).
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, schemars::JsonSchema, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Target {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub plate: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub colour: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub direction: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_seen: Option<LastSeen>,
}

/// The caller's own word about the end; nothing stops for it.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, schemars::JsonSchema, utoipa::ToSchema)]
pub struct Says {
    pub reason: CloseReason,
    pub by: PersonId,
    pub at: Timestamp,
}

/// One request.
#[derive(Clone, Debug, Queryable, Insertable)]
#[diesel(table_name = backup)]
pub struct BackupRow {
    pub id: BackupId,
    pub requester_id: PersonId,
    pub for_person_id: PersonId,
    pub device_id: Option<DeviceId>,
    /// Unit of the person it is for; its room and the rooms above may command.
    pub unit_id: UnitId,
    pub kind: Kind,
    pub state: State,
    pub silent: bool,
    pub late: bool,
    /// False while only the room is alarmed (a late press of somebody seen since).
    pub ring: bool,
    pub unauthenticated_session: bool,
    pub note: Option<String>,
    pub needs: String,
    pub target: Option<String>,
    pub pressed_at: Timestamp,
    pub received_at: Timestamp,
    pub place: Option<String>,
    pub destination: Option<String>,
    /// The destination responders were last told of.
    pub told: Option<String>,
    pub wanted: i64,
    pub wave: i64,
    pub covered_at: Option<Timestamp>,
    pub taken_by: Option<PersonId>,
    pub taken_unit_id: Option<UnitId>,
    pub taken_at: Option<Timestamp>,
    pub says: Option<String>,
    pub closed_at: Option<Timestamp>,
    pub closed_by: Option<PersonId>,
    pub close_reason: Option<CloseReason>,
    pub version: i64,
    pub updated_at: Timestamp,
}

fn from_json<T: for<'a> Deserialize<'a>>(text: Option<&String>) -> Result<Option<T>> {
    text.map(|text| serde_json::from_str(text).map_err(Error::from)).transpose()
}

impl BackupRow {
    pub fn is_open(&self) -> bool {
        self.state == State::Open
    }

    /// The place at the press.
    pub fn place(&self) -> Result<Option<Place>> {
        from_json(self.place.as_ref())
    }

    /// Where to go now.
    pub fn destination(&self) -> Result<Option<Place>> {
        from_json(self.destination.as_ref())
    }

    pub fn told(&self) -> Result<Option<Place>> {
        from_json(self.told.as_ref())
    }

    pub fn target(&self) -> Result<Option<Target>> {
        from_json(self.target.as_ref())
    }

    pub fn says(&self) -> Result<Option<Says>> {
        from_json(self.says.as_ref())
    }

    pub fn needs(&self) -> Result<Vec<String>> {
        Ok(serde_json::from_str(&self.needs)?)
    }

    /// Units that must still accept.
    pub fn wanted(&self) -> usize {
        usize::try_from(self.wanted).unwrap_or(0)
    }

    /// Whether this is the caller or the person it is for.
    pub fn is_caller_side(&self, person: &PersonId) -> bool {
        self.requester_id == *person || self.for_person_id == *person
    }
}

/// One person told of a request.
#[derive(Clone, Debug, Queryable, Insertable)]
#[diesel(table_name = backup_alert)]
pub struct AlertRow {
    pub backup_id: BackupId,
    pub person_id: PersonId,
    pub unit_key: String,
    pub role: AlertRole,
    pub reason: Reason,
    pub reach: Reach,
    pub wave: i64,
    /// Within earshot of the caller: a silent request makes no sound here.
    pub quiet: bool,
    pub distance_m: Option<f64>,
    pub eta_s: Option<f64>,
    pub alerted_at: Timestamp,
    /// The first receipt of a carried device: a machine's word.
    pub received_at: Option<Timestamp>,
    pub received_device_id: Option<DeviceId>,
    pub answer: Option<Answer>,
    pub answered_at: Option<Timestamp>,
    pub answered_device_id: Option<DeviceId>,
    pub arrived_at: Option<Timestamp>,
    pub stood_down_at: Option<Timestamp>,
    pub stand_down_reason: Option<String>,
}

impl AlertRow {
    pub fn unit(&self) -> UnitKey {
        self.unit_key.parse().unwrap_or(UnitKey::Person(self.person_id))
    }

    pub fn offer(&self) -> rules::Offer {
        rules::Offer {
            unit: self.unit(),
            role: self.role,
            answer: self.answer,
            stood_down: self.stood_down_at.is_some(),
        }
    }
}

/// One press of a button; several may belong to one request.
#[derive(Clone, Debug, Queryable, Insertable)]
#[diesel(table_name = backup_press)]
pub struct PressRow {
    /// The client's own id, or one made here.
    pub id: BackupId,
    pub backup_id: BackupId,
    pub person_id: PersonId,
    pub device_id: Option<DeviceId>,
    pub via: Via,
    pub pressed_at: Timestamp,
    pub received_at: Timestamp,
}

/// One ring of offers with the verdict about everybody who was looked at.
#[derive(Clone, Debug, Queryable, Insertable)]
#[diesel(table_name = backup_wave)]
pub struct WaveRow {
    pub backup_id: BackupId,
    pub wave: i64,
    pub at: Timestamp,
    pub cause: String,
    pub lon: Option<f64>,
    pub lat: Option<f64>,
    pub units: i64,
    pub verdicts: String,
}

/// A device's receipt of one of our messages: machine truth.
#[derive(Clone, Debug, Queryable, Insertable)]
#[diesel(table_name = backup_receipt)]
pub struct ReceiptRow {
    pub backup_id: BackupId,
    pub person_id: PersonId,
    pub device_id: DeviceId,
    pub message_kind: String,
    pub carried: bool,
    pub at: Timestamp,
}

/// One line of a request's history.
#[derive(Clone, Debug, Queryable, Insertable)]
#[diesel(table_name = backup_event)]
pub struct EventRow {
    pub id: String,
    pub backup_id: BackupId,
    pub at: Timestamp,
    pub kind: String,
    pub person_id: Option<PersonId>,
    pub device_id: Option<DeviceId>,
    pub data: String,
}

/// Something that falls due and survives a restart.
#[derive(Clone, Debug, Queryable, Insertable)]
#[diesel(table_name = backup_timer)]
pub struct TimerRow {
    pub id: String,
    pub kind: TimerKind,
    pub subject_id: String,
    pub person_id: Option<PersonId>,
    pub attempt: i64,
    pub state: TimerState,
    pub due_at: Timestamp,
    pub fired_at: Option<Timestamp>,
}
