//! A camera is docked: what it holds is known at once, what it no longer holds is named, and the dock learns in which
//! order to bring the files.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::super::messages::{self, Change};
use super::super::rules::{self, Line, Named, Segment, Turn};
use super::super::store::{self, EventRow, ManifestRow, RecordingRow};
use super::super::view::Mark;
use super::super::who::{Camera, Speaker, Spoken, camera_of};
use super::super::{EventKind, State, WearerBy, access};
use super::event;
use crate::duty::evidence::custody::{Touch, TouchKind, touch};
use crate::duty::evidence::rules::sha256;
use crate::platform::db::{Conn, Priority, Tx};
use crate::platform::policy::DeviceKind;
use crate::words::error::{Error, Result};
use crate::words::ids::{DeviceId, EvidenceId, ManifestId, RecordingId};
use crate::words::time::Timestamp;

/// Everything a camera holds.
#[derive(Clone, Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    /// The camera's clock less the true time, as the dock read both. What was named before keeps the offset of then.
    pub clock_offset_ms: i64,
    /// At most 2,000.
    pub recordings: Vec<Announced>,
}

/// One recording on a camera. Times are the camera's own.
#[derive(Clone, Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Announced {
    /// A UUID, the same in every manifest.
    pub recording_id: RecordingId,
    /// Hex.
    pub sha256: String,
    pub started_at: Timestamp,
    pub ended_at: Timestamp,
    /// Bytes.
    pub size: i64,
    /// At most 300.
    #[serde(default)]
    pub marks: Vec<Mark>,
}

/// What the dock is to do.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
pub struct ManifestAnswer {
    /// The camera.
    pub device_id: DeviceId,
    /// What was named, in the order in which it is to be brought: what the room waits for, what belongs to an open
    /// incident, then whose 24 hours end first. What is stored comes last.
    pub recordings: Vec<Order>,
    /// What the camera once had, has no longer, and nobody has signed for; the latest 500.
    pub missing: Vec<RecordingId>,
    /// Everything that was on it is signed for by a dock or stored.
    pub may_be_emptied: bool,
}

/// One recording, as its turn comes.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
pub struct Order {
    pub recording_id: RecordingId,
    #[schema(inline)]
    pub state: State,
    /// The server does not have it.
    pub upload: bool,
    /// The room waits for it.
    pub wanted: bool,
    /// Its wearer was on an incident then that is open, or is held.
    pub bound_to_case: bool,
    /// 24 hours after its end.
    pub deadline_at: Timestamp,
    /// The item it is, once it is stored.
    pub evidence_id: Option<EvidenceId>,
    /// A dock has signed for it or it is stored: the camera may let go of it.
    pub may_delete: bool,
}

/// A manifest that was read, with whom and what it is about.
struct Taken {
    camera: Camera,
    speaker: Speaker,
    body_hash: String,
    clock_offset_ms: i64,
    recordings: Vec<Announced>,
}

/// Takes a manifest; the same one again changes nothing. `body_hash` is the SHA-256 of the body as it came, hex.
///
/// Errors: `invalid_field`; `forbidden`, `not_found` of the camera; `conflict` for the id of another camera's recording,
/// and for a manifest that was signed before the last one of the same dock.
pub async fn announce(spoken: Spoken<Manifest>, camera: DeviceId, body_hash: String) -> Result<ManifestAnswer> {
    let Spoken { core, speaker, value } = spoken;
    let device = speaker.device.clone();
    let camera = core.db.read(move |conn| camera_of(conn, &device, &camera)).await?;
    rules::check_offset(value.clock_offset_ms)?;
    let recordings = checked(value.recordings, value.clock_offset_ms, core.config.evidence.max_upload_bytes)?;
    let id = camera.device.id;
    let ids: Vec<RecordingId> = recordings.iter().map(|named| named.recording_id).collect();
    let taken = Arc::new(Taken { camera, speaker, body_hash, clock_offset_ms: value.clock_offset_ms, recordings });
    // Nobody waits at a desk: whatever does goes before.
    core.db.write(Priority::Background, move |tx| apply(tx, &taken)).await?;
    core.db.read(move |conn| answer(conn, id, &ids)).await
}

