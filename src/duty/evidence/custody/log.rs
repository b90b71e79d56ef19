//! The one way a touch is written down: an unnumbered entry in the transaction of the deed.

use serde::Serialize;
use serde_json::Value;

use super::entry::{Entry, SALT_LEN, TouchKind, canonical, leaf_of};
use crate::duty::evidence::store::custody::{self as store, EntryRow};
use crate::platform::db::{Conn, Tx};
use crate::platform::keys;
use crate::platform::policy::Actor;
use crate::words::error::{Error, Result};
use crate::words::ids::{CustodyId, DeviceId, EvidenceId, PersonId};
use crate::words::time::Timestamp;

/// What was done, by whom, with what.
#[derive(Clone, Debug)]
pub struct Touch<'a> {
    /// The item; none when the log itself was read.
    pub evidence: Option<&'a EvidenceId>,
    pub kind: TouchKind,
    /// None: the server by itself.
    pub actor: Option<PersonId>,
    pub device: Option<DeviceId>,
    /// What else there is to say, as an object.
    pub detail: Value,
}

impl<'a> Touch<'a> {
    /// What a person did with the device he holds.
    pub fn by(actor: &Actor, evidence: Option<&'a EvidenceId>, kind: TouchKind, detail: Value) -> Self {
        Self { evidence, kind, actor: Some(actor.person), device: Some(actor.device), detail }
    }
}

/// Writes a touch down. It is in the log when the transaction commits; the sequencer gives it its number soon after.
pub fn touch(tx: &mut Tx<'_>, touch: Touch<'_>) -> Result<CustodyId> {
    let row = made(&touch, tx.now)?;
    store::entry_insert(tx.conn(), &row)?;
    Ok(row.id)
}

fn made(touch: &Touch<'_>, at: Timestamp) -> Result<EntryRow> {
    let mut salt = vec![0; SALT_LEN];
    keys::fill_random(&mut salt)?;
    let detail = if touch.detail.is_null() { "{}".to_owned() } else { canonical(&touch.detail) };
    let mut row = EntryRow {
        id: CustodyId::new(),
        evidence_id: touch.evidence.copied(),
        kind: touch.kind,
        actor_id: touch.actor,
        device_id: touch.device,
        at,
        detail: Some(detail),
        salt: None,
        leaf: Vec::new(),
        n: None,
    };
    let text = entry_text(&row).ok_or_else(|| Error::internal("an entry that says nothing"))?;
    row.leaf = leaf_of(&salt, &text).to_vec();
    row.salt = Some(salt);
    Ok(row)
}

/// The exact text of an entry; none when it was erased.
pub fn entry_text(row: &EntryRow) -> Option<String> {
    let id = row.id.to_string();
    let evidence = row.evidence_id.map(|id| id.to_string());
    let actor = row.actor_id.map(|id| id.to_string());
    let device = row.device_id.map(|id| id.to_string());
    let entry = Entry {
        id: &id,
        evidence_id: evidence.as_deref(),
        kind: row.kind.as_str(),
        actor_id: actor.as_deref(),
        device_id: device.as_deref(),
        at: row.at,
        detail: row.detail.as_deref()?,
    };
    Some(entry.text())
}

/// Writes down that the item was deleted and blanks what the entries before it said. The tree stays as it was; whoever
/// verifies it is told that they were erased, and by which entry.
pub fn erase(tx: &mut Tx<'_>, deletion: Touch<'_>) -> Result<CustodyId> {
    let evidence = deletion.evidence.copied();
    let id = touch(tx, Touch { kind: TouchKind::Deleted, ..deletion })?;
    if let Some(evidence) = evidence {
        let at = tx.now;
        store::entries_blank(tx.conn(), &evidence, at, &id)?;
    }
    Ok(id)
}

/// An entry as it is shown.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
pub struct EntryView {
    pub id: CustodyId,
    pub kind: TouchKind,
    /// Null where the server acted by itself.
    pub actor_id: Option<PersonId>,
    pub device_id: Option<DeviceId>,
    pub at: Timestamp,
    /// Null when it was erased with the item.
    #[schema(value_type = Option<Object>)]
    pub detail: Option<Value>,
    /// Its number in the log; null for the moment until it has one.
    pub n: Option<i64>,
}

/// Every touch of an item, oldest first. Whoever asks for it leaves a touch himself: see the callers.
pub fn entries_of(conn: &mut Conn, evidence: &EvidenceId) -> Result<Vec<EntryView>> {
    store::entries_of(conn, evidence)?.iter().map(view).collect()
}

/// An entry's form on the wire.
pub fn view(row: &EntryRow) -> Result<EntryView> {
    Ok(EntryView {
        id: row.id,
        kind: row.kind,
        actor_id: row.actor_id,
        device_id: row.device_id,
        at: row.at,
        detail: row.detail.as_deref().map(serde_json::from_str).transpose()?,
        n: row.n,
    })
}
