//! Every query about serial numbers; `noun_verb`. Whoever changes a number holds its run's counter.

use diesel::prelude::*;

use super::rules::{NumberState, Run, Series};
use crate::platform::db::conn::MultiBackend;
use crate::platform::db::schema::{number_block, number_counter, number_event, serial_number};
use crate::platform::db::{Conn, kept};
use crate::words::error::{Error, Result};
use crate::words::ids::{AccessId, DeviceId, MediationId, NumberBlockId, PersonId, UnitId};
use crate::words::time::Timestamp;
use crate::{lock_row, per_backend};

/// How far a run is.
#[derive(Clone, Debug, Queryable, Insertable)]
#[diesel(table_name = number_counter, treat_none_as_default_value = false)]
pub struct CounterRow {
    pub unit_id: UnitId,
    pub series: Series,
    pub book: String,
    /// The highest number there is.
    pub last: i64,
    pub version: i64,
}

/// Numbers that a device was given at once.
#[derive(Clone, Debug, Queryable, Insertable)]
#[diesel(table_name = number_block, treat_none_as_default_value = false)]
pub struct BlockRow {
    pub id: NumberBlockId,
    pub unit_id: UnitId,
    pub series: Series,
    pub year: i32,
    pub device_id: DeviceId,
    /// Who asked for them.
    pub person_id: PersonId,
    /// Which they were, a JSON list in ascending order.
    pub numbers: String,
    pub leased_at: Timestamp,
    pub expires_at: Timestamp,
    /// When the room was told that its time is over.
    pub told_at: Option<Timestamp>,
    /// When the last of them was accounted for.
    pub closed_at: Option<Timestamp>,
}

impl BlockRow {
    pub fn run(&self) -> Run {
        Run::of_year(self.unit_id, self.series, self.year)
    }
}

/// One number as it stands.
#[derive(Clone, Debug, PartialEq, Queryable, Insertable, AsChangeset)]
#[diesel(table_name = serial_number, primary_key(unit_id, series, book, n))]
#[diesel(treat_none_as_default_value = false, treat_none_as_null = true)]
pub struct NumberRow {
    pub unit_id: UnitId,
    pub series: Series,
    pub book: String,
    pub n: i64,
    /// Of a pre-printed form: when it was registered.
    pub year: i32,
    /// As it was written when it was handed out; a unit may be renamed.
    pub text: String,
    pub state: NumberState,
    /// Since when.
    pub at: Timestamp,
    /// By whom.
    pub person_id: PersonId,
    /// Which device holds or last held it.
    pub device_id: Option<DeviceId>,
    pub block_id: Option<NumberBlockId>,
    pub expires_at: Option<Timestamp>,
    pub mediation_id: Option<MediationId>,
    /// Why it is void.
    pub reason: Option<String>,
}

impl NumberRow {
    pub fn run(&self) -> Run {
        Run { unit: self.unit_id, series: self.series, book: self.book.clone() }
    }
}

/// One thing that happened to a number.
#[derive(Insertable)]
#[diesel(table_name = number_event, treat_none_as_default_value = false)]
struct EventRow<'a> {
    id: AccessId,
    unit_id: UnitId,
    series: Series,
    book: &'a str,
    n: i64,
    state: NumberState,
    at: Timestamp,
    person_id: PersonId,
    device_id: Option<DeviceId>,
    block_id: Option<NumberBlockId>,
    mediation_id: Option<MediationId>,
    reason: Option<&'a str>,
}

impl<'a> From<&'a NumberRow> for EventRow<'a> {
    fn from(row: &'a NumberRow) -> Self {
        Self {
            id: AccessId::new(),
            unit_id: row.unit_id,
            series: row.series,
            book: &row.book,
            n: row.n,
            state: row.state,
            at: row.at,
            person_id: row.person_id,
            device_id: row.device_id,
            block_id: row.block_id,
            mediation_id: row.mediation_id,
            reason: row.reason.as_deref(),
        }
    }
}

/// Locks the run until the transaction ends and tells its highest number; a new one begins at 0.
pub fn counter_lock(conn: &mut Conn, run: &Run) -> Result<i64> {
    if let Some(row) = counter_locked(conn, run)? {
        return Ok(row.last);
    }
    let row = CounterRow { unit_id: run.unit, series: run.series, book: run.book.clone(), last: 0, version: 1 };
    // Another transaction may begin the same run now; then this waits for it.
    per_backend!(conn, |c| diesel::insert_into(number_counter::table)
        .values(&row)
        .on_conflict_do_nothing()
        .execute(c))?;
    let row = counter_locked(conn, run)?;
    row.map(|row| row.last).ok_or_else(|| Error::internal("a counter that was just made is not there"))
}

fn counter_locked(conn: &mut Conn, run: &Run) -> Result<Option<CounterRow>> {
    let row: Option<CounterRow> = lock_row!(conn, number_counter, (run.unit, run.series, run.book.as_str()))?;
    Ok(row)
}