/// Errors: `invalid_field`.
fn checked(mut recordings: Vec<Announced>, offset_ms: i64, size_max: i64) -> Result<Vec<Announced>> {
    if recordings.len() > rules::RECORDINGS_MAX {
        return Err(Error::field("recordings", format!("must be at most {}", rules::RECORDINGS_MAX)));
    }
    let mut ids = HashSet::with_capacity(recordings.len());
    for (n, one) in recordings.iter_mut().enumerate() {
        if !ids.insert(one.recording_id) {
            return Err(Error::field(&format!("recordings[{n}].recording_id"), "is there twice"));
        }
        one.sha256 = sha256(&one.sha256)
            .map_err(|_wrong: Error| Error::field(&format!("recordings[{n}].sha256"), "must be 64 hex digits"))?;
        let marks: Vec<&str> = one.marks.iter().map(|mark| mark.text.as_str()).collect();
        let named = Named { size: one.size, started_at: one.started_at, ended_at: one.ended_at, marks: &marks };
        rules::check_recording(n, &named, size_max)?;
        if rules::corrected(one.started_at, offset_ms) < Timestamp::EPOCH {
            return Err(Error::field(
                &format!("recordings[{n}].started_at"),
                "lies before 1970 once the offset is taken off",
            ));
        }
    }
    Ok(recordings)
}

/// What a manifest does to what is known.
#[derive(Default)]
struct Outcome {
    fresh: Vec<RecordingRow>,
    changed: Vec<RecordingRow>,
    /// Known, and in another dock than before.
    moved: Vec<RecordingId>,
    vanished: Vec<RecordingId>,
    events: Vec<EventRow>,
    returned: i64,
}

/// The recipe.
fn apply(tx: &mut Tx<'_>, taken: &Taken) -> Result<()> {
    let (camera, speaker) = (taken.camera.device.id, taken.speaker.device.id);
    store::camera_lock(tx.conn(), &camera)?;
    let last = store::manifest_last(tx.conn(), &camera)?.filter(|last| last.announced_by == speaker);
    if last.as_ref().is_some_and(|last| last.signed_at > taken.speaker.signed_at) {
        // A manifest of before would make what came since look lost.
        return Err(Error::conflict("a later manifest of this camera is known"));
    }
    let ids: Vec<RecordingId> = taken.recordings.iter().map(|named| named.recording_id).collect();
    let known: HashMap<RecordingId, RecordingRow> =
        store::recordings_fetch(tx.conn(), &ids)?.into_iter().map(|row| (row.id, row)).collect();
    if let Some(other) = known.values().find(|row| row.camera_id != camera) {
        return Err(Error::conflict("a recording of this id is another camera's").with("recording_id", json!(other.id)));
    }
    // The same word for word: nothing to do.
    let again = last.filter(|last| last.sha256 == taken.body_hash);
    if let Some(last) = again
        && known.len() == ids.len()
        && known.values().all(|row| row.state != State::Missing)
    {
        return store::manifest_signed(tx.conn(), &last.id, taken.speaker.signed_at);
    }
    let outcome = judged(tx, taken, &known)?;
    write(tx, taken, outcome)
}

/// What is new, what came back, what is something else now, and what is gone.
fn judged(tx: &mut Tx<'_>, taken: &Taken, known: &HashMap<RecordingId, RecordingRow>) -> Result<Outcome> {
    let (now, camera, speaker) = (tx.now, taken.camera.device.id, &taken.speaker.device);
    let dock = (speaker.kind == DeviceKind::Dock).then_some(speaker.id);
    let mut out = Outcome::default();
    for named in &taken.recordings {
        let Some(before) = known.get(&named.recording_id) else {
            out.fresh.push(fresh(taken, named, now)?);
            continue;
        };
        let mut row = before.clone();
        let mut note = |kind: EventKind, data: Value| {
            out.events.push(event(named.recording_id, now, kind, None, Some(speaker.id), &data));
        };
        let same = row.sha256 == named.sha256 && row.size == named.size;
        if row.state.is_signed_for() {
            if !same {
                let data = json!({ "where": "on_camera", "sha256": named.sha256, "size": named.size });
                note(EventKind::Differs, data);
            }
            continue;
        }
        if !same || row.raw_started_at != named.started_at || row.raw_ended_at != named.ended_at {
            let data = json!({ "sha256": row.sha256, "size": row.size,
                "raw_started_at": row.raw_started_at, "raw_ended_at": row.raw_ended_at });
            note(EventKind::Changed, data);
            row.sha256.clone_from(&named.sha256);
            row.size = named.size;
            row.raw_started_at = named.started_at;
            row.raw_ended_at = named.ended_at;
            row.started_at = rules::corrected(named.started_at, row.clock_offset_ms);
            row.ended_at = rules::corrected(named.ended_at, row.clock_offset_ms);
        }
        if row.state == State::Missing {
            note(EventKind::Returned, json!({ "missing_since": row.missing_since }));
            row.state = State::OnCamera;
            row.missing_since = None;
            out.returned += 1;
        }
        row.marks = serde_json::to_string(&named.marks)?;
        // The camera may say it by itself; the dock it hung in stays known.
        let to = dock.or(row.dock_id);
        if row != *before {
            row.dock_id = to;
            row.version += 1;
            out.changed.push(row);
        } else if row.dock_id != to {
            out.moved.push(row.id);
        }
    }
    let named: HashSet<RecordingId> = taken.recordings.iter().map(|named| named.recording_id).collect();
    for row in store::recordings_on_camera(tx.conn(), &camera)? {
        if !named.contains(&row.id) {
            out.events.push(event(row.id, now, EventKind::Vanished, None, Some(speaker.id), &json!({})));
            out.vanished.push(row.id);
        }
    }
    Ok(out)
}

