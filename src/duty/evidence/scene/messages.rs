//! What the room receives about gaps: opened, closed, overdue. Must-deliver.

use serde::Serialize;
use serde_json::{Value, json};

use super::service;
use super::view::GapView;
use crate::duty::evidence::store::scene::{self as gaps, GapRow};
use crate::duty::officers::store as officers;
use crate::platform::db::{Conn, Tx};
use crate::platform::policy::{Action, Actor, Decision};
use crate::platform::push::outbox::{self, Draft, Envelope, Subject};
use crate::words::error::Result;
use crate::words::ids::{AssignmentId, IncidentId, SceneGapId, UnitId};

/// A unit left, and this was missing.
pub const OPENED: &str = "scene_gap.opened";
/// What was missing has come, or somebody has said why it cannot.
pub const CLOSED: &str = "scene_gap.closed";
/// Its time is over; told once.
pub const OVERDUE: &str = "scene_gap.overdue";

/// The body of all three kinds.
#[derive(Clone, Debug, Serialize, schemars::JsonSchema)]
pub struct SceneGapData {
    pub incident_id: IncidentId,
    /// Whose clearing left it open.
    pub assignment_id: AssignmentId,
    /// As they stand when the message is read.
    pub gaps: Vec<GapView>,
}

/// Tells the seats of the unit in whose list they are, or of the nearest above that has any. All are of one incident.
pub fn tell_room(tx: &mut Tx<'_>, kind: &'static str, unit: &UnitId, rows: &[GapRow]) -> Result<()> {
    let Some(first) = rows.first() else { return Ok(()) };
    let (_, seats) = officers::seats_or_parent(tx.conn(), unit)?;
    if seats.is_empty() {
        return Ok(());
    }
    let ids: Vec<SceneGapId> = rows.iter().map(|row| row.id).collect();
    outbox::send(
        tx,
        &seats,
        &Draft {
            kind,
            subject: Subject::new("scene_gap", first.id),
            version: first.version,
            args: json!({ "incident_id": first.incident_id, "gap_ids": ids }),
            urgent: false,
        },
    )
    .map(drop)
}

/// The body for this reader today; none when he may no longer know of it.
pub fn render(conn: &mut Conn, reader: &Actor, message: &Envelope) -> Result<Option<Value>> {
    let ids = message.args.get("gap_ids").cloned().unwrap_or_default();
    let ids: Vec<SceneGapId> = serde_json::from_value(ids)?;
    let rows = gaps::gaps_fetch(conn, &ids)?;
    let Some(first) = rows.first() else { return Ok(None) };
    if service::decide(conn, reader, first, Action::IncidentRead)? != Decision::Allow {
        return Ok(None);
    }
    let (incident_id, assignment_id, now) = (first.incident_id, first.assignment_id, message.created_at);
    let gaps = rows.into_iter().map(|row| GapView::of(row, now)).collect();
    Ok(Some(serde_json::to_value(SceneGapData { incident_id, assignment_id, gaps })?))
}
