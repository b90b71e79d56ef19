//! A file comes up: which recording it is, that it is stored now and where it belongs; or that it is something else.

use serde_json::{Value, json};

use super::super::access;
use super::super::store::{self, RecordingRow};
use super::super::view::Mark;
use super::super::who::camera_of;
use super::super::{EventKind, State};
use super::event;
use crate::duty::evidence::Kind;
use crate::duty::evidence::custody::{Touch, TouchKind, touch};
use crate::duty::evidence::rules::MARK_MS_MAX;
use crate::duty::evidence::service::Arrived;
use crate::duty::evidence::store::{self as items, MarkRow};
use crate::duty::evidence::uploads::metadata::Described;
use crate::duty::incidents::trail;
use crate::duty::officers::store as officers;
use crate::platform::ctx::Core;
use crate::platform::db::{Conn, Priority, Tx};
use crate::platform::policy::Actor;
use crate::words::error::{Code, Error, Result};
use crate::words::ids::{DeviceId, EvidenceId, IncidentId, MarkId, PersonId, RecordingId, UnitId};
use crate::words::time::Timestamp;

/// The recording that a device delivers: the one it names, if it may speak for its camera; else what it has announced
/// with this content.
pub fn announced(
    conn: &mut Conn,
    device: &DeviceId,
    named: Option<RecordingId>,
    sha256: Option<&str>,
    size: Option<i64>,
) -> Result<Option<RecordingRow>> {
    let Some(id) = named else {
        return match sha256 {
            Some(hash) => store::recording_by_content(conn, device, hash, size),
            None => Ok(None),
        };
    };
    let Some(row) = store::recording_find(conn, &id)? else { return Ok(None) };
    let speaker = officers::device_fetch(conn, device)?;
    match camera_of(conn, &speaker, &row.camera_id) {
        Ok(_) => Ok(Some(row)),
        Err(error) if error.is(Code::NotFound) || error.is(Code::Forbidden) => Ok(None),
        Err(error) => Err(error),
    }
}

/// Whose a dock's delivery is, and of when: the wearer's where he is known, else the keeper's of the dock until it is
/// decided; from the corrected beginning of the recording.
///
/// Errors: `not_found` for what this dock has not announced, `checksum_mismatch` for other content than was named, which
/// is noted.
pub async fn origin(
    core: &Core,
    actor: &Actor,
    described: &Described,
    size: Option<i64>,
) -> Result<(PersonId, Timestamp)> {
    let (device, named, hash) = (actor.device, described.recording, described.sha256.clone());
    let found = core.db.read(move |conn| announced(conn, &device, named, hash.as_deref(), size)).await?;
    let row = found.ok_or_else(|| Error::not_found("recording: a dock delivers what it has announced"))?;
    let other_hash = described.sha256.as_deref().filter(|hash| *hash != row.sha256);
    let other_size = size.filter(|size| *size != row.size);
    if other_hash.is_some() || other_size.is_some() {
        let (hash, size) = (other_hash.unwrap_or(&row.sha256).to_owned(), other_size.unwrap_or(row.size));
        differs(core, row.id, "at_dock", &hash, size, device).await?;
        return Err(mismatch(&row));
    }
    Ok((row.wearer_id.unwrap_or(actor.person), row.started_at))
}

fn mismatch(row: &RecordingRow) -> Error {
    Error::new(Code::ChecksumMismatch)
        .detail(format!("the camera named {} bytes with the SHA-256 {}", row.size, row.sha256))
        .with("recording_id", json!(row.id))
}

/// Notes that somewhere (`at_dock`, `delivered`) lies something else than the camera named; the same once.
pub async fn differs(
    core: &Core,
    id: RecordingId,
    place: &'static str,
    sha256: &str,
    size: i64,
    device: DeviceId,
) -> Result<()> {
    let data = json!({ "where": place, "sha256": sha256, "size": size });
    core.db
        .write(Priority::Normal, move |tx| {
            let now = tx.now;
            let line = event(id, now, EventKind::Differs, None, Some(device), &data);
            let known = store::events_of(tx.conn(), &id)?;
            if known.iter().any(|one| one.kind == EventKind::Differs && one.data == line.data) {
                return Ok(());
            }
            store::event_insert(tx.conn(), &line)
        })
        .await
}

/// The recording that an item about to be made is, if it is one.
pub fn arriving(conn: &mut Conn, arrived: &Arrived) -> Result<Option<RecordingRow>> {
    if arrived.kind == Kind::Photo {
        return Ok(None);
    }
    let found = announced(conn, &arrived.device, arrived.recording, Some(&arrived.sha256), Some(arrived.size))?;
    Ok(found.filter(|row| row.sha256 == arrived.sha256 && row.size == arrived.size))
}

