//! Recordings, what happened to them, and the manifests that named them.

use diesel::prelude::*;

use super::super::{EventKind, State, WearerBy};
use crate::platform::db::schema::{device, manifest, recording, recording_event};
use crate::platform::db::{Conn, kept, straight};
use crate::words::error::{Error, Result};
use crate::words::ids::{DeviceId, EvidenceId, ManifestId, NoteId, PersonId, RecordingId, UnitId};
use crate::words::time::Timestamp;
use crate::{lock_row, per_backend};

/// Rows of one insert; bounds the bind parameters of a statement.
const BATCH: usize = 500;

/// One recording as a camera named it: a segment of film. Times without `raw` are corrected by the camera's offset.
#[derive(Clone, Debug, PartialEq, Queryable, Insertable, Identifiable, AsChangeset)]
#[diesel(table_name = recording, treat_none_as_default_value = false, treat_none_as_null = true)]
pub struct RecordingRow {
    pub id: RecordingId,
    pub camera_id: DeviceId,
    /// The dock that named it last, or has it; none when only the camera itself has spoken.
    pub dock_id: Option<DeviceId>,
    /// The camera's unit when it was named first.
    pub unit_id: UnitId,
    /// The first segment of the recording it belongs to.
    pub group_id: RecordingId,
    pub sha256: String,
    pub size: i64,
    pub raw_started_at: Timestamp,
    pub raw_ended_at: Timestamp,
    /// The camera's clock less the true time, at the docking that named it first.
    pub clock_offset_ms: i64,
    pub started_at: Timestamp,
    pub ended_at: Timestamp,
    /// JSON list of `{at, text}` by the camera's clock.
    pub marks: String,
    pub state: State,
    pub wearer_id: Option<PersonId>,
    pub wearer_by: WearerBy,
    pub evidence_id: Option<EvidenceId>,
    pub held_at: Option<Timestamp>,
    /// The exact text the dock signed.
    pub held_statement: Option<String>,
    pub held_signature: Option<Vec<u8>>,
    /// When the room asked for it first.
    pub wanted_at: Option<Timestamp>,
    pub wanted_by: Option<PersonId>,
    pub announced_at: Timestamp,
    pub missing_since: Option<Timestamp>,
    pub version: i64,
}

/// Something that happened to a recording; `data` is JSON.
#[derive(Clone, Debug, Queryable, Insertable)]
#[diesel(table_name = recording_event, treat_none_as_default_value = false)]
pub struct EventRow {
    pub id: NoteId,
    pub recording_id: RecordingId,
    pub at: Timestamp,
    pub kind: EventKind,
    pub person_id: Option<PersonId>,
    pub device_id: Option<DeviceId>,
    pub data: String,
}

/// One manifest that brought something, or another word than the one before.
#[derive(Clone, Debug, Queryable, Insertable)]
#[diesel(table_name = manifest)]
pub struct ManifestRow {
    pub id: ManifestId,
    pub camera_id: DeviceId,
    /// The dock, or the camera itself.
    pub announced_by: DeviceId,
    /// By the announcer's own clock.
    pub signed_at: Timestamp,
    pub at: Timestamp,
    /// Of the body as it came, hex.
    pub sha256: String,
    pub clock_offset_ms: i64,
    pub recordings: i64,
    pub fresh: i64,
    pub vanished: i64,
}

/// Errors: `not_found`.
pub fn recording_fetch(conn: &mut Conn, id: &RecordingId) -> Result<RecordingRow> {
    recording_find(conn, id)?.ok_or_else(|| Error::not_found("recording"))
}

pub fn recording_find(conn: &mut Conn, id: &RecordingId) -> Result<Option<RecordingRow>> {
    Ok(straight::one(conn, recording::table.find(id))?)
}

/// Those of these that are known, in no order.
pub fn recordings_fetch(conn: &mut Conn, ids: &[RecordingId]) -> Result<Vec<RecordingRow>> {
    Ok(recording::table.filter(recording::id.eq_any(ids)).load(conn)?)
}

/// What this camera still has as far as is known.
pub fn recordings_on_camera(conn: &mut Conn, camera: &DeviceId) -> Result<Vec<RecordingRow>> {
    Ok(recording::table
        .filter(recording::camera_id.eq(camera))
        .filter(recording::state.eq(State::OnCamera))
        .order((recording::started_at.asc(), recording::id.asc()))
        .load(conn)?)
}

/// How many of a camera's recordings nobody has signed for.
pub fn recordings_unsigned(conn: &mut Conn, camera: &DeviceId) -> Result<i64> {
    Ok(recording::table
        .filter(recording::camera_id.eq(camera))
        .filter(recording::state.eq(State::OnCamera))
        .count()
        .get_result(conn)?)
}

/// A camera's recordings that lie between two instants, or reach into them.
pub fn recordings_near(
    conn: &mut Conn,
    camera: &DeviceId,
    from: Timestamp,
    to: Timestamp,
) -> Result<Vec<RecordingRow>> {
    Ok(recording::table
        .filter(recording::camera_id.eq(camera))
        .filter(recording::started_at.le(to))
        .filter(recording::ended_at.ge(from))
        .order((recording::started_at.asc(), recording::id.asc()))
        .load(conn)?)
}

/// The segments of one recording, in order.
pub fn group_of(conn: &mut Conn, group: &RecordingId) -> Result<Vec<RecordingRow>> {
    Ok(recording::table
        .filter(recording::group_id.eq(group))
        .order((recording::started_at.asc(), recording::id.asc()))
        .load(conn)?)
}

