//! Requests, presses, waves and their history.

use diesel::prelude::*;
use serde_json::Value;
use uuid::Uuid;

use super::super::{CloseReason, Kind, State};
use super::rows::{BackupRow, EventRow, Place, PressRow, Says, Target, WaveRow};
use crate::platform::db::schema::unit;
use crate::platform::db::schema::{backup, backup_event, backup_gate, backup_press, backup_wave};
use crate::platform::db::{Conn, Tx};
use crate::words::error::{Error, Result};
use crate::words::ids::{BackupId, DeviceId, PersonId, UnitId};
use crate::words::time::Timestamp;
use crate::{lock_row, per_backend};

/// `not_found` if there is none.
pub fn backup_fetch(conn: &mut Conn, id: &BackupId) -> Result<BackupRow> {
    backup::table
        .filter(backup::id.eq(id))
        .select(backup::all_columns)
        .first(conn)
        .optional()?
        .ok_or_else(|| Error::not_found("backup"))
}

/// Reads the request and keeps other writers from it until the commit.
pub fn backup_lock(tx: &mut Tx<'_>, id: &BackupId) -> Result<BackupRow> {
    lock_row!(tx.conn(), backup, id)?.ok_or_else(|| Error::not_found("backup"))
}

pub fn backup_insert(conn: &mut Conn, row: &BackupRow) -> Result<()> {
    diesel::insert_into(backup::table).values(row).execute(conn)?;
    Ok(())
}

/// Makes presses of one person wait for each other until the commit.
pub fn gate_pass(tx: &mut Tx<'_>, person: &PersonId) -> Result<()> {
    let conn = tx.conn();
    per_backend!(&mut *conn, |c| diesel::insert_into(backup_gate::table)
        .values(backup_gate::person_id.eq(person))
        .on_conflict_do_nothing()
        .execute(c))?;
    diesel::update(backup_gate::table.filter(backup_gate::person_id.eq(person)))
        .set(backup_gate::backup_id.eq(backup_gate::backup_id))
        .execute(conn)?;
    Ok(())
}

/// The open request for this person by this caller that was received since `since`, newest first.
pub fn backup_recent(
    conn: &mut Conn,
    requester: &PersonId,
    for_person: &PersonId,
    since: Timestamp,
) -> Result<Option<BackupRow>> {
    Ok(backup::table
        .filter(backup::for_person_id.eq(for_person))
        .filter(backup::requester_id.eq(requester))
        .filter(backup::state.eq(State::Open))
        .filter(backup::received_at.ge(since))
        .order(backup::received_at.desc())
        .select(backup::all_columns)
        .first(conn)
        .optional()?)
}

/// Every open request, oldest first.
pub fn backups_open(conn: &mut Conn) -> Result<Vec<BackupRow>> {
    Ok(backup::table
        .filter(backup::state.eq(State::Open))
        .order(backup::received_at.asc())
        .select(backup::all_columns)
        .load(conn)?)
}

