//! What each agency is told, in order, and how far its receiver got.

use diesel::prelude::*;

use crate::duty::partners::rules::State;
use crate::platform::db::schema::{agency, task, task_feed, task_outlet};
use crate::platform::db::{Conn, kept};
use crate::platform::webhook::Progress;
use crate::words::error::{Error, Result};
use crate::words::ids::{AgencyId, TaskId};
use crate::words::time::Timestamp;

/// Orders looked at for one machine's receipt; the rest with the next.
const TAKEN_MAX: i64 = 500;

/// One change as the agency reads it.
#[derive(Clone, Debug, Queryable, Insertable)]
#[diesel(table_name = task_feed, treat_none_as_default_value = false)]
pub struct FeedRow {
    pub agency_id: AgencyId,
    pub seq: i64,
    pub at: Timestamp,
    pub kind: String,
    pub task_id: TaskId,
    /// The order as the agency saw it then, JSON.
    pub data: String,
}

/// How far an agency's receiver got.
#[derive(Clone, Debug, Queryable, Insertable)]
#[diesel(table_name = task_outlet, treat_none_as_default_value = false)]
pub struct OutletRow {
    pub agency_id: AgencyId,
    pub last_seq: i64,
    pub delivered_seq: i64,
    /// Refusals in a row.
    pub attempts: i32,
    pub next_at: Timestamp,
    pub last_error: Option<String>,
    pub last_ok_at: Option<Timestamp>,
    pub lease_until: Timestamp,
    pub lease_gen: i64,
}

/// Takes an agency's next number; the row's lock orders commits, so that its feed has no gap and no reader sees a later
/// number before an earlier one.
pub fn seq_take(conn: &mut Conn, agency: &AgencyId) -> Result<i64> {
    let first = OutletRow {
        agency_id: *agency,
        last_seq: 1,
        delivered_seq: 0,
        attempts: 0,
        next_at: Timestamp::EPOCH,
        last_error: None,
        last_ok_at: None,
        lease_until: Timestamp::EPOCH,
        lease_gen: 0,
    };
    let next = diesel::insert_into(task_outlet::table)
        .values(&first)
        .on_conflict(task_outlet::agency_id)
        .do_update()
        .set(task_outlet::last_seq.eq(task_outlet::last_seq + 1_i64))
        .returning(task_outlet::last_seq);
    kept::returning(conn, next)?.ok_or_else(|| Error::internal("an upsert returned nothing"))
}

pub fn feed_insert(conn: &mut Conn, row: &FeedRow) -> Result<()> {
    diesel::insert_into(task_feed::table).values(row).execute(conn)?;
    Ok(())
}

/// Entries after `after`, in order.
pub fn feed_list(conn: &mut Conn, agency: &AgencyId, after: i64, limit: i64) -> Result<Vec<FeedRow>> {
    Ok(task_feed::table
        .filter(task_feed::agency_id.eq(agency))
        .filter(task_feed::seq.gt(after))
        .order(task_feed::seq.asc())
        .limit(limit)
        .load(conn)?)
}

pub fn outlet_find(conn: &mut Conn, agency: &AgencyId) -> Result<Option<OutletRow>> {
    Ok(task_outlet::table.find(agency).first(conn).optional()?)
}

/// The receiver is another one: it is tried at once, and told from here on if it is the first.
pub fn outlet_reset(conn: &mut Conn, agency: &AgencyId, first: bool) -> Result<()> {
    let fresh = (task_outlet::attempts.eq(0), task_outlet::next_at.eq(Timestamp::EPOCH));
    diesel::update(task_outlet::table.find(agency)).set(fresh).execute(conn)?;
    if first {
        let here = task_outlet::delivered_seq.eq(task_outlet::last_seq);
        diesel::update(task_outlet::table.find(agency)).set(here).execute(conn)?;
    }
    Ok(())
}

/// Agencies with a receiver, something to be sent and no waiting time, with address and secret.
pub fn outlets_due(conn: &mut Conn, now: Timestamp) -> Result<Vec<(OutletRow, String, Vec<u8>)>> {
    let rows: Vec<(OutletRow, Option<String>, Option<Vec<u8>>)> = task_outlet::table
        .inner_join(agency::table.on(agency::id.eq(task_outlet::agency_id)))
        .filter(agency::webhook_url.is_not_null())
        .filter(agency::secret_sealed.is_not_null())
        .filter(task_outlet::next_at.le(now))
        .filter(task_outlet::lease_until.le(now))
        .filter(task_outlet::last_seq.gt(task_outlet::delivered_seq))
        .select((task_outlet::all_columns, agency::webhook_url, agency::secret_sealed))
        .load(conn)?;
    Ok(rows.into_iter().filter_map(|(row, url, secret)| Some((row, url?, secret?))).collect())
}

/// Takes the right to send; the new generation, or none when another node has it.
pub fn outlet_lease(conn: &mut Conn, agency: &AgencyId, now: Timestamp, until: Timestamp) -> Result<Option<i64>> {
    Ok(diesel::update(task_outlet::table.find(agency).filter(task_outlet::lease_until.le(now)))
        .set((task_outlet::lease_until.eq(until), task_outlet::lease_gen.eq(task_outlet::lease_gen + 1_i64)))
        .returning(task_outlet::lease_gen)
        .get_result(conn)
        .optional()?)
}

/// Writes the position down, and until when the lease is kept; false when it was lost meanwhile.
pub fn outlet_progress(
    conn: &mut Conn,
    agency: &AgencyId,
    lease: i64,
    progress: &Progress,
    until: Timestamp,
) -> Result<bool> {
    let mine = task_outlet::table.find(agency).filter(task_outlet::lease_gen.eq(lease));
    let rows = diesel::update(mine)
        .set((
            task_outlet::delivered_seq.eq(progress.delivered_seq),
            task_outlet::attempts.eq(progress.attempts),
            task_outlet::next_at.eq(progress.next_at),
            task_outlet::last_error.eq(progress.error.as_deref()),
            task_outlet::lease_until.eq(until),
        ))
        .execute(conn)?;
    if rows > 0
        && let Some(at) = progress.ok_at
    {
        diesel::update(task_outlet::table.find(agency)).set(task_outlet::last_ok_at.eq(Some(at))).execute(conn)?;
    }
    Ok(rows > 0)
}

/// Open orders that a machine of the agency has by now and of which that is not known yet.
pub fn tasks_taken(conn: &mut Conn, agency: &AgencyId, up_to: i64) -> Result<Vec<TaskId>> {
    let unknown: Vec<TaskId> = task::table
        .filter(task::agency_id.eq(agency))
        .filter(task::state.eq_any(State::ALL.iter().copied().filter(|state| state.is_open())))
        .filter(task::delivered_at.is_null())
        .order(task::sent_at.asc())
        .limit(TAKEN_MAX)
        .select(task::id)
        .load(conn)?;
    Ok(task_feed::table
        .filter(task_feed::task_id.eq_any(&unknown))
        .filter(task_feed::agency_id.eq(agency))
        .filter(task_feed::seq.le(up_to))
        .select(task_feed::task_id)
        .distinct()
        .order(task_feed::task_id.asc())
        .load(conn)?)
}
