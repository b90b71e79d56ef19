//! Looks that name people: the log and the segments.

use diesel::prelude::*;

use crate::per_backend;
use crate::platform::db::schema::{look_log, look_segment};
use crate::platform::db::{Conn, straight};
use crate::words::error::Result;
use crate::words::ids::{PersonId, SegmentId};
use crate::words::time::Timestamp;

/// Rows of one statement; bounds its bind parameters.
const BATCH: usize = 500;

/// Looks at one person that were sealed together.
#[derive(Clone, Debug, Queryable, Insertable)]
#[diesel(table_name = look_segment, treat_none_as_default_value = false)]
pub struct LookSegmentRow {
    pub id: SegmentId,
    /// Whom they showed; all zeros for looks that showed nobody.
    pub person_id: PersonId,
    /// The first of them.
    pub from_at: Timestamp,
    /// The last of them.
    pub to_at: Timestamp,
    pub looks: i64,
    pub body: Vec<u8>,
}

/// Appends a row to the log.
pub fn look_log_insert(conn: &mut Conn, n: i64, looks: i64, body: &[u8], now: Timestamp) -> Result<()> {
    let row = (look_log::n.eq(n), look_log::looks.eq(looks), look_log::body.eq(body), look_log::created_at.eq(now));
    straight::execute(conn, diesel::insert_into(look_log::table).values(row))?;
    Ok(())
}

/// The blob of a row of the log, if it is there.
pub fn look_log_body(conn: &mut Conn, n: i64) -> Result<Option<Vec<u8>>> {
    Ok(look_log::table.filter(look_log::n.eq(n)).select(look_log::body).first(conn).optional()?)
}

/// The highest number in the log; 0 when it is empty.
pub fn look_log_newest(conn: &mut Conn) -> Result<i64> {
    let newest: Option<i64> = look_log::table.order(look_log::n.desc()).select(look_log::n).first(conn).optional()?;
    Ok(newest.unwrap_or(0))
}

/// The log in order: number and blob.
pub fn look_log_all(conn: &mut Conn) -> Result<Vec<(i64, Vec<u8>)>> {
    Ok(look_log::table.order(look_log::n.asc()).select((look_log::n, look_log::body)).load(conn)?)
}

/// Forgets these rows of the log.
pub fn look_log_delete(conn: &mut Conn, numbers: &[i64]) -> Result<()> {
    for chunk in numbers.chunks(BATCH) {
        diesel::delete(look_log::table.filter(look_log::n.eq_any(chunk))).execute(conn)?;
    }
    Ok(())
}

/// Inserts sealed segments.
pub fn look_segments_insert(conn: &mut Conn, rows: &[LookSegmentRow]) -> Result<()> {
    for chunk in rows.chunks(BATCH) {
        per_backend!(conn, |c| diesel::insert_into(look_segment::table).values(chunk).execute(c))?;
    }
    Ok(())
}

/// Segments of the person that may hold looks between the bounds, the last ended first, after the first `skip` of them.
pub fn look_segments(
    conn: &mut Conn,
    person: &PersonId,
    from: Timestamp,
    to: Timestamp,
    skip: i64,
    limit: i64,
) -> Result<Vec<LookSegmentRow>> {
    Ok(look_segment::table
        .filter(look_segment::person_id.eq(person))
        .filter(look_segment::to_at.ge(from))
        .filter(look_segment::from_at.le(to))
        .order((look_segment::to_at.desc(), look_segment::id.desc()))
        .limit(limit)
        .offset(skip)
        .load(conn)?)
}

/// Forgets segments whose last look was before. Returns how many.
pub fn look_segments_trim(conn: &mut Conn, before: Timestamp) -> Result<usize> {
    let old = look_segment::table.filter(look_segment::to_at.lt(before)).select(look_segment::id);
    let ids: Vec<SegmentId> = old.limit(5_000).load(conn)?;
    Ok(diesel::delete(look_segment::table.filter(look_segment::id.eq_any(&ids))).execute(conn)?)
}
