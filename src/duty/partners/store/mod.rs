//! Every query about linked bodies and their orders; `noun_verb`, one file per topic.

pub mod agencies;
pub mod outlet;

use diesel::prelude::*;

use super::rules::{Kind, Stage, State};
use super::{AgencyKind, Truth, WhoseClock};
use crate::platform::db::Conn;
use crate::platform::db::schema::{agency, mediation, task, task_event};
use crate::words::error::{Error, Result};
use crate::words::ids::{AgencyId, IncidentId, MediationId, PersonId, TaskEventId, TaskId, UnitId};
use crate::words::time::Timestamp;
use crate::{lock_row, per_backend};

/// One work order.
#[derive(Clone, Debug, PartialEq, Queryable, Insertable, AsChangeset)]
#[diesel(table_name = task, treat_none_as_null = true, treat_none_as_default_value = false)]
pub struct TaskRow {
    pub id: TaskId,
    pub incident_id: IncidentId,
    /// In charge of the incident when it was sent.
    pub unit_id: UnitId,
    pub agency_id: AgencyId,
    /// The record whose copy goes along.
    pub mediation_id: Option<MediationId>,
    pub ask: String,
    pub safety_notes: Option<String>,
    /// Names of the record's papers, as a JSON list.
    pub documents: String,
    pub due_at: Option<Timestamp>,
    pub drill: bool,
    pub state: State,
    pub state_at: Timestamp,
    pub version: i64,
    pub sent_by: PersonId,
    pub sent_at: Timestamp,
    /// When a machine of the agency first took it.
    pub delivered_at: Option<Timestamp>,
    pub signed_at: Option<Timestamp>,
    pub accepted_at: Option<Timestamp>,
    pub arrived_at: Option<Timestamp>,
    pub ended_at: Option<Timestamp>,
    /// The result, or the reason.
    pub outcome: Option<String>,
    pub accept_by: Timestamp,
    pub finish_by: Timestamp,
    /// When the room is to be told next that it is late.
    pub tell_at: Option<Timestamp>,
    /// The last of its clocks of which the room was told.
    pub told: Option<Stage>,
}

/// One move of an order.
#[derive(Clone, Debug, Queryable, Insertable)]
#[diesel(table_name = task_event, treat_none_as_default_value = false)]
pub struct EventRow {
    pub id: TaskEventId,
    pub task_id: TaskId,
    /// From 1.
    pub n: i32,
    pub kind: Kind,
    pub truth: Truth,
    pub clock: WhoseClock,
    /// Whose account said so; none for a machine.
    pub by_person: Option<PersonId>,
    /// The human of the agency.
    pub by_name: Option<String>,
    pub text: Option<String>,
    /// When it happened, as told.
    pub said_at: Option<Timestamp>,
    /// When the server heard of it.
    pub at: Timestamp,
    pub state_after: State,
}

/// False when there is one of this id.
pub fn task_insert_new(conn: &mut Conn, row: &TaskRow) -> Result<bool> {
    let rows =
        per_backend!(conn, |c| diesel::insert_into(task::table).values(row).on_conflict_do_nothing().execute(c))?;
    Ok(rows > 0)
}

pub fn task_find(conn: &mut Conn, id: &TaskId) -> Result<Option<TaskRow>> {
    Ok(task::table.find(id).first(conn).optional()?)
}

/// Errors: `not_found`.
pub fn task_fetch(conn: &mut Conn, id: &TaskId) -> Result<TaskRow> {
    task_find(conn, id)?.ok_or_else(|| Error::not_found("task"))
}

/// Fetches and locks the row until the transaction ends.
pub fn task_lock(conn: &mut Conn, id: &TaskId) -> Result<TaskRow> {
    let row: Option<TaskRow> = lock_row!(conn, task, id)?;
    row.ok_or_else(|| Error::not_found("task"))
}

/// Writes the row down as it is now; the caller holds its lock.
pub fn task_save(conn: &mut Conn, row: &TaskRow) -> Result<()> {
    per_backend!(conn, |c| diesel::update(task::table.find(row.id)).set(row).execute(c))?;
    Ok(())
}

/// Of one incident, in the order in which they were sent.
pub fn tasks_of_incident(conn: &mut Conn, id: &IncidentId) -> Result<Vec<TaskRow>> {
    Ok(task::table.filter(task::incident_id.eq(id)).order((task::sent_at.asc(), task::id.asc())).load(conn)?)
}

