//! What a request looks like on the wire; filled in by `view`.

use serde::Serialize;
use serde_json::Value;

use super::rows::{Place, PlaceSource, Target};
use super::{AlertRole, Answer, CloseReason, Kind, Reach, Reason, State};
use crate::platform::policy::PersonKind;
use crate::words::ids::{BackupId, CrewId, DeviceId, PersonId, UnitId};
use crate::words::time::Timestamp;

/// A person named in a request.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema, schemars::JsonSchema)]
#[schema(as = BackupPerson)]
pub struct PersonView {
    pub person_id: PersonId,
    pub name: String,
    pub kind: PersonKind,
    pub unit_id: UnitId,
}

/// Where somebody is, and how old that knowledge is.
#[derive(Clone, Copy, Debug, Serialize, utoipa::ToSchema, schemars::JsonSchema)]
pub struct WhereView {
    pub lon: f64,
    pub lat: f64,
    pub at: Timestamp,
    pub age_s: f64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub accuracy_m: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source: Option<PlaceSource>,
    /// Within the device's own reporting contract; absent for given places.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fresh: Option<bool>,
}

impl WhereView {
    pub fn of(place: &Place, now: Timestamp) -> Self {
        Self {
            lon: place.lon,
            lat: place.lat,
            at: place.at,
            age_s: now.secs_since(place.at).max(0.0),
            accuracy_m: place.accuracy_m,
            source: Some(place.source),
            fresh: None,
        }
    }
}

/// Somebody who was told of the request.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema, schemars::JsonSchema)]
pub struct AlertedView {
    pub person_id: PersonId,
    pub name: String,
    /// The response unit he belongs to: `crew:ID` or `person:ID`.
    pub unit: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub crew_id: Option<CrewId>,
    pub role: AlertRole,
    #[schema(inline)]
    pub reason: Reason,
    pub reason_text: &'static str,
    pub reach: Reach,
    pub wave: i64,
    pub quiet: bool,
    pub distance_m: Option<f64>,
    pub eta_s: Option<f64>,
    pub alerted_at: Timestamp,
    /// First receipt of a carried device: a machine's word.
    pub received_at: Option<Timestamp>,
    pub received_device_id: Option<DeviceId>,
    /// A human's word.
    pub answer: Option<Answer>,
    pub answered_at: Option<Timestamp>,
    pub arrived_at: Option<Timestamp>,
    pub stood_down_at: Option<Timestamp>,
    pub stand_down_reason: Option<String>,
    /// Absent once the request has ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub position: Option<WhereView>,
}

/// Who took the request in the room.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema, schemars::JsonSchema)]
pub struct TakenView {
    pub person_id: PersonId,
    pub name: String,
    pub unit_id: Option<UnitId>,
    pub at: Option<Timestamp>,
}

/// The caller's own word about the end.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema, schemars::JsonSchema)]
pub struct SaysView {
    pub reason: CloseReason,
    pub by: PersonId,
    pub at: Timestamp,
}

/// How it ended.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema, schemars::JsonSchema)]
pub struct ClosedView {
    pub reason: Option<CloseReason>,
    pub by: Option<PersonId>,
    pub at: Timestamp,
}

/// One ring of offers, for the room.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
pub struct WaveView {
    pub wave: i64,
    pub at: Timestamp,
    pub cause: String,
    /// Response units offered the call.
    pub units: i64,
    /// Everybody who was looked at, chosen or skipped, with the reason.
    pub choices: Value,
}

/// One line of the history, for the room.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
pub struct EventView {
    pub at: Timestamp,
    pub kind: String,
    pub person_id: Option<PersonId>,
    pub device_id: Option<DeviceId>,
    pub data: Value,
}

/// A device's receipt of a message about the request.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
pub struct ReceiptView {
    pub person_id: PersonId,
    pub device_id: DeviceId,
    pub message_kind: String,
    /// Only a carried device proves that its holder can be reached.
    pub carried: bool,
    pub at: Timestamp,
    /// Always `machine`.
    pub truth: &'static str,
}

/// A request for backup.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
pub struct BackupView {
    pub id: BackupId,
    pub state: State,
    pub kind: Kind,
    pub silent: bool,
    /// Pressed more than a minute before it arrived.
    pub late: bool,
    /// False while only the room is alarmed.
    pub ringing: bool,
    /// Raised by the device key without a valid session.
    pub unauthenticated_session: bool,
    pub requester_id: PersonId,
    pub for_person_id: PersonId,
    pub requester: PersonView,
    pub for_person: PersonView,
    pub unit_id: UnitId,
    pub device_id: Option<DeviceId>,
    pub note: Option<String>,
    pub needs: Vec<String>,
    pub target: Option<Target>,
    pub pressed_at: Timestamp,
    pub received_at: Timestamp,
    /// Where it was pressed.
    pub place: Option<WhereView>,
    /// Where to go now; follows the person while open.
    pub destination: Option<WhereView>,
    /// Response units wanted and how many are coming or there.
    pub wanted: i64,
    pub accepted_units: usize,
    pub covered: bool,
    pub wave: i64,
    /// Nobody who could be reached has been offered the call.
    pub nobody_reachable: bool,
    pub alerted: Vec<AlertedView>,
    pub informed: Vec<AlertedView>,
    pub taken_by: Option<TakenView>,
    pub says_false_alarm: bool,
    pub says: Option<SaysView>,
    pub closed: Option<ClosedView>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub waves: Vec<WaveView>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub receipts: Vec<ReceiptView>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub timeline: Vec<EventView>,
    pub version: i64,
}