/// Sets the highest number of a run.
pub fn counter_set(conn: &mut Conn, run: &Run, last: i64) -> Result<()> {
    diesel::update(number_counter::table.find((run.unit, run.series, run.book.as_str())))
        .set((number_counter::last.eq(last), number_counter::version.eq(number_counter::version + 1)))
        .execute(conn)?;
    Ok(())
}

/// Every run of a unit.
pub fn counters_of(conn: &mut Conn, unit: &UnitId) -> Result<Vec<CounterRow>> {
    Ok(number_counter::table
        .filter(number_counter::unit_id.eq(unit))
        .order((number_counter::series.asc(), number_counter::book.asc()))
        .load(conn)?)
}

/// New numbers, and that they are there.
pub fn numbers_insert(conn: &mut Conn, rows: &[NumberRow]) -> Result<()> {
    let events: Vec<EventRow<'_>> = rows.iter().map(EventRow::from).collect();
    per_backend!(conn, |c| diesel::insert_into(serial_number::table).values(rows).execute(c))?;
    per_backend!(conn, |c| diesel::insert_into(number_event::table).values(&events).execute(c))?;
    Ok(())
}

/// Writes a number back, and what happened to it.
pub fn number_save(conn: &mut Conn, row: &NumberRow) -> Result<()> {
    let one = serial_number::table.find((row.unit_id, row.series, row.book.as_str(), row.n));
    kept::execute(conn, diesel::update(one).set(row))?;
    diesel::insert_into(number_event::table).values(EventRow::from(row)).execute(conn)?;
    Ok(())
}

pub fn number_find(conn: &mut Conn, run: &Run, n: i64) -> Result<Option<NumberRow>> {
    Ok(serial_number::table.find((run.unit, run.series, run.book.as_str(), n)).first(conn).optional()?)
}

/// Numbers of a run between two, both included, in ascending order.
pub fn numbers_between(conn: &mut Conn, run: &Run, from: i64, to: i64) -> Result<Vec<NumberRow>> {
    Ok(serial_number::table
        .filter(serial_number::unit_id.eq(run.unit))
        .filter(serial_number::series.eq(run.series))
        .filter(serial_number::book.eq(run.book.as_str()))
        .filter(serial_number::n.ge(from))
        .filter(serial_number::n.le(to))
        .order(serial_number::n.asc())
        .load(conn)?)
}

/// These numbers of a run, those that there are, in ascending order.
pub fn numbers_named(conn: &mut Conn, run: &Run, ns: &[i64]) -> Result<Vec<NumberRow>> {
    Ok(serial_number::table
        .filter(serial_number::unit_id.eq(run.unit))
        .filter(serial_number::series.eq(run.series))
        .filter(serial_number::book.eq(run.book.as_str()))
        .filter(serial_number::n.eq_any(ns))
        .order(serial_number::n.asc())
        .load(conn)?)
}

/// What came back and was not handed out since, the lowest first.
pub fn numbers_returned(conn: &mut Conn, run: &Run, limit: i64) -> Result<Vec<NumberRow>> {
    Ok(serial_number::table
        .filter(serial_number::unit_id.eq(run.unit))
        .filter(serial_number::series.eq(run.series))
        .filter(serial_number::book.eq(run.book.as_str()))
        .filter(serial_number::state.eq(NumberState::Returned))
        .order(serial_number::n.asc())
        .limit(limit)
        .load(conn)?)
}

/// What was last handed out as part of a block, however it stands now, in ascending order.
pub fn numbers_of_block(conn: &mut Conn, id: &NumberBlockId) -> Result<Vec<NumberRow>> {
    Ok(serial_number::table.filter(serial_number::block_id.eq(*id)).order(serial_number::n.asc()).load(conn)?)
}

/// The number that stands on a document.
pub fn number_of_mediation(conn: &mut Conn, series: Series, id: &MediationId) -> Result<Option<NumberRow>> {
    Ok(serial_number::table
        .filter(serial_number::mediation_id.eq(*id))
        .filter(serial_number::series.eq(series))
        .filter(serial_number::state.eq(NumberState::Used))
        .first(conn)
        .optional()?)
}

/// How many numbers of any series a device holds unspent.
pub fn held_of_device(conn: &mut Conn, device: &DeviceId) -> Result<i64> {
    Ok(serial_number::table
        .filter(serial_number::device_id.eq(*device))
        .filter(serial_number::state.eq(NumberState::Leased))
        .count()
        .get_result(conn)?)
}

/// Whether a device was given a number at some time.
pub fn was_given(conn: &mut Conn, run: &Run, n: i64, device: &DeviceId) -> Result<bool> {
    let found: Option<AccessId> = number_event::table
        .filter(number_event::unit_id.eq(run.unit))
        .filter(number_event::series.eq(run.series))
        .filter(number_event::book.eq(run.book.as_str()))
        .filter(number_event::n.eq(n))
        .filter(number_event::state.eq(NumberState::Leased))
        .filter(number_event::device_id.eq(*device))
        .select(number_event::id)
        .first(conn)
        .optional()?;
    Ok(found.is_some())
}

