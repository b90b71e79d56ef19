//! Gaps of scenes, and what there is to fill them.

use diesel::prelude::*;

use crate::duty::evidence::scene::{GapCode, GapState, Requirement};
use crate::duty::evidence::{Kind, Place};
use crate::platform::db::Conn;
use crate::platform::db::conn::MultiBackend;
use crate::platform::db::schema::{assignment_person, evidence, evidence_incident, scene_gap as gap};
use crate::words::error::{Error, Result};
use crate::words::ids::{AssignmentId, EvidenceId, IncidentId, PersonId, SceneGapId, UnitId};
use crate::words::time::Timestamp;
use crate::{lock_row, per_backend};

/// A recording is looked for from so long before it would be needed: no camera records longer without a new file.
const RECORDING_MAX_S: i64 = 86_400;
/// Recordings of one visit that are looked at: a shift in segments of a minute.
const RECORDINGS_MAX: i64 = 2_000;

/// One thing that was missing when a unit left. An assignment has each requirement once.
#[derive(Clone, Debug, Queryable, Insertable)]
#[diesel(table_name = gap, treat_none_as_default_value = false)]
pub struct GapRow {
    pub id: SceneGapId,
    pub incident_id: IncidentId,
    pub assignment_id: AssignmentId,
    /// Whose room has it in its list.
    pub unit_id: UnitId,
    pub requirement: Requirement,
    pub code: GapCode,
    pub need: i64,
    pub have: i64,
    /// The stretch that was to be recorded, or in which photos and papers count; none while the arrival is unknown.
    pub from_at: Option<Timestamp>,
    pub to_at: Option<Timestamp>,
    pub state: GapState,
    pub opened_at: Timestamp,
    pub due_at: Timestamp,
    /// When it is measured once more by itself: for what was just arriving as it was opened.
    pub look_at: Option<Timestamp>,
    /// When the room was told that it is overdue.
    pub overdue_at: Option<Timestamp>,
    pub closed_at: Option<Timestamp>,
    pub closed_by: Option<PersonId>,
    /// Why it cannot be supplied.
    pub reason: Option<String>,
    pub version: i64,
}

/// False when the assignment has one for that requirement already.
pub fn gap_insert_new(conn: &mut Conn, row: &GapRow) -> Result<bool> {
    let rows = per_backend!(conn, |c| diesel::insert_into(gap::table).values(row).on_conflict_do_nothing().execute(c))?;
    Ok(rows > 0)
}

/// Errors: `not_found`.
pub fn gap_fetch(conn: &mut Conn, id: &SceneGapId) -> Result<GapRow> {
    gap::table.find(id).first(conn).optional()?.ok_or_else(|| Error::not_found("scene gap"))
}

/// Fetches and locks the row until the transaction ends.
pub fn gap_lock(conn: &mut Conn, id: &SceneGapId) -> Result<GapRow> {
    lock_row!(conn, gap, id)?.ok_or_else(|| Error::not_found("scene gap"))
}

/// Writes back what changes of a gap; callers hold its lock.
pub fn gap_save(conn: &mut Conn, row: &GapRow) -> Result<()> {
    diesel::update(gap::table.find(&row.id))
        .set((
            gap::code.eq(row.code),
            gap::need.eq(row.need),
            gap::have.eq(row.have),
            gap::from_at.eq(row.from_at),
            gap::to_at.eq(row.to_at),
            gap::state.eq(row.state),
            gap::look_at.eq(row.look_at),
            gap::closed_at.eq(row.closed_at),
            gap::closed_by.eq(row.closed_by),
            gap::reason.eq(row.reason.as_deref()),
            gap::version.eq(row.version),
        ))
        .execute(conn)?;
    Ok(())
}

/// In the order of the requirements' names.
pub fn gaps_of_assignment(conn: &mut Conn, id: &AssignmentId) -> Result<Vec<GapRow>> {
    Ok(gap::table.filter(gap::assignment_id.eq(id)).order(gap::requirement.asc()).load(conn)?)
}

/// Those of these ids that are there.
pub fn gaps_fetch(conn: &mut Conn, ids: &[SceneGapId]) -> Result<Vec<GapRow>> {
    Ok(gap::table.filter(gap::id.eq_any(ids)).order((gap::due_at.asc(), gap::id.asc())).load(conn)?)
}

/// The newest gap of an incident for a requirement, whichever unit left it.
pub fn gap_of_incident(conn: &mut Conn, id: &IncidentId, requirement: Requirement) -> Result<Option<GapRow>> {
    Ok(gap::table
        .filter(gap::incident_id.eq(id))
        .filter(gap::requirement.eq(requirement))
        .order((gap::opened_at.desc(), gap::id.desc()))
        .first(conn)
        .optional()?)
}

/// What a list asks for; every bound is checked by the caller.
#[derive(Clone, Debug)]
pub struct GapFilter {
    pub units: Vec<UnitId>,
    pub open: bool,
    pub incident: Option<IncidentId>,
    pub after: Option<(Timestamp, SceneGapId)>,
    pub limit: i64,
}