/// Open ones of an agency, oldest first.
pub fn tasks_open_of_agency(conn: &mut Conn, id: &AgencyId) -> Result<Vec<TaskRow>> {
    Ok(task::table
        .filter(task::agency_id.eq(id))
        .filter(task::state.eq_any(State::ALL.iter().copied().filter(|state| state.is_open())))
        .order((task::sent_at.asc(), task::id.asc()))
        .load(conn)?)
}

/// Of this incident, given back by this agency: how often.
pub fn returns_count(conn: &mut Conn, incident: &IncidentId, agency: &AgencyId) -> Result<i64> {
    Ok(task::table
        .filter(task::incident_id.eq(incident))
        .filter(task::agency_id.eq(agency))
        .filter(task::state.eq(State::Returned))
        .count()
        .get_result(conn)?)
}

/// Those that the room is to be told of by now.
pub fn tasks_late(conn: &mut Conn, now: Timestamp, limit: i64) -> Result<Vec<TaskId>> {
    Ok(task::table
        .filter(task::tell_at.le(now))
        .order((task::tell_at.asc(), task::id.asc()))
        .limit(limit)
        .select(task::id)
        .load(conn)?)
}

/// Whether an agency has an order with this record's paper: open, or closed.
pub fn papers_lent(conn: &mut Conn, agency: &AgencyId, mediation: &MediationId) -> Result<Vec<String>> {
    Ok(task::table
        .filter(task::agency_id.eq(agency))
        .filter(task::mediation_id.eq(mediation))
        .filter(task::state.ne_all([State::Returned, State::Withdrawn]))
        .select(task::documents)
        .load(conn)?)
}

/// The incident of a record of mediation, if there is such a record.
pub fn incident_of_record(conn: &mut Conn, id: &MediationId) -> Result<Option<IncidentId>> {
    Ok(mediation::table.find(id).select(mediation::incident_id).first(conn).optional()?)
}

pub fn event_insert(conn: &mut Conn, row: &EventRow) -> Result<()> {
    diesel::insert_into(task_event::table).values(row).execute(conn)?;
    Ok(())
}

pub fn event_find(conn: &mut Conn, id: &TaskEventId) -> Result<Option<EventRow>> {
    Ok(task_event::table.find(id).first(conn).optional()?)
}

/// Every move of these orders, in their order.
pub fn events_of(conn: &mut Conn, tasks: &[TaskId]) -> Result<Vec<EventRow>> {
    Ok(task_event::table
        .filter(task_event::task_id.eq_any(tasks))
        .order((task_event::task_id.asc(), task_event::n.asc()))
        .load(conn)?)
}

/// How many moves an order has made.
pub fn events_count(conn: &mut Conn, id: &TaskId) -> Result<i64> {
    Ok(task_event::table.filter(task_event::task_id.eq(id)).count().get_result(conn)?)
}

/// What figures need of one order.
pub struct Counted {
    pub incident_id: IncidentId,
    pub agency_id: AgencyId,
    pub agency_name: String,
    pub agency_kind: AgencyKind,
    pub state: State,
    pub sent_at: Timestamp,
    pub accepted_at: Option<Timestamp>,
}

type CountedRow = (IncidentId, AgencyId, String, AgencyKind, State, Timestamp, Option<Timestamp>);

/// Of these units, sent in a period; no drills.
pub fn tasks_counted(conn: &mut Conn, units: &[UnitId], from: Timestamp, until: Timestamp) -> Result<Vec<Counted>> {
    let rows: Vec<CountedRow> = task::table
        .inner_join(agency::table.on(agency::id.eq(task::agency_id)))
        .filter(task::unit_id.eq_any(units))
        .filter(task::sent_at.ge(from))
        .filter(task::sent_at.lt(until))
        .filter(task::drill.eq(false))
        .order((task::sent_at.asc(), task::id.asc()))
        .select((
            task::incident_id,
            task::agency_id,
            agency::name,
            agency::kind,
            task::state,
            task::sent_at,
            task::accepted_at,
        ))
        .load(conn)?;
    let counted = |(incident_id, agency_id, agency_name, agency_kind, state, sent_at, accepted_at)| Counted {
        incident_id,
        agency_id,
        agency_name,
        agency_kind,
        state,
        sent_at,
        accepted_at,
    };
    Ok(rows.into_iter().map(counted).collect())
}
