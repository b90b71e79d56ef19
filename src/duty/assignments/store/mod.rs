//! Every query about assignments; `noun_verb`, one file per topic.

mod clocks;
mod rungs;

use diesel::prelude::*;

use super::ladder::{Pause, Standing, State};
use crate::platform::db::schema::{agency, assignment, assignment_person};
use crate::platform::db::{Conn, kept, straight};
use crate::words::error::{Error, Result};
use crate::words::ids::{AgencyId, AssignmentId, IncidentId, PersonId, UnitId};
use crate::words::time::Timestamp;
use crate::{lock_row, per_backend};

pub use clocks::{
    AttemptRow, DeadlineRow, DeadlineState, attempt_insert, attempt_outcome, attempts_of, attempts_pending,
    attempts_received, deadline_close, deadline_fetch, deadline_hasten, deadline_insert, deadline_miss, deadlines_due,
    deadlines_next, deadlines_of_incident, deadlines_open, people_paused,
};
pub use rungs::{RungRow, rung_by_key, rung_insert, rungs_list};

crate::text_enum! {
    /// What an assignment is given to.
    pub enum AssigneeKind { Person = "person", Crew = "crew", Unit = "unit", Agency = "agency" }
}

crate::text_enum! {
    /// How an assignment came about.
    pub enum Origin {
        /// A seat sent them.
        Seat = "seat",
        /// Escalation added them.
        Auto = "auto",
        /// They attached themselves.
        Own = "own",
        /// The unit's own, made with the incident.
        Intake = "intake",
        /// Handed over from another unit.
        Transfer = "transfer",
    }
}

/// One assignment. `height`, `moved_at`, `pause*`, `ended`, `cancel_asked` are the ladder's marks.
#[derive(Clone, Debug, Queryable, Insertable)]
#[diesel(table_name = assignment, treat_none_as_default_value = false)]
pub struct AssignmentRow {
    pub id: AssignmentId,
    pub incident_id: IncidentId,
    pub round: i32,
    pub assignee_kind: AssigneeKind,
    pub assignee_id: String,
    pub person_id: Option<PersonId>,
    pub unit_id: UnitId,
    pub state: State,
    pub height: i32,
    pub moved_at: Option<Timestamp>,
    pub pause: Option<State>,
    pub pause_at: Option<Timestamp>,
    pub pause_note: Option<String>,
    pub ended: Option<State>,
    pub cancel_asked: bool,
    pub cancel_confirmed_at: Option<Timestamp>,
    pub priority: i32,
    pub origin: Origin,
    pub lead_override: bool,
    pub why: String,
    pub replaces: Option<AssignmentId>,
    pub created_by: Option<PersonId>,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
    pub accepted_at: Option<Timestamp>,
    pub closed_at: Option<Timestamp>,
    pub version: i64,
}

impl AssignmentRow {
    /// The ladder's marks.
    pub fn standing(&self) -> Standing {
        let pause = match (self.pause, self.pause_at) {
            (Some(state), Some(at)) => Some(Pause { state, at }),
            _ => None,
        };
        Standing {
            height: u8::try_from(self.height).unwrap_or(u8::MAX),
            moved_at: self.moved_at,
            pause,
            ended: self.ended,
            cancel_asked: self.cancel_asked,
        }
    }

    /// Takes the marks over and derives the state.
    pub fn stand(&mut self, standing: &Standing) {
        self.height = i32::from(standing.height);
        self.moved_at = standing.moved_at;
        self.pause = standing.pause.map(|pause| pause.state);
        self.pause_at = standing.pause.map(|pause| pause.at);
        self.ended = standing.ended;
        self.cancel_asked = standing.cancel_asked;
        self.state = standing.state();
    }

    pub fn is_unit(&self) -> bool {
        self.assignee_kind == AssigneeKind::Unit
    }
}

/// One person of an assignment; each has an own delivered and viewed.
#[derive(Clone, Debug, Queryable, Insertable)]
#[diesel(table_name = assignment_person, treat_none_as_default_value = false)]
pub struct MemberRow {
    pub assignment_id: AssignmentId,
    pub person_id: PersonId,
    pub role: String,
    pub sent_at: Timestamp,
    pub delivered_at: Option<Timestamp>,
    pub viewed_at: Option<Timestamp>,
    pub left_at: Option<Timestamp>,
    pub open: bool,
}

/// Errors: `not_found`.
pub fn assignment_fetch(conn: &mut Conn, id: &AssignmentId) -> Result<AssignmentRow> {
    straight::one(conn, assignment::table.find(id))?.ok_or_else(|| Error::not_found("assignment"))
}

