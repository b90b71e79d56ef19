//! The log, the segments, the tails.

use diesel::prelude::*;
use diesel::upsert::excluded;

use crate::duty::location::jobs::Slice;
use crate::per_backend;
use crate::platform::db::Conn;
use crate::platform::db::conn::MultiBackend;
use crate::platform::db::schema::{fix_log, fix_segment, fix_tail};
use crate::words::error::Result;
use crate::words::ids::{DeviceId, PersonId, SegmentId};
use crate::words::time::Timestamp;

/// Segment rows of one insert; bounds the bind parameters of a statement.
const BATCH: usize = 500;

/// Segments looked at in one step of trimming; bounds how long it holds the writer.
const TRIM_STEP: i64 = 2_000;

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

/// Where a round of trimming goes on: day of receipt and id.
pub type TrimPosition = (i64, SegmentId);

/// What one step of trimming did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Trimmed {
    pub dropped: usize,
    /// None when there is no more.
    pub next: Option<TrimPosition>,
}

/// Drops segments received before that day, but for those that hold times of a spared stretch; a step of bounded length.
pub fn segments_trim(conn: &mut Conn, day: i64, after: Option<TrimPosition>, spared: &[Slice]) -> Result<Trimmed> {
    let mut query = fix_segment::table.filter(fix_segment::received_day.lt(day)).into_boxed::<MultiBackend>();
    if let Some((on, id)) = after {
        let beyond = fix_segment::received_day.eq(on).and(fix_segment::id.gt(id));
        query = query.filter(fix_segment::received_day.gt(on).or(beyond));
    }
    let old: Vec<(SegmentId, i64, Option<PersonId>, i64, i64)> = query
        .order((fix_segment::received_day.asc(), fix_segment::id.asc()))
        .limit(TRIM_STEP)
        .select((
            fix_segment::id,
            fix_segment::received_day,
            fix_segment::person_id,
            fix_segment::from_at,
            fix_segment::to_at,
        ))
        .load(conn)?;
    let stays = |person: Option<PersonId>, from: i64, to: i64| {
        spared
            .iter()
            .any(|slice| Some(slice.person) == person && slice.from.as_micros() <= to && slice.to.as_micros() >= from)
    };
    let full = i64::try_from(old.len()).is_ok_and(|n| n == TRIM_STEP);
    let next = old.last().filter(|_| full).map(|(id, on, ..)| (*on, *id));
    let ids: Vec<SegmentId> =
        old.iter().filter(|(_, _, person, from, to)| !stays(*person, *from, *to)).map(|(id, ..)| *id).collect();
    let mut dropped = 0;
    for some in ids.chunks(BATCH) {
        dropped += diesel::delete(fix_segment::table.filter(fix_segment::id.eq_any(some))).execute(conn)?;
    }
    Ok(Trimmed { dropped, next })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::platform::db::memory::Memory;

    #[test]
    fn what_a_spared_stretch_touches_stays_and_the_rest_goes_in_steps() {
        let mut memory = Memory::open();
        let (held, other) = (PersonId::new(), PersonId::new());
        let segment = |person, day, from_at, to_at| SegmentRow {
            id: SegmentId::new(),
            device_id: DeviceId::new(),
            person_id: person,
            received_day: day,
            from_at,
            to_at,
            fixes: 1,
            body: Vec::new(),
            sealed_at: Timestamp::EPOCH,
        };
        let rows = [
            segment(Some(held), 1, 0, 9),
            segment(Some(held), 1, 5, 10),
            segment(Some(held), 2, 20, 30),
            segment(Some(held), 2, 31, 40),
            segment(Some(other), 1, 10, 20),
            segment(None, 1, 10, 20),
            segment(Some(other), 5, 10, 20),
        ];
        segments_insert(memory.conn(), &rows).unwrap();
        let at = Timestamp::from_micros;
        let spared = [Slice { person: held, from: at(10), to: at(30) }];
        let trimmed = segments_trim(memory.conn(), 5, None, &spared).unwrap();
        assert_eq!(trimmed, Trimmed { dropped: 4, next: None });
        let mut left: Vec<SegmentId> = fix_segment::table.select(fix_segment::id).load(memory.conn()).unwrap();
        left.sort_unstable();
        let mut expected = vec![rows[1].id, rows[2].id, rows[6].id];
        expected.sort_unstable();
        assert_eq!(left, expected);
        assert_eq!(segments_trim(memory.conn(), 5, None, &[]).unwrap().dropped, 2);
        // More than one step takes.
        let many: Vec<SegmentRow> = (0..TRIM_STEP + 1).map(|_| segment(None, 1, 0, 1)).collect();
        segments_insert(memory.conn(), &many).unwrap();
        let first = segments_trim(memory.conn(), 5, None, &[]).unwrap();
        let rest = segments_trim(memory.conn(), 5, first.next, &[]).unwrap();
        assert_eq!((first.dropped, rest.dropped, rest.next), (2_000, 1, None));
    }
}
