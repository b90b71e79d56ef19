//! Recordings as lists ask for them.

use diesel::prelude::*;

use super::super::State;
use super::RecordingRow;
use crate::platform::db::Conn;
use crate::platform::db::conn::MultiBackend;
use crate::platform::db::schema::recording;
use crate::words::error::Result;
use crate::words::ids::{DeviceId, EvidenceId, PersonId, RecordingId, UnitId};
use crate::words::time::Timestamp;

/// What a list asks for; every bound is checked by the caller.
#[derive(Clone, Debug)]
pub struct ListFilter {
    /// Sees what he wore.
    pub viewer: PersonId,
    /// The units he watches besides.
    pub units: Vec<UnitId>,
    /// Only these; the caller has seen to it that the viewer may.
    pub only: Option<Vec<RecordingId>>,
    /// Who wore the camera.
    pub person: Option<PersonId>,
    /// The camera or the dock.
    pub device: Option<DeviceId>,
    /// Running at or after.
    pub from: Option<Timestamp>,
    /// Begun before.
    pub to: Option<Timestamp>,
    pub state: Option<State>,
    /// Not stored, and ended before this.
    pub overdue_before: Option<Timestamp>,
    /// Nobody is known to have worn the camera.
    pub unclaimed: bool,
    pub before: Option<(Timestamp, RecordingId)>,
    pub limit: i64,
}

/// The latest first.
pub fn recordings_list(conn: &mut Conn, filter: &ListFilter) -> Result<Vec<RecordingRow>> {
    let mut query = recording::table.into_boxed::<MultiBackend>();
    query = match &filter.only {
        Some(ids) => query.filter(recording::id.eq_any(ids.clone())),
        None => query
            .filter(recording::unit_id.eq_any(filter.units.clone()).or(recording::wearer_id.eq(Some(filter.viewer)))),
    };
    if let Some(person) = filter.person {
        query = query.filter(recording::wearer_id.eq(Some(person)));
    }
    if let Some(device) = filter.device {
        query = query.filter(recording::camera_id.eq(device).or(recording::dock_id.eq(Some(device))));
    }
    if let Some(from) = filter.from {
        query = query.filter(recording::ended_at.ge(from));
    }
    if let Some(to) = filter.to {
        query = query.filter(recording::started_at.lt(to));
    }
    if let Some(state) = filter.state {
        query = query.filter(recording::state.eq(state));
    }
    if let Some(before) = filter.overdue_before {
        query = query.filter(recording::state.ne(State::Stored)).filter(recording::ended_at.lt(before));
    }
    if filter.unclaimed {
        query = query.filter(recording::wearer_id.is_null());
    }
    if let Some((at, id)) = filter.before {
        query = query.filter(recording::started_at.lt(at).or(recording::started_at.eq(at).and(recording::id.lt(id))));
    }
    Ok(query.order((recording::started_at.desc(), recording::id.desc())).limit(filter.limit).load(conn)?)
}

/// What these people wore between two instants, and what became one of these items; the earliest first.
pub fn recordings_of_people(
    conn: &mut Conn,
    people: &[PersonId],
    from: Timestamp,
    to: Timestamp,
    items: &[EvidenceId],
) -> Result<Vec<RecordingRow>> {
    let mut found: Vec<RecordingRow> = recording::table
        .filter(recording::wearer_id.eq_any(people))
        .filter(recording::started_at.le(to))
        .filter(recording::ended_at.ge(from))
        .load(conn)?;
    let linked: Vec<RecordingRow> = recording::table.filter(recording::evidence_id.eq_any(items)).load(conn)?;
    found.extend(linked);
    found.sort_by_key(|row| (row.started_at, row.id));
    found.dedup_by_key(|row| row.id);
    Ok(found)
}

/// A camera's recordings with a wearer that end or begin within these bounds.
pub fn recordings_neighbouring(
    conn: &mut Conn,
    cameras: &[DeviceId],
    from: Timestamp,
    to: Timestamp,
) -> Result<Vec<RecordingRow>> {
    Ok(recording::table
        .filter(recording::camera_id.eq_any(cameras))
        .filter(recording::started_at.le(to))
        .filter(recording::ended_at.ge(from))
        .filter(recording::wearer_id.is_not_null())
        .order((recording::started_at.asc(), recording::id.asc()))
        .load(conn)?)
}

/// What is to come up from this device at once, who waits longest first.
pub fn wanted_list(
    conn: &mut Conn,
    device: &DeviceId,
    after: Option<(Timestamp, RecordingId)>,
    limit: i64,
) -> Result<Vec<RecordingRow>> {
    let mut query = recording::table
        .filter(recording::dock_id.eq(Some(*device)).or(recording::camera_id.eq(*device)))
        .filter(recording::wanted_at.is_not_null())
        .filter(recording::state.eq_any([State::OnCamera, State::AtDock]))
        .into_boxed::<MultiBackend>();
    if let Some((at, id)) = after {
        query = query
            .filter(recording::wanted_at.gt(Some(at)).or(recording::wanted_at.eq(Some(at)).and(recording::id.gt(id))));
    }
    Ok(query.order((recording::wanted_at.asc(), recording::id.asc())).limit(limit).load(conn)?)
}
