//! The log, the segments, the tails.

use diesel::prelude::*;
use diesel::upsert::excluded;

use crate::per_backend;
use crate::platform::db::Conn;
use crate::platform::db::schema::{fix_log, fix_segment, fix_tail};
use crate::words::error::Result;
use crate::words::ids::{DeviceId, PersonId, SegmentId};
use crate::words::time::Timestamp;

/// Segment rows of one insert; bounds the bind parameters of a statement.
const BATCH: usize = 500;

/// A sealed segment.
#[derive(Clone, Debug, Queryable, Insertable)]
#[diesel(table_name = fix_segment, treat_none_as_default_value = false)]
pub struct SegmentRow {
    pub id: SegmentId,
    pub device_id: DeviceId,
    pub person_id: Option<PersonId>,
    /// Days since the epoch, by receipt.
    pub received_day: i64,
    pub from_at: i64,
    pub to_at: i64,
    pub fixes: i64,
    pub body: Vec<u8>,
    pub sealed_at: Timestamp,
}

/// What a restart must know of a device and author once segments were sealed.
#[derive(Clone, Debug, Queryable, Insertable)]
#[diesel(table_name = fix_tail, treat_none_as_default_value = false)]
pub struct TailRow {
    pub device_id: DeviceId,
    /// The author's id; empty for nobody.
    pub author: String,
    /// Log rows up to this number are in segments, as far as this key is concerned.
    pub sealed_log: i64,
    /// Newest device time of the device, µs.
    pub newest_at: i64,
    /// The marker's fix (a segment of one) if it was this author's.
    pub live: Option<Vec<u8>>,
    pub updated_at: Timestamp,
}

/// Appends a row to the log.
pub fn log_insert(conn: &mut Conn, n: i64, fixes: i64, body: &[u8], now: Timestamp) -> Result<()> {
    diesel::insert_into(fix_log::table)
        .values((fix_log::n.eq(n), fix_log::fixes.eq(fixes), fix_log::body.eq(body), fix_log::created_at.eq(now)))
        .execute(conn)?;
    Ok(())
}

/// Whether the flush of that number was committed.
pub fn flush_exists(conn: &mut Conn, n: i64, segment: Option<&SegmentId>) -> Result<bool> {
    let logged: i64 = fix_log::table.filter(fix_log::n.eq(n)).count().get_result(conn)?;
    if logged > 0 {
        return Ok(true);
    }
    let Some(segment) = segment else { return Ok(false) };
    let sealed: i64 = fix_segment::table.filter(fix_segment::id.eq(segment)).count().get_result(conn)?;
    Ok(sealed > 0)
}

/// Forgets log rows below `n`.
pub fn log_trim(conn: &mut Conn, n: i64) -> Result<()> {
    diesel::delete(fix_log::table.filter(fix_log::n.lt(n))).execute(conn)?;
    Ok(())
}

/// The log in order: number and blob.
pub fn log_all(conn: &mut Conn) -> Result<Vec<(i64, Vec<u8>)>> {
    Ok(fix_log::table.order(fix_log::n.asc()).select((fix_log::n, fix_log::body)).load(conn)?)
}

/// Inserts sealed segments.
pub fn segments_insert(conn: &mut Conn, rows: &[SegmentRow]) -> Result<()> {
    for chunk in rows.chunks(BATCH) {
        per_backend!(conn, |c| diesel::insert_into(fix_segment::table).values(chunk).execute(c))?;
    }
    Ok(())
}

/// Sets tails.
pub fn tails_put(conn: &mut Conn, rows: &[TailRow]) -> Result<()> {
    for row in rows {
        per_backend!(conn, |c| diesel::insert_into(fix_tail::table)
            .values(row)
            .on_conflict((fix_tail::device_id, fix_tail::author))
            .do_update()
            .set((
                fix_tail::sealed_log.eq(excluded(fix_tail::sealed_log)),
                fix_tail::newest_at.eq(excluded(fix_tail::newest_at)),
                fix_tail::live.eq(excluded(fix_tail::live)),
                fix_tail::updated_at.eq(excluded(fix_tail::updated_at)),
            ))
            .execute(c))?;
    }
    Ok(())
}

/// Every tail.
pub fn tails_all(conn: &mut Conn) -> Result<Vec<TailRow>> {
    Ok(fix_tail::table.load(conn)?)
}

/// Segments of the device that may hold times between the bounds (inclusive, µs).
pub fn segments_of_device(conn: &mut Conn, device: &DeviceId, from: i64, to: i64) -> Result<Vec<Vec<u8>>> {
    Ok(fix_segment::table
        .filter(fix_segment::device_id.eq(device))
        .filter(fix_segment::to_at.ge(from))
        .filter(fix_segment::from_at.le(to))
        .select(fix_segment::body)
        .load(conn)?)
}

/// Segments of the person that may hold times between the bounds (inclusive, µs).
pub fn segments_of_person(conn: &mut Conn, person: &PersonId, from: i64, to: i64) -> Result<Vec<(DeviceId, Vec<u8>)>> {
    Ok(fix_segment::table
        .filter(fix_segment::person_id.eq(person))
        .filter(fix_segment::to_at.ge(from))
        .filter(fix_segment::from_at.le(to))
        .order(fix_segment::from_at.asc())
        .select((fix_segment::device_id, fix_segment::body))
        .load(conn)?)
}

/// Drops segments received before that day. Returns how many.
pub fn segments_trim(conn: &mut Conn, day: i64) -> Result<usize> {
    Ok(diesel::delete(fix_segment::table.filter(fix_segment::received_day.lt(day))).execute(conn)?)
}
