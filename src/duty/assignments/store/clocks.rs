//! Deadlines and the attempts to reach people: rows, so that they survive a kill.

use diesel::prelude::*;

use super::super::escalation::{Channel, Limit};
use super::super::ladder::Truth;
use crate::platform::db::schema::{channel_attempt, deadline};
use crate::platform::db::{Conn, kept, straight};
use crate::words::error::Result;
use crate::words::ids::{AssignmentId, DeadlineId, DeviceId, IncidentId, JobId, PersonId};
use crate::words::time::Timestamp;

crate::text_enum! {
    pub enum DeadlineState { Open = "open", Met = "met", Missed = "missed", Paused = "paused" }
}

/// One clock.
#[derive(Clone, Debug, Queryable, Insertable)]
#[diesel(table_name = deadline, treat_none_as_default_value = false)]
pub struct DeadlineRow {
    pub id: DeadlineId,
    pub incident_id: IncidentId,
    pub assignment_id: Option<AssignmentId>,
    pub person_id: Option<PersonId>,
    pub limit_kind: Limit,
    pub attempt: i32,
    pub priority: i32,
    pub state: DeadlineState,
    pub opened_at: Timestamp,
    pub due_at: Timestamp,
    pub closed_at: Option<Timestamp>,
}

/// One attempt to reach one person; `truth` says whose word the outcome is.
#[derive(Clone, Debug, Queryable, Insertable)]
#[diesel(table_name = channel_attempt, treat_none_as_default_value = false)]
pub struct AttemptRow {
    pub id: JobId,
    pub assignment_id: AssignmentId,
    pub person_id: PersonId,
    pub limit_kind: Limit,
    pub attempt: i32,
    pub channel: Channel,
    pub device_id: Option<DeviceId>,
    /// The partner who was asked, or the card.
    pub target_id: Option<String>,
    pub truth: Option<Truth>,
    /// `tried`, `pending`, `skipped`, `received`, `sent`, `failed`.
    pub outcome: String,
    pub detail: Option<String>,
    pub at: Timestamp,
    pub outcome_at: Option<Timestamp>,
}

pub fn deadline_insert(conn: &mut Conn, row: &DeadlineRow) -> Result<()> {
    straight::execute(conn, diesel::insert_into(deadline::table).values(row))?;
    Ok(())
}

pub fn deadline_fetch(conn: &mut Conn, id: &DeadlineId) -> Result<Option<DeadlineRow>> {
    Ok(deadline::table.find(id).first(conn).optional()?)
}

pub fn deadlines_open(conn: &mut Conn, id: &AssignmentId) -> Result<Vec<DeadlineRow>> {
    let open = deadline::table.filter(deadline::assignment_id.eq(id)).filter(deadline::state.eq(DeadlineState::Open));
    Ok(straight::all(conn, open)?)
}

/// For whose sake a clock of that kind was paused.
pub fn people_paused(conn: &mut Conn, id: &AssignmentId, limit: Limit) -> Result<Vec<PersonId>> {
    let people: Vec<Option<PersonId>> = deadline::table
        .filter(deadline::assignment_id.eq(id))
        .filter(deadline::limit_kind.eq(limit))
        .filter(deadline::state.eq(DeadlineState::Paused))
        .select(deadline::person_id)
        .distinct()
        .load(conn)?;
    Ok(people.into_iter().flatten().collect())
}

pub fn deadlines_of_incident(conn: &mut Conn, id: &IncidentId) -> Result<Vec<DeadlineRow>> {
    Ok(deadline::table
        .filter(deadline::incident_id.eq(id))
        .filter(deadline::state.eq(DeadlineState::Open))
        .order(deadline::due_at)
        .load(conn)?)
}

/// Closes an open one; false when somebody else was quicker.
pub fn deadline_close(conn: &mut Conn, id: &DeadlineId, to: DeadlineState, now: Timestamp) -> Result<bool> {
    let open = deadline::table.find(id).filter(deadline::state.eq(DeadlineState::Open));
    let closed = (deadline::state.eq(to), deadline::closed_at.eq(Some(now)));
    Ok(kept::execute(conn, diesel::update(open).set(closed))? > 0)
}

