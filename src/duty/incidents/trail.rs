//! The timeline of an incident and the ordered feed back to its source.

use serde_json::{Value, json};

use super::store::feed::{self, FeedRow};
use super::store::{self, EntryRow, IncidentRow};
use crate::platform::db::{Hot, Tx};
use crate::words::error::Result;
use crate::words::ids::{IncidentId, NoteId, PersonId};

/// Adds a line to the incident's timeline.
pub fn entry(tx: &mut Tx<'_>, id: &IncidentId, kind: &str, actor: Option<PersonId>, data: Value) -> Result<()> {
    let at = tx.now;
    store::entry_insert(
        tx.conn(),
        &EntryRow { id: NoteId::new(), incident_id: *id, at, kind: kind.to_owned(), actor, data: data.to_string() },
    )
}

/// Adds a change to the feed of the incident's source; numbered without gaps, at the end of the transaction.
pub fn feed_append(tx: &mut Tx<'_>, row: &IncidentRow, kind: &str, data: &Value) {
    let mut change = FeedRow {
        source: row.source.clone(),
        seq: 0,
        at: tx.now,
        kind: kind.to_owned(),
        incident_id: row.id,
        external_no: row.external_no.clone(),
        data: data.to_string(),
    };
    tx.at_end(Hot::Feed(row.source.clone()), move |tx| {
        change.seq = feed::seq_take(tx.conn(), &change.source)?;
        feed::feed_insert(tx.conn(), &change)
    });
}

/// The feed's form on the wire, REST and webhook alike.
pub fn feed_view(row: &FeedRow) -> Result<Value> {
    Ok(json!({
        "source": row.source,
        "seq": row.seq,
        "at": row.at,
        "kind": row.kind,
        "incident_id": row.incident_id,
        "external_no": row.external_no,
        "data": serde_json::from_str::<Value>(&row.data)?,
    }))
}