/// What a recording's camera films once it was lost is for the custodian alone.
pub fn is_doubtful(conn: &mut Conn, row: &RecordingRow) -> Result<bool> {
    Ok(!officers::device_fetch(conn, &row.camera_id)?.is_active())
}

/// The unit of an item whose author only stands in for a wearer who is not known.
pub fn own_unit(row: &RecordingRow, arrived: &Arrived) -> Option<UnitId> {
    (row.wearer_id.is_none() && arrived.device != row.camera_id).then_some(row.unit_id)
}

/// What the custody of an item keeps of the recording it was.
pub fn said(row: &RecordingRow) -> Value {
    json!({
        "id": row.id,
        "camera_id": row.camera_id,
        "dock_id": row.dock_id,
        "raw_started_at": row.raw_started_at,
        "raw_ended_at": row.raw_ended_at,
        "clock_offset_ms": row.clock_offset_ms,
        "wearer_by": row.wearer_by,
        "held_statement": row.held_statement,
    })
}

/// A recording has become an item: it is stored, its marks and the incidents it shows are the item's. `told` is the
/// incident it was captured for; gives it, or the first of those it shows, for whom it is to be told.
pub fn filed(
    tx: &mut Tx<'_>,
    row: &RecordingRow,
    arrived: &Arrived,
    evidence: EvidenceId,
    told: Option<IncidentId>,
) -> Result<Option<IncidentId>> {
    let now = tx.now;
    let row = store::recording_lock(tx.conn(), &row.id)?;
    if row.state == State::Stored {
        return Ok(told);
    }
    let row = RecordingRow {
        state: State::Stored,
        evidence_id: Some(evidence),
        missing_since: None,
        version: row.version + 1,
        ..row
    };
    store::recording_save(tx.conn(), &row)?;
    let data = json!({ "evidence_id": evidence });
    store::event_insert(tx.conn(), &event(row.id, now, EventKind::Stored, None, Some(arrived.device), &data))?;
    marked(tx, &row, arrived, &evidence)?;
    let joined = linked(tx, &row, &evidence, arrived.author, arrived.device)?;
    let told = told.or_else(|| joined.first().copied());
    let withheld = items::evidence_fetch(tx.conn(), &evidence)?.quarantined;
    for incident in joined.iter().filter(|incident| !withheld && Some(**incident) != told) {
        trail::entry(tx, incident, "evidence.linked", Some(arrived.author), data.clone())?;
    }
    Ok(told)
}

/// The camera's marks are clip marks of the item, within it.
fn marked(tx: &mut Tx<'_>, row: &RecordingRow, arrived: &Arrived, evidence: &EvidenceId) -> Result<()> {
    let marks: Vec<Mark> = serde_json::from_str(&row.marks)?;
    let length = row.raw_ended_at.millis_since(row.raw_started_at).clamp(0, MARK_MS_MAX);
    let now = tx.now;
    for mark in marks {
        let at_ms = mark.at.millis_since(row.raw_started_at).clamp(0, length);
        let line = MarkRow {
            id: MarkId::new(),
            evidence_id: *evidence,
            from_ms: at_ms,
            to_ms: at_ms,
            text: mark.text,
            by_person_id: arrived.author,
            at: now,
        };
        items::mark_insert(tx.conn(), &line)?;
        let detail = json!({
            "mark_id": line.id, "from_ms": line.from_ms, "to_ms": line.to_ms, "text": line.text, "by": "camera",
        });
        let (actor, device) = (Some(arrived.author), Some(arrived.device));
        touch(tx, Touch { evidence: Some(evidence), kind: TouchKind::Marked, actor, device, detail })?;
    }
    Ok(())
}

/// Joins the item with every incident its wearer was sent to while it ran; gives those that are new.
pub fn linked(
    tx: &mut Tx<'_>,
    row: &RecordingRow,
    evidence: &EvidenceId,
    by: PersonId,
    device: DeviceId,
) -> Result<Vec<IncidentId>> {
    let now = tx.now;
    let parts = access::parts_of(tx.conn(), std::slice::from_ref(row))?;
    let mut joined = Vec::new();
    for incident in access::overlapping(&parts, row) {
        if !items::link_insert(tx.conn(), &incident, evidence, &by, now)? {
            continue;
        }
        let detail = json!({ "incident_id": incident, "rule": "wearer_was_sent" });
        let (actor, device) = (Some(by), Some(device));
        touch(tx, Touch { evidence: Some(evidence), kind: TouchKind::Linked, actor, device, detail })?;
        joined.push(incident);
    }
    Ok(joined)
}