/// Whatever is due first comes first.
pub fn gaps_page(conn: &mut Conn, filter: &GapFilter) -> Result<Vec<GapRow>> {
    let mut query = gap::table.filter(gap::unit_id.eq_any(filter.units.clone())).into_boxed::<MultiBackend>();
    if filter.open {
        query = query.filter(gap::state.eq(GapState::Open));
    }
    if let Some(incident) = filter.incident {
        query = query.filter(gap::incident_id.eq(incident));
    }
    if let Some((at, id)) = filter.after {
        query = query.filter(gap::due_at.gt(at).or(gap::due_at.eq(at).and(gap::id.gt(id))));
    }
    Ok(query.order((gap::due_at.asc(), gap::id.asc())).limit(filter.limit).load(conn)?)
}

/// Open gaps that are to be measured once more.
pub fn gaps_to_look(conn: &mut Conn, now: Timestamp, limit: i64) -> Result<Vec<SceneGapId>> {
    Ok(gap::table
        .filter(gap::look_at.le(now))
        .filter(gap::state.eq(GapState::Open))
        .order(gap::look_at.asc())
        .limit(limit)
        .select(gap::id)
        .load(conn)?)
}

/// Open gaps whose time is over and of which nobody has been told.
pub fn gaps_due(conn: &mut Conn, now: Timestamp, limit: i64) -> Result<Vec<SceneGapId>> {
    Ok(gap::table
        .filter(gap::state.eq(GapState::Open))
        .filter(gap::due_at.le(now))
        .filter(gap::overdue_at.is_null())
        .order(gap::due_at.asc())
        .limit(limit)
        .select(gap::id)
        .load(conn)?)
}

/// Marks a gap as overdue: the only door to telling it, open to one caller.
pub fn gap_overdue(conn: &mut Conn, id: &SceneGapId, now: Timestamp) -> Result<Option<GapRow>> {
    let due = gap::table
        .find(id)
        .filter(gap::state.eq(GapState::Open))
        .filter(gap::due_at.le(now))
        .filter(gap::overdue_at.is_null());
    Ok(diesel::update(due)
        .set((gap::overdue_at.eq(Some(now)), gap::version.eq(gap::version + 1)))
        .returning(gap::all_columns)
        .get_result(conn)
        .optional()?)
}

/// Open gaps of these incidents for a requirement, in the order of their ids: whoever locks several takes them so.
pub fn gaps_wanting(conn: &mut Conn, incidents: &[IncidentId], requirement: Requirement) -> Result<Vec<SceneGapId>> {
    Ok(gap::table
        .filter(gap::incident_id.eq_any(incidents))
        .filter(gap::requirement.eq(requirement))
        .filter(gap::state.eq(GapState::Open))
        .order(gap::id.asc())
        .select(gap::id)
        .load(conn)?)
}

/// Open gaps in a person's visits that a recording of that stretch may fill, in the order of their ids.
pub fn gaps_recorded(conn: &mut Conn, person: &PersonId, from: Timestamp, to: Timestamp) -> Result<Vec<SceneGapId>> {
    let of_person = assignment_person::table
        .filter(assignment_person::person_id.eq(person))
        .select(assignment_person::assignment_id);
    Ok(gap::table
        .filter(gap::assignment_id.eq_any(of_person))
        .filter(gap::requirement.eq(Requirement::Recording))
        .filter(gap::state.eq(GapState::Open))
        .filter(gap::from_at.lt(to))
        .filter(gap::to_at.gt(from))
        .order(gap::id.asc())
        .select(gap::id)
        .load(conn)?)
}

/// Each recording of these people with when it began and how long it is, of those that may reach into a stretch. One that still
/// lies on its camera has not been handed in; one in quarantine proves nothing yet.
pub fn recordings_of(
    conn: &mut Conn,
    people: &[PersonId],
    from: Timestamp,
    to: Timestamp,
) -> Result<Vec<(EvidenceId, Timestamp, i64)>> {
    let worn = evidence::wearer_id.eq_any(people);
    let made = evidence::wearer_id.is_null().and(evidence::author_id.eq_any(people));
    let rows: Vec<(EvidenceId, Timestamp, Option<i64>)> = evidence::table
        .filter(made.or(worn))
        .filter(evidence::kind.eq_any([Kind::Video, Kind::Audio]))
        .filter(evidence::captured_at.ge(from.plus_secs(-RECORDING_MAX_S)))
        .filter(evidence::captured_at.lt(to))
        .filter(evidence::duration_ms.is_not_null())
        .filter(evidence::quarantined.eq(false))
        .filter(evidence::place.ne(Place::OnCamera))
        .order(evidence::captured_at.asc())
        .limit(RECORDINGS_MAX)
        .select((evidence::id, evidence::captured_at, evidence::duration_ms))
        .load(conn)?;
    Ok(rows.into_iter().map(|(id, at, ms)| (id, at, ms.unwrap_or(0))).collect())
}

/// Items of one kind that belong to an incident and were captured in a stretch; copies of others are not counted.
pub fn items_of(conn: &mut Conn, incident: &IncidentId, kind: Kind, from: Timestamp, to: Timestamp) -> Result<i64> {
    Ok(evidence::table
        .inner_join(evidence_incident::table.on(evidence_incident::evidence_id.eq(evidence::id)))
        .filter(evidence_incident::incident_id.eq(incident))
        .filter(evidence::kind.eq(kind))
        .filter(evidence::captured_at.between(from, to))
        .filter(evidence::quarantined.eq(false))
        .filter(evidence::place.ne(Place::OnCamera))
        .filter(evidence::redacted_of.is_null())
        .count()
        .get_result(conn)?)
}