/// Marks a due one as missed: the only door to escalation, open to one caller.
pub fn deadline_miss(conn: &mut Conn, id: &DeadlineId, now: Timestamp) -> Result<Option<DeadlineRow>> {
    let due = deadline::table.find(id).filter(deadline::state.eq(DeadlineState::Open)).filter(deadline::due_at.le(now));
    Ok(diesel::update(due)
        .set((deadline::state.eq(DeadlineState::Missed), deadline::closed_at.eq(Some(now))))
        .returning(deadline::all_columns)
        .get_result(conn)
        .optional()?)
}

/// The wait for one person is over before its time: nothing can come of it.
pub fn deadline_hasten(
    conn: &mut Conn,
    assignment: &AssignmentId,
    person: &PersonId,
    limit: Limit,
    now: Timestamp,
) -> Result<()> {
    diesel::update(
        deadline::table
            .filter(deadline::assignment_id.eq(assignment))
            .filter(deadline::person_id.eq(person))
            .filter(deadline::limit_kind.eq(limit))
            .filter(deadline::state.eq(DeadlineState::Open))
            .filter(deadline::due_at.gt(now)),
    )
    .set(deadline::due_at.eq(now))
    .execute(conn)?;
    Ok(())
}

/// Due now, the gravest and longest overdue first.
pub fn deadlines_due(conn: &mut Conn, now: Timestamp, limit: i64) -> Result<Vec<DeadlineId>> {
    Ok(deadline::table
        .filter(deadline::state.eq(DeadlineState::Open))
        .filter(deadline::due_at.le(now))
        .order((deadline::due_at.asc(), deadline::priority.asc()))
        .limit(limit)
        .select(deadline::id)
        .load(conn)?)
}

/// When the next one falls due.
pub fn deadlines_next(conn: &mut Conn) -> Result<Option<Timestamp>> {
    Ok(deadline::table
        .filter(deadline::state.eq(DeadlineState::Open))
        .order(deadline::due_at.asc())
        .select(deadline::due_at)
        .first(conn)
        .optional()?)
}

pub fn attempt_insert(conn: &mut Conn, row: &AttemptRow) -> Result<()> {
    straight::execute(conn, diesel::insert_into(channel_attempt::table).values(row))?;
    Ok(())
}

pub fn attempts_of(conn: &mut Conn, id: &AssignmentId) -> Result<Vec<AttemptRow>> {
    Ok(channel_attempt::table
        .filter(channel_attempt::assignment_id.eq(id))
        .order((channel_attempt::at.asc(), channel_attempt::id.asc()))
        .limit(500)
        .load(conn)?)
}

/// Attempts the push adapter has not been told of yet.
pub fn attempts_pending(conn: &mut Conn, channel: Channel, limit: i64) -> Result<Vec<AttemptRow>> {
    Ok(channel_attempt::table
        .filter(channel_attempt::channel.eq(channel))
        .filter(channel_attempt::outcome.eq("pending"))
        .order(channel_attempt::at.asc())
        .limit(limit)
        .load(conn)?)
}

/// What a machine said of an attempt: its word, never a human's.
pub fn attempt_outcome(conn: &mut Conn, id: &JobId, outcome: &str, detail: Option<&str>, now: Timestamp) -> Result<()> {
    diesel::update(channel_attempt::table.find(id))
        .set((
            channel_attempt::outcome.eq(outcome),
            channel_attempt::truth.eq(Some(Truth::Machine)),
            channel_attempt::detail.eq(detail),
            channel_attempt::outcome_at.eq(Some(now)),
        ))
        .execute(conn)?;
    Ok(())
}

/// A device's receipt ends the attempts that were waiting for it: a machine's word.
pub fn attempts_received(
    conn: &mut Conn,
    id: &AssignmentId,
    person: &PersonId,
    device: &DeviceId,
    now: Timestamp,
) -> Result<()> {
    let ours = channel_attempt::channel.eq(Channel::Socket).or(channel_attempt::channel.eq(Channel::OtherDevices));
    let waiting = channel_attempt::table
        .filter(channel_attempt::assignment_id.eq(id))
        .filter(channel_attempt::person_id.eq(person))
        .filter(channel_attempt::outcome.eq("tried"))
        .filter(ours);
    let received = (
        channel_attempt::outcome.eq("received"),
        channel_attempt::truth.eq(Some(Truth::Machine)),
        channel_attempt::device_id.eq(Some(device)),
        channel_attempt::outcome_at.eq(Some(now)),
    );
    kept::execute(conn, diesel::update(waiting).set(received))?;
    Ok(())
}
