//! Timer rows: set once per attempt, claimed by a conditional update, so two nodes never fire one twice.

use diesel::prelude::*;
use uuid::Uuid;

use super::rows::{TimerKind, TimerRow, TimerState};
use crate::per_backend;
use crate::platform::db::schema::backup_timer;
use crate::platform::db::{Conn, Tx};
use crate::words::error::Result;
use crate::words::ids::PersonId;
use crate::words::time::Timestamp;

/// Sets a timer; the same attempt a second time changes nothing.
pub fn timer_set(
    tx: &mut Tx<'_>,
    kind: TimerKind,
    subject: &str,
    person: Option<PersonId>,
    attempt: i64,
    due_at: Timestamp,
) -> Result<()> {
    let row = TimerRow {
        id: Uuid::now_v7().to_string(),
        kind,
        subject_id: subject.to_owned(),
        person_id: person,
        attempt,
        state: TimerState::Open,
        due_at,
        fired_at: None,
    };
    per_backend!(tx.conn(), |c| diesel::insert_into(backup_timer::table)
        .values(&row)
        .on_conflict_do_nothing()
        .execute(c))?;
    Ok(())
}

/// Open timers that are due, the longest overdue first. A kind that only a newer server knows is left to that server.
pub fn timers_due(conn: &mut Conn, now: Timestamp, limit: i64) -> Result<Vec<TimerRow>> {
    Ok(backup_timer::table
        .filter(backup_timer::state.eq(TimerState::Open))
        .filter(backup_timer::due_at.le(now))
        .filter(backup_timer::kind.eq_any(TimerKind::ALL))
        .order(backup_timer::due_at.asc())
        .limit(limit)
        .load(conn)?)
}

/// Claims a timer for firing; false when another node or an earlier poll did.
pub fn timer_claim(tx: &mut Tx<'_>, id: &str) -> Result<bool> {
    let now = tx.now;
    let claimed = diesel::update(
        backup_timer::table.filter(backup_timer::id.eq(id)).filter(backup_timer::state.eq(TimerState::Open)),
    )
    .set((backup_timer::state.eq(TimerState::Fired), backup_timer::fired_at.eq(Some(now))))
    .execute(tx.conn())?;
    Ok(claimed == 1)
}

/// Cancels open timers of a subject, all or of one kind.
pub fn timers_cancel(tx: &mut Tx<'_>, subject: &str, kinds: &[TimerKind]) -> Result<()> {
    diesel::update(
        backup_timer::table
            .filter(backup_timer::subject_id.eq(subject))
            .filter(backup_timer::kind.eq_any(kinds))
            .filter(backup_timer::state.eq(TimerState::Open)),
    )
    .set(backup_timer::state.eq(TimerState::Cancelled))
    .execute(tx.conn())?;
    Ok(())
}

/// The newest timer of a kind for a subject.
pub fn timer_last(conn: &mut Conn, subject: &str, kind: TimerKind) -> Result<Option<TimerRow>> {
    Ok(backup_timer::table
        .filter(backup_timer::subject_id.eq(subject))
        .filter(backup_timer::kind.eq(kind))
        .order(backup_timer::attempt.desc())
        .first(conn)
        .optional()?)
}

/// The number of the attempt after the last one.
pub fn next_attempt(last: Option<&TimerRow>) -> i64 {
    last.map_or(1, |last| last.attempt + 1)
}

/// Sets the subject's timer of this kind unless one is open: what comes until then shares it.
pub fn timer_share(tx: &mut Tx<'_>, kind: TimerKind, subject: &str, due_at: Timestamp) -> Result<()> {
    match timer_last(tx.conn(), subject, kind)? {
        Some(last) if last.state == TimerState::Open => Ok(()),
        last => timer_set(tx, kind, subject, None, next_attempt(last.as_ref()), due_at),
    }
}

/// Makes the subject's timer of this kind due now; sets a new one if none is open.
pub fn timer_hasten(tx: &mut Tx<'_>, kind: TimerKind, subject: &str) -> Result<()> {
    let now = tx.now;
    let open = diesel::update(
        backup_timer::table
            .filter(backup_timer::subject_id.eq(subject))
            .filter(backup_timer::kind.eq(kind))
            .filter(backup_timer::state.eq(TimerState::Open)),
    )
    .set(backup_timer::due_at.eq(now))
    .execute(tx.conn())?;
    if open == 0 {
        let last = timer_last(tx.conn(), subject, kind)?;
        timer_set(tx, kind, subject, None, next_attempt(last.as_ref()), now)?;
    }
    Ok(())
}
