//! An item as those see it who may.

use std::collections::HashMap;

use serde::Serialize;
use serde_json::Value;

use super::super::keeping::standing;
use super::super::media::facts::MediaView;
use super::super::photos::findings;
use super::super::store::{self, EvidenceRow, HoldRow, MarkRow, frozen};
use super::super::{Kind, Place, Previewed, Retention};
use crate::platform::db::Conn;
use crate::words::error::Result;
use crate::words::ids::{AssignmentId, DeviceId, EvidenceId, IncidentId, PersonId, SessionId, UnitId};
use crate::words::time::Timestamp;

/// A preview that is there.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
pub struct PreviewView {
    /// What `?px=` asks for: the longest side at most.
    pub px: i32,
    pub width: i32,
    pub height: i32,
    pub size: i64,
}

/// Something about an item that does not fit what else is known.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
pub struct FindingView {
    pub code: String,
    #[schema(value_type = Object)]
    pub detail: Value,
    /// The same in words.
    pub text: String,
    pub at: Timestamp,
}

/// What a list says of an item.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
pub struct EvidenceLine {
    pub id: EvidenceId,
    // What its maker says it is; said here, since an inline schema with a description is no longer a text.
    #[schema(inline)]
    pub kind: Kind,
    pub filename: String,
    /// By the bytes, not as declared.
    pub media_type: String,
    pub size: i64,
    /// Hex.
    pub sha256: String,
    /// Hex (GB/T 32905); null until its job has run.
    pub sm3: Option<String>,
    pub place: Place,
    /// Put aside for the custodian; nobody else sees it.
    pub quarantined: bool,
    pub author_id: PersonId,
    /// On whose body the camera was, if it was not the author's.
    pub wearer_id: Option<PersonId>,
    /// The device that delivered it.
    pub device_id: DeviceId,
    /// The author's unit when it arrived.
    pub unit_id: UnitId,
    pub incident_ids: Vec<IncidentId>,
    pub assignment_id: Option<AssignmentId>,
    /// By the device's clock.
    pub captured_at: Timestamp,
    pub received_at: Timestamp,
    pub duration_ms: Option<i64>,
    pub codec: Option<String>,
    pub previewed: Previewed,
    pub retention: RetentionView,
    /// When its bytes were lawfully deleted.
    pub gone_at: Option<Timestamp>,
    pub version: i64,
}

/// Everything about an item but its bytes.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
pub struct EvidenceView {
    #[serde(flatten)]
    pub line: EvidenceLine,
    /// The session that delivered it; null when the device's key alone did.
    pub session_id: Option<SessionId>,
    /// The enrolled device's own signature over what it captured.
    pub device_signature: Option<String>,
    /// The original of which this is a redacted copy.
    pub redacts: Option<EvidenceId>,
    /// The redacted copies of this original.
    pub redacted_copies: Vec<EvidenceId>,
    pub previews: Vec<PreviewView>,
    pub findings: Vec<FindingView>,
    /// What its container says; absent until that was read, and for what is no recording.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub media: Option<MediaView>,
    pub marks: Vec<MarkRow>,
}

/// How long an item is kept, and what keeps it beyond that.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
pub struct RetentionView {
    #[schema(inline)]
    pub category: Retention,
    /// Kept until then at least; null: for ever.
    pub keep_until: Option<Timestamp>,
    /// Whatever stands here keeps the item: its own holds and those of its incidents.
    pub holds: Vec<HoldRow>,
}

fn line(row: EvidenceRow, incident_ids: Vec<IncidentId>, holds: Vec<HoldRow>) -> EvidenceLine {
    EvidenceLine {
        id: row.id,
        kind: row.kind,
        filename: row.filename,
        media_type: row.media_type,
        size: row.size,
        sha256: row.sha256,
        sm3: row.sm3,
        place: row.place,
        quarantined: row.quarantined,
        author_id: row.author_id,
        wearer_id: row.wearer_id,
        device_id: row.device_id,
        unit_id: row.unit_id,
        incident_ids,
        assignment_id: row.assignment_id,
        captured_at: row.captured_at,
        received_at: row.received_at,
        duration_ms: row.duration_ms,
        codec: row.codec,
        previewed: row.previewed,
        retention: RetentionView { category: row.retention, keep_until: row.keep_until, holds },
        gone_at: row.gone_at,
        version: row.version,
    }
}

/// The lines of a page, in its order.
pub fn lines(conn: &mut Conn, rows: Vec<EvidenceRow>) -> Result<Vec<EvidenceLine>> {
    let ids: Vec<EvidenceId> = rows.iter().map(|row| row.id).collect();
    let mut links: HashMap<EvidenceId, Vec<IncidentId>> = HashMap::new();
    for (evidence, incident) in store::incidents_of_all(conn, &ids)? {
        links.entry(evidence).or_default().push(incident);
    }
    let named: Vec<IncidentId> = links.values().flatten().copied().collect();
    let mains = frozen::mains(conn, &named)?;
    let holds = store::holds_standing(conn, &ids, &standing::above(&named, &mains))?;
    Ok(rows
        .into_iter()
        .map(|row| {
            let incidents = links.remove(&row.id).unwrap_or_default();
            let about = standing::above(&incidents, &mains);
            let of_row = |hold: &&HoldRow| {
                hold.evidence_id == Some(row.id) || hold.incident_id.is_some_and(|id| about.contains(&id))
            };
            let held = holds.iter().filter(of_row).cloned().collect();
            line(row, incidents, held)
        })
        .collect())
}

/// The whole view; findings in the reader's language.
pub fn full(conn: &mut Conn, row: EvidenceRow, english: bool) -> Result<EvidenceView> {
    let incidents = store::incidents_of(conn, &row.id)?;
    let previews = store::previews_of(conn, &row.id)?;
    let found = store::findings_of(conn, &row.id)?;
    let about = standing::about(conn, &row.id)?;
    let holds = store::holds_standing(conn, &[row.id], &about)?;
    Ok(EvidenceView {
        session_id: row.session_id,
        device_signature: row.device_signature.clone(),
        redacts: row.redacted_of,
        redacted_copies: store::copies_of(conn, &row.id)?,
        previews: previews
            .into_iter()
            .map(|made| PreviewView { px: made.px, width: made.width, height: made.height, size: made.size })
            .collect(),
        findings: found
            .into_iter()
            .map(|one| {
                let detail: Value = serde_json::from_str(&one.detail)?;
                let text = findings::text(&one.code, &detail, english);
                Ok(FindingView { code: one.code, detail, text, at: one.at })
            })
            .collect::<Result<_>>()?,
        media: store::media::media_find(conn, &row.id)?.map(MediaView::from),
        marks: store::marks_of(conn, &row.id)?,
        line: line(row, incidents, holds),
    })
}