/// What this device has announced with this content; what is not stored yet first.
pub fn recording_by_content(
    conn: &mut Conn,
    device: &DeviceId,
    sha256: &str,
    size: Option<i64>,
) -> Result<Option<RecordingRow>> {
    let found: Vec<RecordingRow> = recording::table
        .filter(recording::sha256.eq(sha256))
        .filter(recording::camera_id.eq(device).or(recording::dock_id.eq(device)))
        .order((recording::started_at.asc(), recording::id.asc()))
        .load(conn)?;
    let mut fits: Vec<RecordingRow> =
        found.into_iter().filter(|row| size.is_none_or(|size| size == row.size)).collect();
    // Stable: the earliest of either kind.
    fits.sort_by_key(|row| row.state == State::Stored);
    Ok(fits.into_iter().next())
}

/// Adds them; one that another delivery has just added stays as it is.
pub fn recordings_insert(conn: &mut Conn, rows: &[RecordingRow]) -> Result<()> {
    for chunk in rows.chunks(BATCH) {
        per_backend!(conn, |c| diesel::insert_into(recording::table)
            .values(chunk)
            .on_conflict_do_nothing()
            .execute(c))?;
    }
    Ok(())
}

/// Writes the whole row back.
pub fn recording_save(conn: &mut Conn, row: &RecordingRow) -> Result<()> {
    kept::execute(conn, diesel::update(recording::table.find(&row.id)).set(row))?;
    Ok(())
}

/// A group has become part of another one.
pub fn groups_rename(conn: &mut Conn, from: &RecordingId, to: &RecordingId) -> Result<()> {
    diesel::update(recording::table.filter(recording::group_id.eq(from)))
        .set(recording::group_id.eq(to))
        .execute(conn)?;
    Ok(())
}

pub fn event_insert(conn: &mut Conn, row: &EventRow) -> Result<()> {
    diesel::insert_into(recording_event::table).values(row).execute(conn)?;
    Ok(())
}

pub fn events_insert(conn: &mut Conn, rows: &[EventRow]) -> Result<()> {
    for chunk in rows.chunks(BATCH) {
        per_backend!(conn, |c| diesel::insert_into(recording_event::table).values(chunk).execute(c))?;
    }
    Ok(())
}

/// What happened to a recording, oldest first.
pub fn events_of(conn: &mut Conn, id: &RecordingId) -> Result<Vec<EventRow>> {
    Ok(recording_event::table
        .filter(recording_event::recording_id.eq(id))
        .order((recording_event::at.asc(), recording_event::id.asc()))
        .load(conn)?)
}

/// The last manifest of a camera.
pub fn manifest_last(conn: &mut Conn, camera: &DeviceId) -> Result<Option<ManifestRow>> {
    Ok(manifest::table
        .filter(manifest::camera_id.eq(camera))
        .order((manifest::at.desc(), manifest::id.desc()))
        .first(conn)
        .optional()?)
}

pub fn manifest_insert(conn: &mut Conn, row: &ManifestRow) -> Result<()> {
    diesel::insert_into(manifest::table).values(row).execute(conn)?;
    Ok(())
}

/// Recordings of a camera named as missing in one answer.
const MISSING_SHOWN: i64 = 500;

/// What a camera once had and is missing, the latest first.
pub fn missing_of(conn: &mut Conn, camera: &DeviceId) -> Result<Vec<RecordingId>> {
    Ok(recording::table
        .filter(recording::camera_id.eq(camera))
        .filter(recording::state.eq(State::Missing))
        .order((recording::started_at.desc(), recording::id.desc()))
        .limit(MISSING_SHOWN)
        .select(recording::id)
        .load(conn)?)
}

/// The same manifest came again, signed anew.
pub fn manifest_signed(conn: &mut Conn, id: &ManifestId, signed_at: Timestamp) -> Result<()> {
    diesel::update(manifest::table.find(id).filter(manifest::signed_at.lt(signed_at)))
        .set(manifest::signed_at.eq(signed_at))
        .execute(conn)?;
    Ok(())
}

/// The camera that has these hangs in another dock now.
pub fn recordings_move(conn: &mut Conn, ids: &[RecordingId], dock: &DeviceId) -> Result<()> {
    if ids.is_empty() {
        return Ok(());
    }
    diesel::update(recording::table.filter(recording::id.eq_any(ids)))
        .set((recording::dock_id.eq(Some(*dock)), recording::version.eq(recording::version + 1)))
        .execute(conn)?;
    Ok(())
}

/// The camera no longer has these.
pub fn recordings_vanish(conn: &mut Conn, ids: &[RecordingId], now: Timestamp) -> Result<()> {
    if ids.is_empty() {
        return Ok(());
    }
    diesel::update(recording::table.filter(recording::id.eq_any(ids)))
        .set((
            recording::state.eq(State::Missing),
            recording::missing_since.eq(Some(now)),
            recording::version.eq(recording::version + 1),
        ))
        .execute(conn)?;
    Ok(())
}

/// Fetches and locks the row until the transaction ends. Errors: `not_found`.
pub fn recording_lock(conn: &mut Conn, id: &RecordingId) -> Result<RecordingRow> {
    lock_row!(conn, recording, id)?.ok_or_else(|| Error::not_found("recording"))
}

/// Manifests of one camera wait for each other until the transaction ends; SQLite's one writer has them in turn anyway.
pub fn camera_lock(conn: &mut Conn, id: &DeviceId) -> Result<()> {
    if let Conn::Pg(_) = conn {
        diesel::update(device::table.find(id)).set(device::status.eq(device::status)).execute(conn)?;
    }
    Ok(())
}