/// A recording as it is named for the first time; who wore it and what it joins is found for all of them together.
fn fresh(taken: &Taken, named: &Announced, now: Timestamp) -> Result<RecordingRow> {
    let speaker = &taken.speaker.device;
    Ok(RecordingRow {
        id: named.recording_id,
        camera_id: taken.camera.device.id,
        dock_id: (speaker.kind == DeviceKind::Dock).then_some(speaker.id),
        unit_id: taken.camera.unit,
        group_id: named.recording_id,
        sha256: named.sha256.clone(),
        size: named.size,
        raw_started_at: named.started_at,
        raw_ended_at: named.ended_at,
        clock_offset_ms: taken.clock_offset_ms,
        started_at: rules::corrected(named.started_at, taken.clock_offset_ms),
        ended_at: rules::corrected(named.ended_at, taken.clock_offset_ms),
        marks: serde_json::to_string(&named.marks)?,
        state: State::OnCamera,
        wearer_id: None,
        wearer_by: WearerBy::Nobody,
        evidence_id: None,
        held_at: None,
        held_statement: None,
        held_signature: None,
        wanted_at: None,
        wanted_by: None,
        announced_at: now,
        missing_since: None,
        version: 1,
    })
}

/// Writes an outcome down: rows, trail, manifest, custody, and a word to the room.
fn write(tx: &mut Tx<'_>, taken: &Taken, mut out: Outcome) -> Result<()> {
    let (now, camera, speaker) = (tx.now, taken.camera.device.id, taken.speaker.device.id);
    stored_before(tx, taken, &mut out)?;
    worn(tx.conn(), &camera, &mut out.fresh)?;
    worn(tx.conn(), &camera, &mut out.changed)?;
    joined(tx.conn(), &camera, &mut out.fresh)?;
    store::recordings_insert(tx.conn(), &out.fresh)?;
    for row in &out.changed {
        store::recording_save(tx.conn(), row)?;
    }
    store::recordings_move(tx.conn(), &out.moved, &speaker)?;
    store::recordings_vanish(tx.conn(), &out.vanished, now)?;
    store::events_insert(tx.conn(), &out.events)?;
    let count = |n: usize| i64::try_from(n).map_err(Error::internal);
    let (fresh, vanished) = (count(out.fresh.len())?, count(out.vanished.len())?);
    store::manifest_insert(
        tx.conn(),
        &ManifestRow {
            id: ManifestId::new(),
            camera_id: camera,
            announced_by: speaker,
            signed_at: taken.speaker.signed_at,
            at: now,
            sha256: taken.body_hash.clone(),
            clock_offset_ms: taken.clock_offset_ms,
            recordings: count(taken.recordings.len())?,
            fresh,
            vanished,
        },
    )?;
    touch(
        tx,
        Touch {
            evidence: None,
            kind: TouchKind::Announced,
            actor: None,
            device: Some(speaker),
            detail: json!({
                "camera_id": camera, "manifest_sha256": taken.body_hash, "clock_offset_ms": taken.clock_offset_ms,
                "recordings": taken.recordings.len(), "fresh": fresh, "vanished": out.vanished,
            }),
        },
    )?;
    if fresh + vanished + out.returned > 0 {
        let on_camera = store::recordings_unsigned(tx.conn(), &camera)?;
        messages::tell_room(tx, &camera, &taken.camera.unit, Change { fresh, missing: vanished, on_camera })?;
    }
    Ok(())
}

