//! Durable work: enqueued in the caller's transaction, claimed under a lease,
//! repeated until done, given up loudly. Jobs are idempotent.

use diesel::prelude::*;
use serde_json::Value;

use super::db::conn::MultiBackend;
use super::db::schema::job;
use super::db::{Conn, Tx};
use crate::words::error::Result;
use crate::words::ids::JobId;
use crate::words::time::Timestamp;

/// A claimed job that is neither finished nor renewed within this time is claimed again.
const LEASE_S: i64 = 30;
/// A worker renews its lease this often while a long job runs.
pub const RENEW_S: u64 = 10;
/// Attempts before a job is parked for a human.
const ATTEMPTS_MAX: i32 = 20;
/// Longest wait between two attempts.
const BACKOFF_MAX_S: i64 = 300;

/// A job as claimed; `lease_gen` fences a worker that was too slow.
#[derive(Clone, Debug, Queryable, Selectable)]
#[diesel(table_name = job)]
pub struct JobRow {
    pub id: JobId,
    pub kind: String,
    pub args: String,
    pub due_at: Timestamp,
    pub attempts: i32,
    pub lease_until: Option<Timestamp>,
    pub lease_gen: i64,
    pub parked: bool,
    pub last_error: Option<String>,
    pub created_at: Timestamp,
}

/// Adds a job that becomes due at `due_at`.
pub fn enqueue(tx: &mut Tx<'_>, kind: &str, args: &Value, due_at: Timestamp) -> Result<JobId> {
    let id = JobId::new();
    let now = tx.now;
    diesel::insert_into(job::table)
        .values((
            job::id.eq(id),
            job::kind.eq(kind),
            job::args.eq(args.to_string()),
            job::due_at.eq(due_at),
            job::attempts.eq(0),
            job::lease_gen.eq(0),
            job::parked.eq(false),
            job::created_at.eq(now),
        ))
        .execute(tx.conn())?;
    Ok(id)
}

/// Which jobs a worker takes, by kind.
#[derive(Clone, Copy, Debug)]
pub enum Kinds {
    Only(&'static [&'static str]),
    /// All but these, unknown ones too, so that somebody notices them.
    Except(&'static [&'static str]),
}

/// Whether a worker would find something to claim. An idle one asks this and writes nothing.
pub fn waits(conn: &mut Conn, now: Timestamp, kinds: Kinds) -> Result<bool> {
    Ok(next(conn, now, kinds)?.is_some())
}

/// Claims the job of these kinds that has been due longest.
pub fn claim(tx: &mut Tx<'_>, kinds: Kinds) -> Result<Option<JobRow>> {
    let now = tx.now;
    let Some((id, lease_gen)) = next(tx.conn(), now, kinds)? else { return Ok(None) };
    // The condition on the generation lets one of two claimants win.
    Ok(diesel::update(job::table.filter(job::id.eq(id)).filter(job::lease_gen.eq(lease_gen)))
        .set((
            job::lease_until.eq(now.plus_secs(LEASE_S)),
            job::lease_gen.eq(lease_gen + 1),
            job::attempts.eq(job::attempts + 1),
        ))
        .returning(job::all_columns)
        .get_result(tx.conn())
        .optional()?)
}

fn next(conn: &mut Conn, now: Timestamp, kinds: Kinds) -> Result<Option<(JobId, i64)>> {
    let mut query = job::table
        .filter(job::parked.eq(false))
        .filter(job::due_at.le(now))
        .filter(job::lease_until.is_null().or(job::lease_until.lt(now)))
        .order(job::due_at.asc())
        .select((job::id, job::lease_gen))
        .into_boxed::<MultiBackend>();
    query = match kinds {
        Kinds::Only(kinds) => query.filter(job::kind.eq_any(kinds.iter().copied())),
        Kinds::Except(kinds) => query.filter(job::kind.ne_all(kinds.iter().copied())),
    };
    Ok(query.first(conn).optional()?)
}

/// Removes a finished job; false when another worker has taken it over.
pub fn finish(tx: &mut Tx<'_>, row: &JobRow) -> Result<bool> {
    let gone = diesel::delete(job::table.filter(job::id.eq(row.id)).filter(job::lease_gen.eq(row.lease_gen)))
        .execute(tx.conn())?;
    Ok(gone > 0)
}

/// Keeps a claimed job for another lease; false when another worker has taken it over.
pub fn renew(tx: &mut Tx<'_>, row: &JobRow) -> Result<bool> {
    let until = tx.now.plus_secs(LEASE_S);
    let kept = diesel::update(job::table.filter(job::id.eq(row.id)).filter(job::lease_gen.eq(row.lease_gen)))
        .set(job::lease_until.eq(until))
        .execute(tx.conn())?;
    Ok(kept > 0)
}

/// Makes what was given up, or waits for another attempt, due at once with all its attempts; how many there were.
pub fn revive(tx: &mut Tx<'_>, kinds: &[&str]) -> Result<usize> {
    let now = tx.now;
    let waits = job::lease_until.is_null().or(job::lease_until.lt(now));
    let failed = job::parked.eq(true).or(job::attempts.gt(0));
    Ok(diesel::update(job::table.filter(job::kind.eq_any(kinds.to_vec())).filter(failed).filter(waits))
        .set((job::parked.eq(false), job::attempts.eq(0), job::due_at.eq(now), job::lease_until.eq(None::<Timestamp>)))
        .execute(tx.conn())?)
}

/// Puts a claimed job off that could not be begun, since what it needs was away: the attempt does not count.
pub fn postpone(tx: &mut Tx<'_>, row: &JobRow, seconds: i64, why: &str) -> Result<()> {
    let due = tx.now.plus_secs(seconds);
    diesel::update(job::table.filter(job::id.eq(row.id)).filter(job::lease_gen.eq(row.lease_gen)))
        .set((
            job::attempts.eq(job::attempts - 1),
            job::due_at.eq(due),
            job::lease_until.eq(None::<Timestamp>),
            job::last_error.eq(why),
        ))
        .execute(tx.conn())?;
    Ok(())
}

/// Schedules the next attempt, or parks the job after [`ATTEMPTS_MAX`].
pub fn fail(tx: &mut Tx<'_>, row: &JobRow, error: &str) -> Result<()> {
    let parked = row.attempts >= ATTEMPTS_MAX;
    let wait = (1_i64 << row.attempts.clamp(0, 16)).min(BACKOFF_MAX_S);
    let due = tx.now.plus_secs(wait);
    if parked {
        tracing::error!(job = %row.id, kind = row.kind, error, "a job was given up");
    }
    diesel::update(job::table.filter(job::id.eq(row.id)).filter(job::lease_gen.eq(row.lease_gen)))
        .set((
            job::parked.eq(parked),
            job::due_at.eq(due),
            job::lease_until.eq(None::<Timestamp>),
            job::last_error.eq(error),
        ))
        .execute(tx.conn())?;
    Ok(())
}