/// Fetches and locks the row until the transaction ends.
pub fn assignment_lock(conn: &mut Conn, id: &AssignmentId) -> Result<AssignmentRow> {
    lock_row!(conn, assignment, id)?.ok_or_else(|| Error::not_found("assignment"))
}

/// The row that was just read, locked until the transaction ends, as it is now: SQLite's one writer has it already.
pub fn assignment_relock(conn: &mut Conn, seen: AssignmentRow) -> Result<AssignmentRow> {
    match conn {
        Conn::Sqlite(_) => Ok(seen),
        Conn::Pg(_) => assignment_lock(conn, &seen.id),
    }
}

pub fn assignment_insert(conn: &mut Conn, row: &AssignmentRow) -> Result<()> {
    diesel::insert_into(assignment::table).values(row).execute(conn)?;
    Ok(())
}

/// What of an assignment moves. Whatever else it is, it stays: a rung need not write three indexes anew.
#[derive(AsChangeset)]
#[diesel(table_name = assignment, treat_none_as_null = true)]
struct Moving<'a> {
    state: State,
    height: i32,
    moved_at: Option<Timestamp>,
    pause: Option<State>,
    pause_at: Option<Timestamp>,
    pause_note: Option<&'a str>,
    ended: Option<State>,
    cancel_asked: bool,
    cancel_confirmed_at: Option<Timestamp>,
    priority: i32,
    updated_at: Timestamp,
    accepted_at: Option<Timestamp>,
    version: i64,
}

/// Writes back what moves; callers hold the row's lock. Closed is closed: nothing opens it again.
pub fn assignment_save(conn: &mut Conn, row: &AssignmentRow) -> Result<()> {
    let moving = Moving {
        state: row.state,
        height: row.height,
        moved_at: row.moved_at,
        pause: row.pause,
        pause_at: row.pause_at,
        pause_note: row.pause_note.as_deref(),
        ended: row.ended,
        cancel_asked: row.cancel_asked,
        cancel_confirmed_at: row.cancel_confirmed_at,
        priority: row.priority,
        updated_at: row.updated_at,
        accepted_at: row.accepted_at,
        version: row.version,
    };
    kept::execute(conn, diesel::update(assignment::table.find(&row.id)).set(moving))?;
    if let Some(closed) = row.closed_at {
        let now_closed = diesel::update(assignment::table.find(&row.id).filter(assignment::closed_at.is_null()));
        kept::execute(conn, now_closed.set(assignment::closed_at.eq(Some(closed))))?;
    }
    Ok(())
}

/// All of an incident, oldest first.
pub fn assignments_of_incident(conn: &mut Conn, id: &IncidentId) -> Result<Vec<AssignmentRow>> {
    Ok(assignment::table
        .filter(assignment::incident_id.eq(id))
        .order((assignment::created_at.asc(), assignment::id.asc()))
        .limit(500)
        .load(conn)?)
}

/// Not yet closed, units' included.
pub fn open_of_incident(conn: &mut Conn, id: &IncidentId) -> Result<Vec<AssignmentRow>> {
    Ok(assignment::table
        .filter(assignment::incident_id.eq(id))
        .filter(assignment::closed_at.is_null())
        .order((assignment::created_at.asc(), assignment::id.asc()))
        .load(conn)?)
}

/// A person's open assignments, his own and his crew's; oldest first.
pub fn open_of_person(conn: &mut Conn, person: &PersonId) -> Result<Vec<AssignmentRow>> {
    let mine = assignment_person::table
        .filter(assignment_person::person_id.eq(person))
        .filter(assignment_person::open.eq(true))
        .select(assignment_person::assignment_id);
    let open = assignment::table
        .filter(assignment::id.eq_any(mine))
        .filter(assignment::closed_at.is_null())
        .order((assignment::created_at.asc(), assignment::id.asc()));
    Ok(straight::all(conn, open)?)
}

/// Everything a person was ever sent to, newest first, before an instant.
pub fn assignments_of_person(
    conn: &mut Conn,
    person: &PersonId,
    before: Option<(Timestamp, AssignmentId)>,
    limit: i64,
) -> Result<Vec<AssignmentRow>> {
    use crate::platform::db::conn::MultiBackend;
    let mine = assignment_person::table
        .filter(assignment_person::person_id.eq(*person))
        .select(assignment_person::assignment_id);
    let mut query = assignment::table.filter(assignment::id.eq_any(mine)).into_boxed::<MultiBackend>();
    if let Some((at, id)) = before {
        query =
            query.filter(assignment::created_at.lt(at).or(assignment::created_at.eq(at).and(assignment::id.lt(id))));
    }
    Ok(query.order((assignment::created_at.desc(), assignment::id.desc())).limit(limit).load(conn)?)
}