/// What came up before it was named, by the camera itself or from another docking, is stored already.
fn stored_before(tx: &mut Tx<'_>, taken: &Taken, out: &mut Outcome) -> Result<()> {
    let now = tx.now;
    let devices = [taken.camera.device.id, taken.speaker.device.id];
    let hashes: Vec<String> = out.fresh.iter().map(|row| row.sha256.clone()).collect();
    let items = store::evidence_by_content(tx.conn(), &devices, &hashes)?;
    for row in &mut out.fresh {
        let found = items.iter().find(|(hash, size, _)| *hash == row.sha256 && *size == row.size);
        if let Some((_, _, evidence)) = found {
            row.state = State::Stored;
            row.evidence_id = Some(*evidence);
            let data = json!({ "evidence_id": evidence });
            out.events.push(event(row.id, now, EventKind::Stored, None, Some(taken.speaker.device.id), &data));
        }
    }
    Ok(())
}

/// The first and the last instant of these.
fn bounds(rows: &[RecordingRow]) -> Option<(Timestamp, Timestamp)> {
    Some((rows.iter().map(|row| row.started_at).min()?, rows.iter().map(|row| row.ended_at).max()?))
}

/// Who wore the camera, by the issue log, where nobody has decided.
fn worn(conn: &mut Conn, camera: &DeviceId, rows: &mut [RecordingRow]) -> Result<()> {
    let Some((from, to)) = bounds(rows) else { return Ok(()) };
    let log: Vec<Line> = store::issues_between(conn, camera, from, to)?;
    for row in rows.iter_mut().filter(|row| row.wearer_by != WearerBy::Decision) {
        (row.wearer_id, row.wearer_by) = rules::wearer(&log, row.started_at, row.ended_at);
    }
    Ok(())
}

/// Which of them are segments of one recording, also with those that are known.
fn joined(conn: &mut Conn, camera: &DeviceId, rows: &mut [RecordingRow]) -> Result<()> {
    let Some((from, to)) = bounds(rows) else { return Ok(()) };
    let near = store::recordings_near(
        conn,
        camera,
        from.plus_millis(-rules::JOIN_GAP_MS),
        to.plus_millis(rules::JOIN_GAP_MS),
    )?;
    let mut segments: Vec<Segment> = near
        .iter()
        .chain(rows.iter())
        .map(|row| Segment { id: row.id, group: row.group_id, from: row.started_at, to: row.ended_at })
        .collect();
    let renamed = rules::join(&mut segments);
    let mut own = HashSet::with_capacity(rows.len());
    for row in rows {
        own.insert(row.id);
        if let Some(group) = renamed.get(&row.group_id) {
            row.group_id = *group;
        }
    }
    for (from, to) in renamed.iter().filter(|(from, _)| !own.contains(*from)) {
        store::groups_rename(conn, from, to)?;
    }
    Ok(())
}

/// What the dock is told, from what is known now.
fn answer(conn: &mut Conn, camera: DeviceId, ids: &[RecordingId]) -> Result<ManifestAnswer> {
    let rows = store::recordings_fetch(conn, ids)?;
    let parts = access::parts_of(conn, &rows)?;
    let mut incidents: Vec<_> = parts.iter().map(|part| part.incident).collect();
    incidents.sort_unstable();
    incidents.dedup();
    let bound: HashSet<_> = store::incidents_bound(conn, &incidents)?.into_iter().collect();
    let mut turns: Vec<Turn> = rows
        .iter()
        .map(|row| Turn {
            id: row.id,
            state: row.state,
            wanted_at: row.wanted_at,
            bound: access::overlapping(&parts, row).any(|incident| bound.contains(&incident)),
            ended_at: row.ended_at,
        })
        .collect();
    rules::order(&mut turns);
    let items: HashMap<RecordingId, EvidenceId> =
        rows.iter().filter_map(|row| Some((row.id, row.evidence_id?))).collect();
    let recordings = turns
        .into_iter()
        .map(|turn| Order {
            recording_id: turn.id,
            state: turn.state,
            upload: turn.state != State::Stored,
            wanted: turn.wanted_at.is_some() && turn.state.is_owed(),
            bound_to_case: turn.bound,
            deadline_at: rules::deadline(turn.ended_at),
            evidence_id: items.get(&turn.id).copied(),
            may_delete: turn.state.is_signed_for(),
        })
        .collect();
    Ok(ManifestAnswer {
        device_id: camera,
        recordings,
        missing: store::missing_of(conn, &camera)?,
        may_be_emptied: store::recordings_unsigned(conn, &camera)? == 0,
    })
}