/// What a list asks for.
#[derive(Clone, Debug)]
pub struct NumberFilter {
    pub unit: UnitId,
    pub series: Option<Series>,
    pub year: Option<i32>,
    pub state: Option<NumberState>,
    pub after: Option<(Series, String, i64)>,
    pub limit: i64,
}

/// The register of a unit, by series, book and number.
pub fn numbers_page(conn: &mut Conn, filter: &NumberFilter, now: Timestamp) -> Result<Vec<NumberRow>> {
    let mut query = serial_number::table.filter(serial_number::unit_id.eq(filter.unit)).into_boxed::<MultiBackend>();
    if let Some(series) = filter.series {
        query = query.filter(serial_number::series.eq(series));
    }
    if let Some(year) = filter.year {
        query = query.filter(serial_number::year.eq(year));
    }
    query = match filter.state {
        None => query,
        Some(NumberState::Leased) => {
            query.filter(serial_number::state.eq(NumberState::Leased)).filter(serial_number::expires_at.gt(now))
        }
        Some(NumberState::Overdue) => {
            query.filter(serial_number::state.eq(NumberState::Leased)).filter(serial_number::expires_at.le(now))
        }
        Some(state) => query.filter(serial_number::state.eq(state)),
    };
    if let Some((series, book, n)) = filter.after.clone() {
        let same = serial_number::series.eq(series);
        let later = serial_number::book.eq(book.clone()).and(serial_number::n.gt(n));
        query = query.filter(serial_number::series.gt(series).or(same.and(serial_number::book.gt(book).or(later))));
    }
    let order = (serial_number::series.asc(), serial_number::book.asc(), serial_number::n.asc());
    Ok(query.order(order).limit(filter.limit).load(conn)?)
}

/// How many numbers of a run from 1 to `last` stand how, as they are stored.
pub fn states_of_run(conn: &mut Conn, run: &Run, last: i64) -> Result<Vec<(NumberState, i64)>> {
    Ok(serial_number::table
        .filter(serial_number::unit_id.eq(run.unit))
        .filter(serial_number::series.eq(run.series))
        .filter(serial_number::book.eq(run.book.as_str()))
        .filter(serial_number::n.ge(1))
        .filter(serial_number::n.le(last))
        .group_by(serial_number::state)
        .select((serial_number::state, diesel::dsl::count_star()))
        .load(conn)?)
}

/// How many of them are held longer than they were given for.
pub fn overdue_of_run(conn: &mut Conn, run: &Run, last: i64, now: Timestamp) -> Result<i64> {
    Ok(serial_number::table
        .filter(serial_number::unit_id.eq(run.unit))
        .filter(serial_number::series.eq(run.series))
        .filter(serial_number::book.eq(run.book.as_str()))
        .filter(serial_number::n.ge(1))
        .filter(serial_number::n.le(last))
        .filter(serial_number::state.eq(NumberState::Leased))
        .filter(serial_number::expires_at.le(now))
        .count()
        .get_result(conn)?)
}

/// The numbers themselves, ascending.
pub fn ns_of_run(conn: &mut Conn, run: &Run, last: i64) -> Result<Vec<i64>> {
    Ok(serial_number::table
        .filter(serial_number::unit_id.eq(run.unit))
        .filter(serial_number::series.eq(run.series))
        .filter(serial_number::book.eq(run.book.as_str()))
        .filter(serial_number::n.ge(1))
        .filter(serial_number::n.le(last))
        .order(serial_number::n.asc())
        .select(serial_number::n)
        .load(conn)?)
}

pub fn block_insert(conn: &mut Conn, row: &BlockRow) -> Result<()> {
    diesel::insert_into(number_block::table).values(row).execute(conn)?;
    Ok(())
}

/// Errors: `not_found`.
pub fn block_fetch(conn: &mut Conn, id: &NumberBlockId) -> Result<BlockRow> {
    let row: Option<BlockRow> = number_block::table.find(id).first(conn).optional()?;
    row.ok_or_else(|| Error::not_found("number block"))
}

/// Every number of it is accounted for.
pub fn block_close(conn: &mut Conn, id: &NumberBlockId, now: Timestamp) -> Result<()> {
    let open = number_block::table.find(id).filter(number_block::closed_at.is_null());
    diesel::update(open).set(number_block::closed_at.eq(Some(now))).execute(conn)?;
    Ok(())
}

/// The room has been told that its time is over.
pub fn block_told(conn: &mut Conn, id: &NumberBlockId, now: Timestamp) -> Result<()> {
    diesel::update(number_block::table.find(id)).set(number_block::told_at.eq(Some(now))).execute(conn)?;
    Ok(())
}

/// Blocks whose time is over and of which nobody has been told, who waits longest first.
pub fn blocks_overdue(conn: &mut Conn, now: Timestamp, limit: i64) -> Result<Vec<NumberBlockId>> {
    Ok(number_block::table
        .filter(number_block::expires_at.le(now))
        .filter(number_block::told_at.is_null())
        .filter(number_block::closed_at.is_null())
        .order((number_block::expires_at.asc(), number_block::id.asc()))
        .limit(limit)
        .select(number_block::id)
        .load(conn)?)
}
