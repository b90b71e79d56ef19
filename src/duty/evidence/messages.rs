//! What the room in command receives: something has arrived, and whether it can be looked at already.

use serde::Serialize;
use serde_json::{Value, json};

use super::media::facts::MediaView;
use super::recordings;
use super::store::{self, EvidenceRow};
use super::{Kind, access};
use crate::duty::incidents::store as incidents;
use crate::duty::officers::store as officers;
use crate::platform::db::{Conn, Tx};
use crate::platform::policy::{Action, Actor, Decision};
use crate::platform::push::outbox::{self, Draft, Envelope, Subject};
use crate::words::error::Result;
use crate::words::ids::{EvidenceId, IncidentId};

/// An item is stored; a photo has its previews and a recording its length, or never will have. Must-deliver.
pub const RECEIVED: &str = "evidence.received";

/// The body of `evidence.received`.
#[derive(Clone, Debug, Serialize, schemars::JsonSchema)]
pub struct EvidenceReceived {
    pub evidence_id: EvidenceId,
    /// Null when it was captured for none.
    pub incident_id: Option<IncidentId>,
    pub kind: Kind,
    /// Of a recording: what its container says; absent until that was read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub media: Option<MediaView>,
    /// `GET /evidence/{id}/preview?px=320` has something to show.
    pub preview: bool,
}

/// Tells the seats of the unit in command: of the incident's, or of the author's where there is none. What waits for
/// the custodian is nobody else's to know of.
pub fn tell_room(tx: &mut Tx<'_>, row: &EvidenceRow, incident: Option<IncidentId>, preview: bool) -> Result<()> {
    if row.quarantined {
        return Ok(());
    }
    let unit = match incident {
        Some(id) => incidents::incident_fetch(tx.conn(), &id)?.unit_id,
        None => row.unit_id,
    };
    let (_, seats) = officers::seats_or_parent(tx.conn(), &unit)?;
    if seats.is_empty() {
        return Ok(());
    }
    outbox::send(
        tx,
        &seats,
        &Draft {
            kind: RECEIVED,
            subject: Subject::new("evidence", row.id),
            version: row.version,
            args: json!({ "evidence_id": row.id, "incident_id": incident, "preview": preview }),
            urgent: false,
        },
    )?;
    Ok(())
}

/// The body for this reader today; none when he may no longer know of the item, or its bytes have lawfully gone.
pub fn render(conn: &mut Conn, reader: &Actor, message: &Envelope) -> Result<Option<Value>> {
    if message.kind == recordings::messages::RECORDINGS {
        return recordings::messages::render(conn, reader, message);
    }
    let id: EvidenceId = message.subject.id.parse()?;
    let Some(row) = store::evidence_find(conn, &id)? else { return Ok(None) };
    let may = access::sight(conn, reader, &row)?.decide(reader, Action::EvidenceRead) == Decision::Allow;
    if !may || row.gone_at.is_some() {
        return Ok(None);
    }
    let incident_id = match message.args.get("incident_id").and_then(Value::as_str) {
        Some(text) => Some(text.parse()?),
        None => None,
    };
    let preview = message.args.get("preview").and_then(Value::as_bool).unwrap_or(false);
    let media = store::media::media_find(conn, &row.id)?.map(MediaView::from);
    let body = EvidenceReceived { evidence_id: row.id, incident_id, kind: row.kind, media, preview };
    Ok(Some(serde_json::to_value(body)?))
}