/// Open ones given to this crew, unit or agency.
pub fn open_of_assignee(conn: &mut Conn, kind: AssigneeKind, id: &str) -> Result<Vec<AssignmentRow>> {
    let open = assignment::table
        .filter(assignment::assignee_id.eq(id))
        .filter(assignment::assignee_kind.eq(kind))
        .filter(assignment::closed_at.is_null())
        .order((assignment::created_at.asc(), assignment::id.asc()));
    Ok(straight::all(conn, open)?)
}

/// Open assignments of crews and people of one unit.
pub fn open_count_of_unit(conn: &mut Conn, unit: &UnitId) -> Result<i64> {
    Ok(assignment::table
        .filter(assignment::unit_id.eq(unit))
        .filter(assignment::closed_at.is_null())
        .filter(assignment::assignee_kind.ne(AssigneeKind::Unit))
        .count()
        .get_result(conn)?)
}

/// Adds a person once; true when new.
pub fn member_insert(conn: &mut Conn, row: &MemberRow) -> Result<bool> {
    let rows = per_backend!(conn, |c| diesel::insert_into(assignment_person::table)
        .values(row)
        .on_conflict_do_nothing()
        .execute(c))?;
    Ok(rows > 0)
}

pub fn members_of(conn: &mut Conn, id: &AssignmentId) -> Result<Vec<MemberRow>> {
    let members = assignment_person::table
        .filter(assignment_person::assignment_id.eq(id))
        .order((assignment_person::role.desc(), assignment_person::person_id.asc()));
    Ok(straight::all(conn, members)?)
}

pub fn members_of_all(conn: &mut Conn, ids: &[AssignmentId]) -> Result<Vec<MemberRow>> {
    Ok(assignment_person::table.filter(assignment_person::assignment_id.eq_any(ids)).load(conn)?)
}

/// The first receipt stays.
pub fn member_delivered(conn: &mut Conn, id: &AssignmentId, person: &PersonId, now: Timestamp) -> Result<()> {
    let first = assignment_person::table.find((id, person)).filter(assignment_person::delivered_at.is_null());
    kept::execute(conn, diesel::update(first).set(assignment_person::delivered_at.eq(Some(now))))?;
    Ok(())
}

/// The first look stays.
pub fn member_viewed(conn: &mut Conn, id: &AssignmentId, person: &PersonId, now: Timestamp) -> Result<()> {
    let first = assignment_person::table.find((id, person)).filter(assignment_person::viewed_at.is_null());
    kept::execute(conn, diesel::update(first).set(assignment_person::viewed_at.eq(Some(now))))?;
    Ok(())
}

/// Splits one person off.
pub fn member_leave(conn: &mut Conn, id: &AssignmentId, person: &PersonId, now: Timestamp) -> Result<bool> {
    let rows = diesel::update(assignment_person::table.find((id, person)).filter(assignment_person::open.eq(true)))
        .set((assignment_person::open.eq(false), assignment_person::left_at.eq(Some(now))))
        .execute(conn)?;
    Ok(rows > 0)
}

/// Takes a person back who had been split off.
pub fn member_rejoin(conn: &mut Conn, id: &AssignmentId, person: &PersonId) -> Result<()> {
    diesel::update(assignment_person::table.find((id, person)))
        .set((assignment_person::open.eq(true), assignment_person::left_at.eq(None::<Timestamp>)))
        .execute(conn)?;
    Ok(())
}

/// The assignment is over for everybody.
pub fn members_close(conn: &mut Conn, id: &AssignmentId) -> Result<()> {
    let all = assignment_person::table.filter(assignment_person::assignment_id.eq(id));
    kept::execute(conn, diesel::update(all).set(assignment_person::open.eq(false)))?;
    Ok(())
}

/// People with an open assignment of this incident, units' seats not counted.
pub fn assigned_people(conn: &mut Conn, incident: &IncidentId) -> Result<Vec<PersonId>> {
    crate::duty::incidents::store::people_open(conn, incident)
}

/// Name and keeping unit of a partner agency: fire, ambulance, gas, power, the city's 12345.
///
/// Errors: `not_found`.
pub fn agency_fetch(conn: &mut Conn, id: &AgencyId) -> Result<(String, UnitId)> {
    let found = agency::table.find(id).select((agency::name, agency::unit_id)).first(conn).optional()?;
    found.ok_or_else(|| Error::not_found("agency"))
}
