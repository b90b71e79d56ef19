//! Redacted copies: an object of its own that points to its original, never instead of it. It arrives by the doors that
//! everything arrives by, belongs to the same incidents and is kept in the same class.

use serde_json::json;

use super::super::access;
use super::super::custody::{Touch, TouchKind, touch};
use super::super::service::Arrived;
use super::super::store::{self, EvidenceRow};
use crate::platform::db::{Conn, Tx};
use crate::platform::policy::{Action, Actor};
use crate::words::error::{Error, Result};
use crate::words::ids::{EvidenceId, IncidentId};

/// The original, if this person may make a copy of it: whoever may read it.
///
/// Errors: `not_found`, `forbidden`, `erased`, `conflict` for the copy of a copy.
pub fn allow(conn: &mut Conn, actor: &Actor, original: &EvidenceId) -> Result<EvidenceRow> {
    let (row, _) = access::fetch_whole(conn, actor, original, Action::EvidenceContent)?;
    match row.redacted_of {
        Some(first) => {
            Err(Error::conflict("it is a redacted copy itself; name its original").with("redacts", json!(first)))
        }
        None => Ok(row),
    }
}

/// A copy shows less than its original. Errors: `invalid_field`.
pub fn differs(original: &EvidenceRow, sha256: &str) -> Result<()> {
    if original.sha256 == sha256 {
        return Err(Error::field("redacts", "names an original of the very same bytes"));
    }
    Ok(())
}

/// Joins a copy with the incidents of its original, and says in the original's custody that it was made. `known` is the
/// incident it was captured for, if any; gives the one whose room is told.
pub fn linked(
    tx: &mut Tx<'_>,
    arrived: &Arrived,
    id: &EvidenceId,
    original: &EvidenceId,
    known: Option<IncidentId>,
) -> Result<Option<IncidentId>> {
    let now = tx.now;
    let mut first = known;
    for incident in store::incidents_of(tx.conn(), original)? {
        if store::link_insert(tx.conn(), &incident, id, &arrived.author, now)? {
            said(tx, arrived, id, TouchKind::Linked, json!({ "incident_id": incident }))?;
        }
        first = first.or(Some(incident));
    }
    said(tx, arrived, original, TouchKind::Redacted, json!({ "copy_id": id, "sha256": arrived.sha256 }))?;
    Ok(first)
}

fn said(
    tx: &mut Tx<'_>,
    arrived: &Arrived,
    evidence: &EvidenceId,
    kind: TouchKind,
    detail: serde_json::Value,
) -> Result<()> {
    let (actor, device) = (Some(arrived.author), Some(arrived.device));
    touch(tx, Touch { evidence: Some(evidence), kind, actor, device, detail }).map(drop)
}
