//! A recording as those see it who may.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::access;
use super::rules;
use super::store::{self, EventRow, RecordingRow};
use super::{EventKind, State, WearerBy};
use crate::platform::db::Conn;
use crate::words::error::Result;
use crate::words::ids::{DeviceId, EvidenceId, IncidentId, PersonId, RecordingId, UnitId};
use crate::words::time::Timestamp;

/// A press on the camera's button, or what its maker calls a mark.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Mark {
    /// By the camera's clock.
    pub at: Timestamp,
    /// 1 to 500 characters.
    pub text: String,
}

/// What a list says of a recording. Times without `raw` are corrected by the camera's offset.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
pub struct RecordingLine {
    pub id: RecordingId,
    /// The camera.
    pub device_id: DeviceId,
    /// The dock that named it last, or has it.
    pub dock_id: Option<DeviceId>,
    pub unit_id: UnitId,
    /// Segments of one recording share it: the id of the first.
    pub group_id: RecordingId,
    #[schema(inline)]
    pub state: State,
    /// Hex.
    pub sha256: String,
    pub size: i64,
    pub started_at: Timestamp,
    pub ended_at: Timestamp,
    /// As the camera wrote them.
    pub raw_started_at: Timestamp,
    pub raw_ended_at: Timestamp,
    /// The camera's clock less the true time, when it was docked.
    pub clock_offset_ms: i64,
    pub marks: Vec<Mark>,
    /// Null while it is unclaimed.
    pub wearer_id: Option<PersonId>,
    pub wearer_by: WearerBy,
    /// Incidents the wearer was sent to while it ran, and those the item was linked with.
    pub incident_ids: Vec<IncidentId>,
    /// The item it became.
    pub evidence_id: Option<EvidenceId>,
    pub held_at: Option<Timestamp>,
    /// Asked for by the room.
    pub wanted_at: Option<Timestamp>,
    /// Until then it has to be stored.
    pub deadline_at: Timestamp,
    /// It is not, and the time is over.
    pub overdue: bool,
    pub announced_at: Timestamp,
    pub missing_since: Option<Timestamp>,
    pub version: i64,
}

/// Something that happened to a recording.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
#[schema(as = RecordingEvent)]
pub struct EventView {
    #[schema(inline)]
    pub kind: EventKind,
    pub at: Timestamp,
    /// Null where nobody but a device or the server acted.
    pub person_id: Option<PersonId>,
    pub device_id: Option<DeviceId>,
    #[schema(value_type = Object)]
    pub data: Value,
}

/// What a dock signed when it had the file whole.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
pub struct HeldView {
    /// The exact text.
    pub statement: String,
    /// Ed25519 over that text by the dock's enrolled key, URL-safe base64.
    pub signature: String,
}

/// Everything about a recording.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
pub struct RecordingView {
    #[serde(flatten)]
    pub line: RecordingLine,
    /// All segments of the recording it belongs to, in order, itself among them.
    pub segments: Vec<RecordingId>,
    pub held: Option<HeldView>,
    /// Oldest first: decisions with their reasons, requests with their purpose, findings.
    pub events: Vec<EventView>,
}

fn line(row: RecordingRow, incident_ids: Vec<IncidentId>, now: Timestamp) -> Result<RecordingLine> {
    let deadline_at = rules::deadline(row.ended_at);
    Ok(RecordingLine {
        id: row.id,
        device_id: row.camera_id,
        dock_id: row.dock_id,
        unit_id: row.unit_id,
        group_id: row.group_id,
        state: row.state,
        sha256: row.sha256,
        size: row.size,
        started_at: row.started_at,
        ended_at: row.ended_at,
        raw_started_at: row.raw_started_at,
        raw_ended_at: row.raw_ended_at,
        clock_offset_ms: row.clock_offset_ms,
        marks: serde_json::from_str(&row.marks)?,
        wearer_id: row.wearer_id,
        wearer_by: row.wearer_by,
        incident_ids,
        evidence_id: row.evidence_id,
        held_at: row.held_at,
        wanted_at: row.wanted_at,
        deadline_at,
        overdue: row.state != State::Stored && deadline_at < now,
        announced_at: row.announced_at,
        missing_since: row.missing_since,
        version: row.version,
    })
}

/// The lines of a page, in its order.
pub fn lines(conn: &mut Conn, rows: Vec<RecordingRow>, now: Timestamp) -> Result<Vec<RecordingLine>> {
    let mut incidents = access::incidents_of(conn, &rows)?;
    rows.into_iter()
        .map(|row| {
            let of = incidents.remove(&row.id).unwrap_or_default();
            line(row, of, now)
        })
        .collect()
}

/// The whole view.
pub fn full(conn: &mut Conn, row: RecordingRow, now: Timestamp) -> Result<RecordingView> {
    use base64::Engine as _;
    use base64::prelude::BASE64_URL_SAFE_NO_PAD;
    let of = access::incidents_of(conn, std::slice::from_ref(&row))?.remove(&row.id).unwrap_or_default();
    let segments = store::group_of(conn, &row.group_id)?.into_iter().map(|segment| segment.id).collect();
    let events = store::events_of(conn, &row.id)?.into_iter().map(event).collect::<Result<_>>()?;
    let held = match (&row.held_statement, &row.held_signature) {
        (Some(statement), Some(signature)) => {
            Some(HeldView { statement: statement.clone(), signature: BASE64_URL_SAFE_NO_PAD.encode(signature) })
        }
        _ => None,
    };
    Ok(RecordingView { segments, held, events, line: line(row, of, now)? })
}

fn event(row: EventRow) -> Result<EventView> {
    Ok(EventView {
        kind: row.kind,
        at: row.at,
        person_id: row.person_id,
        device_id: row.device_id,
        data: serde_json::from_str(&row.data)?,
    })
}