/// Whose requests a page shows.
pub enum Whose<'a> {
    /// The subtree of a room.
    Subtree(&'a str),
    /// One's own calls and those one was told of.
    Person(&'a PersonId),
}

/// One page, newest first.
pub fn backups_page(
    conn: &mut Conn,
    whose: &Whose<'_>,
    state: Option<State>,
    before: Option<(Timestamp, BackupId)>,
    limit: i64,
) -> Result<Vec<BackupRow>> {
    use crate::platform::db::schema::backup_alert;
    let mut query = backup::table.select(backup::all_columns).into_boxed();
    query = match whose {
        Whose::Subtree(path) => query
            .filter(backup::unit_id.eq_any(unit::table.filter(unit::path.like(format!("{path}%"))).select(unit::id))),
        Whose::Person(person) => {
            query.filter(backup::requester_id.eq(*person).or(backup::for_person_id.eq(*person)).or(backup::id.eq_any(
                backup_alert::table.filter(backup_alert::person_id.eq(*person)).select(backup_alert::backup_id),
            )))
        }
    };
    if let Some(state) = state {
        query = query.filter(backup::state.eq(state));
    }
    if let Some((at, id)) = before {
        query = query.filter(backup::received_at.lt(at).or(backup::received_at.eq(at).and(backup::id.lt(id))));
    }
    Ok(query.order((backup::received_at.desc(), backup::id.desc())).limit(limit).load(conn)?)
}

/// People somebody has an open request for, out of these.
pub fn people_in_trouble(conn: &mut Conn, people: &[PersonId]) -> Result<Vec<(PersonId, BackupId)>> {
    Ok(backup::table
        .filter(backup::state.eq(State::Open))
        .filter(backup::for_person_id.eq_any(people))
        .select((backup::for_person_id, backup::id))
        .load(conn)?)
}

/// What a later press or a correction may change.
#[derive(Default, AsChangeset)]
#[diesel(table_name = backup)]
pub struct Correction {
    pub kind: Option<Kind>,
    pub silent: Option<bool>,
    pub ring: Option<bool>,
    pub note: Option<String>,
    pub needs: Option<String>,
    pub target: Option<String>,
    pub destination: Option<String>,
}

/// Applies a correction and raises the version.
pub fn backup_correct(tx: &mut Tx<'_>, id: &BackupId, change: &Correction) -> Result<()> {
    let now = tx.now;
    diesel::update(backup::table.filter(backup::id.eq(id)))
        .set((change, backup::version.eq(backup::version + 1), backup::updated_at.eq(now)))
        .execute(tx.conn())?;
    Ok(())
}

/// Encodes a target card for [`Correction`].
pub fn target_text(target: &Target) -> Result<String> {
    Ok(serde_json::to_string(target)?)
}

/// Encodes a place for a row.
pub fn place_text(place: &Place) -> Result<String> {
    Ok(serde_json::to_string(place)?)
}

/// Moves the destination without a new version: it is live data.
pub fn destination_move(conn: &mut Conn, id: &BackupId, place: &Place) -> Result<()> {
    diesel::update(backup::table.filter(backup::id.eq(id)))
        .set(backup::destination.eq(Some(place_text(place)?)))
        .execute(conn)?;
    Ok(())
}

/// Notes what responders were last told of the destination.
pub fn destination_told(conn: &mut Conn, id: &BackupId, place: &Place) -> Result<()> {
    diesel::update(backup::table.filter(backup::id.eq(id)))
        .set(backup::told.eq(Some(place_text(place)?)))
        .execute(conn)?;
    Ok(())
}

/// Names who took it; false when somebody had before.
pub fn backup_take(tx: &mut Tx<'_>, id: &BackupId, person: &PersonId, unit_id: &UnitId) -> Result<bool> {
    let now = tx.now;
    let taken = diesel::update(backup::table.filter(backup::id.eq(id)).filter(backup::taken_by.is_null()))
        .set((
            backup::taken_by.eq(Some(*person)),
            backup::taken_unit_id.eq(Some(*unit_id)),
            backup::taken_at.eq(Some(now)),
            backup::version.eq(backup::version + 1),
            backup::updated_at.eq(now),
        ))
        .execute(tx.conn())?;
    Ok(taken == 1)
}

/// Notes or clears that enough units accepted.
pub fn backup_cover(tx: &mut Tx<'_>, id: &BackupId, covered: bool) -> Result<()> {
    let now = tx.now;
    diesel::update(backup::table.filter(backup::id.eq(id)))
        .set((
            backup::covered_at.eq(covered.then_some(now)),
            backup::version.eq(backup::version + 1),
            backup::updated_at.eq(now),
        ))
        .execute(tx.conn())?;
    Ok(())
}

/// Keeps the caller's own word about the end.
pub fn backup_says(tx: &mut Tx<'_>, id: &BackupId, says: &Says) -> Result<()> {
    let now = tx.now;
    diesel::update(backup::table.filter(backup::id.eq(id)))
        .set((
            backup::says.eq(Some(serde_json::to_string(says)?)),
            backup::version.eq(backup::version + 1),
            backup::updated_at.eq(now),
        ))
        .execute(tx.conn())?;
    Ok(())
}

/// Ends it; false when it had ended before.
pub fn backup_close(tx: &mut Tx<'_>, id: &BackupId, by: Option<PersonId>, reason: CloseReason) -> Result<bool> {
    let now = tx.now;
    let closed = diesel::update(backup::table.filter(backup::id.eq(id)).filter(backup::state.eq(State::Open)))
        .set((
            backup::state.eq(State::Closed),
            backup::closed_at.eq(Some(now)),
            backup::closed_by.eq(by),
            backup::close_reason.eq(Some(reason)),
            backup::version.eq(backup::version + 1),
            backup::updated_at.eq(now),
        ))
        .execute(tx.conn())?;
    Ok(closed == 1)
}

/// Writes a wave and makes it the request's current one.
pub fn wave_insert(tx: &mut Tx<'_>, row: &WaveRow) -> Result<()> {
    let now = tx.now;
    diesel::insert_into(backup_wave::table).values(row).execute(tx.conn())?;
    diesel::update(backup::table.filter(backup::id.eq(row.backup_id)))
        .set((backup::wave.eq(row.wave), backup::version.eq(backup::version + 1), backup::updated_at.eq(now)))
        .execute(tx.conn())?;
    Ok(())
}

pub fn waves_of(conn: &mut Conn, id: &BackupId) -> Result<Vec<WaveRow>> {
    Ok(backup_wave::table.filter(backup_wave::backup_id.eq(id)).order(backup_wave::wave.asc()).load(conn)?)
}

/// The press with this id, if it arrived before.
pub fn press_fetch(conn: &mut Conn, id: &BackupId) -> Result<Option<PressRow>> {
    Ok(backup_press::table.filter(backup_press::id.eq(id)).first(conn).optional()?)
}

pub fn press_insert(conn: &mut Conn, row: &PressRow) -> Result<()> {
    diesel::insert_into(backup_press::table).values(row).execute(conn)?;
    Ok(())
}

pub fn presses_of(conn: &mut Conn, id: &BackupId) -> Result<Vec<PressRow>> {
    Ok(backup_press::table.filter(backup_press::backup_id.eq(id)).order(backup_press::received_at.asc()).load(conn)?)
}

/// Appends one line to the history.
pub fn event_append(
    tx: &mut Tx<'_>,
    id: &BackupId,
    kind: &str,
    person: Option<PersonId>,
    device: Option<DeviceId>,
    data: &Value,
) -> Result<()> {
    let row = EventRow {
        id: Uuid::now_v7().to_string(),
        backup_id: *id,
        at: tx.now,
        kind: kind.to_owned(),
        person_id: person,
        device_id: device,
        data: data.to_string(),
    };
    diesel::insert_into(backup_event::table).values(row).execute(tx.conn())?;
    Ok(())
}

pub fn events_of(conn: &mut Conn, id: &BackupId) -> Result<Vec<EventRow>> {
    Ok(backup_event::table
        .filter(backup_event::backup_id.eq(id))
        .order((backup_event::at.asc(), backup_event::id.asc()))
        .load(conn)?)
}

/// A request of this caller for this person whose press fell between two instants, ended or not.
pub fn backup_pressed_near(
    conn: &mut Conn,
    requester: &PersonId,
    for_person: &PersonId,
    from: Timestamp,
    to: Timestamp,
) -> Result<Option<BackupRow>> {
    Ok(backup::table
        .filter(backup::requester_id.eq(requester))
        .filter(backup::for_person_id.eq(for_person))
        .filter(backup::pressed_at.ge(from))
        .filter(backup::pressed_at.le(to))
        .order(backup::received_at.desc())
        .select(backup::all_columns)
        .first(conn)
        .optional()?)
}
