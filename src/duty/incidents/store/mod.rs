//! Every query about incidents; `noun_verb`, one file per topic.

pub mod feed;
pub mod feedbacks;
mod trail;

use diesel::prelude::*;

use crate::platform::db::schema::{incident, incident_caller, incident_person, incident_revision, incident_unit, unit};
use crate::platform::db::{Conn, kept, straight};
use crate::words::error::{Error, Result};
use crate::words::ids::{AssignmentId, IncidentId, PersonId, UnitId};
use crate::words::time::Timestamp;
use crate::{lock_row, per_backend};

pub use trail::{
    EntryRow, LinkRow, NoteRow, entries_list, entry_insert, link_insert, links_list, note_fetch, note_insert,
    notes_list,
};

use super::state::State;

/// One incident. JSON columns are text; `marks` holds the rarer instants and names.
#[derive(Clone, Debug, Queryable, Insertable, Identifiable, AsChangeset)]
#[diesel(table_name = incident, treat_none_as_default_value = false, treat_none_as_null = true)]
pub struct IncidentRow {
    pub id: IncidentId,
    pub source: String,
    pub external_no: Option<String>,
    pub revision: i64,
    pub version: i64,
    pub unit_id: UnitId,
    pub pending_unit_id: Option<UnitId>,
    pub state: State,
    pub round: i32,
    pub category: String,
    pub category_found: Option<String>,
    pub priority: i32,
    pub title: String,
    pub description: Option<String>,
    pub hazards: String,
    pub lon: f64,
    pub lat: f64,
    pub address: Option<String>,
    pub reported: String,
    pub local_fields: String,
    pub called_at: Option<Timestamp>,
    pub answered_at: Option<Timestamp>,
    pub dispatched_at: Option<Timestamp>,
    pub created_by: Option<PersonId>,
    pub attach_self: bool,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
    pub claimed_by: Option<PersonId>,
    pub claim_until: Option<Timestamp>,
    pub merged_into: Option<IncidentId>,
    pub final_at: Option<Timestamp>,
    pub marks: String,
}

/// Somebody's part in an incident, one row per assignment; kept by the
/// assignments slice, read here for "may he see it" and "whom to tell".
#[derive(Clone, Debug, Queryable, Insertable)]
#[diesel(table_name = incident_person, treat_none_as_default_value = false)]
pub struct PartyRow {
    pub incident_id: IncidentId,
    pub person_id: PersonId,
    pub assignment_id: AssignmentId,
    pub open: bool,
    pub accepted_at: Option<Timestamp>,
    pub ended_at: Option<Timestamp>,
}

/// One push of the source system, applied or history.
#[derive(Clone, Debug, Queryable, Insertable)]
#[diesel(table_name = incident_revision, treat_none_as_default_value = false)]
pub struct RevisionRow {
    pub incident_id: IncidentId,
    pub revision: i64,
    pub hash: String,
    pub body: String,
    pub applied: bool,
    pub received_at: Timestamp,
    pub received_by: Option<PersonId>,
}

/// Who called; name and number sealed.
#[derive(Clone, Debug, Queryable, Insertable)]
#[diesel(table_name = incident_caller, treat_none_as_default_value = false)]
pub struct CallerRow {
    pub incident_id: IncidentId,
    pub n: i32,
    pub name_sealed: Option<Vec<u8>>,
    pub phone_sealed: Option<Vec<u8>>,
    pub phone_index: Option<String>,
    pub secret: bool,
    pub source: String,
    pub external_no: Option<String>,
    pub at: Timestamp,
}

/// Errors: `not_found`.
pub fn incident_fetch(conn: &mut Conn, id: &IncidentId) -> Result<IncidentRow> {
    straight::one(conn, incident::table.find(id))?.ok_or_else(|| Error::not_found("incident"))
}

/// Fetches and locks the row until the transaction ends.
pub fn incident_lock(conn: &mut Conn, id: &IncidentId) -> Result<IncidentRow> {
    lock_row!(conn, incident, id)?.ok_or_else(|| Error::not_found("incident"))
}

/// False when its id or (source, number) is taken.
pub fn incident_insert_new(conn: &mut Conn, row: &IncidentRow) -> Result<bool> {
    let rows =
        per_backend!(conn, |c| diesel::insert_into(incident::table).values(row).on_conflict_do_nothing().execute(c))?;
    Ok(rows > 0)
}

/// Writes the whole row back; callers hold its lock.
pub fn incident_save(conn: &mut Conn, row: &IncidentRow) -> Result<()> {
    kept::execute(conn, diesel::update(incident::table.find(&row.id)).set(row))?;
    Ok(())
}

pub fn incident_by_external(conn: &mut Conn, source: &str, external_no: &str) -> Result<Option<IncidentRow>> {
    Ok(incident::table
        .filter(incident::source.eq(source))
        .filter(incident::external_no.eq(external_no))
        .first(conn)
        .optional()?)
}

pub fn incident_find(conn: &mut Conn, id: &IncidentId) -> Result<Option<IncidentRow>> {
    Ok(incident::table.find(id).first(conn).optional()?)
}

/// What a list asks for; every bound is checked by the caller.
#[derive(Clone, Debug, Default)]
pub struct ListFilter {
    pub states: Vec<State>,
    pub priority: Option<i32>,
    pub category: Option<String>,
    pub source: Option<String>,
    pub external_no: Option<String>,
    /// Only incidents touching units under this path.
    pub unit_path: Option<String>,
    /// Only incidents this person is or was sent to, or created.
    pub person: Option<PersonId>,
    /// With `person`: also those of `unit_path` (a field officer's own unit).
    pub either: bool,
    pub before: Option<(Timestamp, IncidentId)>,
    pub limit: i64,
}

/// Newest first.
pub fn incident_list(conn: &mut Conn, filter: &ListFilter) -> Result<Vec<IncidentRow>> {
    use crate::platform::db::conn::MultiBackend;
    let mut query = incident::table.into_boxed::<MultiBackend>();
    if !filter.states.is_empty() {
        query = query.filter(incident::state.eq_any(filter.states.clone()));
    }
    if let Some(priority) = filter.priority {
        query = query.filter(incident::priority.eq(priority));
    }
    if let Some(category) = &filter.category {
        query = query.filter(incident::category.eq(category.clone()));
    }
    if let Some(source) = &filter.source {
        query = query.filter(incident::source.eq(source.clone()));
    }
    if let Some(no) = &filter.external_no {
        query = query.filter(incident::external_no.eq(no.clone()));
    }
    let by_unit = |path: &str| {
        incident_unit::table
            .filter(
                incident_unit::unit_id.eq_any(unit::table.filter(unit::path.like(format!("{path}%"))).select(unit::id)),
            )
            .select(incident_unit::incident_id)
    };
    let by_person = |person: PersonId| {
        incident_person::table.filter(incident_person::person_id.eq(person)).select(incident_person::incident_id)
    };
    match (&filter.unit_path, filter.person) {
        (Some(path), Some(person)) if filter.either => {
            query = query.filter(
                incident::id
                    .eq_any(by_unit(path))
                    .or(incident::id.eq_any(by_person(person)))
                    .or(incident::created_by.eq(person)),
            );
        }
        (path, person) => {
            if let Some(path) = path {
                query = query.filter(incident::id.eq_any(by_unit(path)));
            }
            if let Some(person) = person {
                query = query.filter(incident::id.eq_any(by_person(person)).or(incident::created_by.eq(person)));
            }
        }
    }
    if let Some((at, id)) = filter.before {
        query = query.filter(incident::created_at.lt(at).or(incident::created_at.eq(at).and(incident::id.lt(id))));
    }
    Ok(query.order((incident::created_at.desc(), incident::id.desc())).limit(filter.limit).load(conn)?)
}

/// Names a unit as one that has to do with the incident now; marking twice is marking once.
pub fn unit_mark(conn: &mut Conn, id: &IncidentId, unit: &UnitId, now: Timestamp) -> Result<()> {
    let row = (
        incident_unit::incident_id.eq(id),
        incident_unit::unit_id.eq(unit),
        incident_unit::active.eq(true),
        incident_unit::since.eq(now),
    );
    let put = diesel::insert_into(incident_unit::table)
        .values(row)
        .on_conflict((incident_unit::incident_id, incident_unit::unit_id))
        .do_update()
        .set(incident_unit::active.eq(true));
    kept::execute(conn, put)?;
    Ok(())
}

/// The unit has handed it over: it may still look, no longer command.
pub fn unit_release(conn: &mut Conn, id: &IncidentId, unit: &UnitId) -> Result<()> {
    diesel::update(incident_unit::table.find((id, unit))).set(incident_unit::active.eq(false)).execute(conn)?;
    Ok(())
}

/// Path and whether still in charge, for every unit that has or had to do with it.
pub fn unit_paths(conn: &mut Conn, id: &IncidentId) -> Result<Vec<(String, bool)>> {
    let paths = incident_unit::table
        .inner_join(unit::table.on(unit::id.eq(incident_unit::unit_id)))
        .filter(incident_unit::incident_id.eq(id))
        .select((unit::path, incident_unit::active));
    Ok(straight::all(conn, paths)?)
}

pub fn party_insert(conn: &mut Conn, row: &PartyRow) -> Result<()> {
    per_backend!(conn, |c| diesel::insert_into(incident_person::table)
        .values(row)
        .on_conflict_do_nothing()
        .execute(c))?;
    Ok(())
}

/// Notes that a person took it on; the first instant stays.
pub fn party_accept(
    conn: &mut Conn,
    assignment: &AssignmentId,
    person: Option<&PersonId>,
    now: Timestamp,
) -> Result<()> {
    let open = incident_person::table
        .filter(incident_person::assignment_id.eq(assignment))
        .filter(incident_person::accepted_at.is_null());
    let accepted = incident_person::accepted_at.eq(Some(now));
    match person {
        Some(person) => {
            kept::execute(conn, diesel::update(open.filter(incident_person::person_id.eq(person))).set(accepted))?
        }
        None => kept::execute(conn, diesel::update(open).set(accepted))?,
    };
    Ok(())
}

/// Ends everybody's part through this assignment, or one person's.
pub fn party_end(conn: &mut Conn, assignment: &AssignmentId, person: Option<&PersonId>, now: Timestamp) -> Result<()> {
    let open = incident_person::table
        .filter(incident_person::assignment_id.eq(assignment))
        .filter(incident_person::open.eq(true));
    let change = (incident_person::open.eq(false), incident_person::ended_at.eq(Some(now)));
    match person {
        Some(person) => {
            kept::execute(conn, diesel::update(open.filter(incident_person::person_id.eq(person))).set(change))?
        }
        None => kept::execute(conn, diesel::update(open).set(change))?,
    };
    Ok(())
}

pub fn parties_of_incident(conn: &mut Conn, id: &IncidentId) -> Result<Vec<PartyRow>> {
    Ok(incident_person::table.filter(incident_person::incident_id.eq(id)).load(conn)?)
}

pub fn parties_of_person(conn: &mut Conn, id: &IncidentId, person: &PersonId) -> Result<Vec<PartyRow>> {
    Ok(incident_person::table
        .filter(incident_person::incident_id.eq(id))
        .filter(incident_person::person_id.eq(person))
        .load(conn)?)
}

/// People with an open part, each once.
pub fn people_open(conn: &mut Conn, id: &IncidentId) -> Result<Vec<PersonId>> {
    Ok(incident_person::table
        .filter(incident_person::incident_id.eq(id))
        .filter(incident_person::open.eq(true))
        .select(incident_person::person_id)
        .distinct()
        .order(incident_person::person_id)
        .load(conn)?)
}

pub fn revisions_known(conn: &mut Conn, id: &IncidentId) -> Result<Vec<(i64, String)>> {
    Ok(incident_revision::table
        .filter(incident_revision::incident_id.eq(id))
        .select((incident_revision::revision, incident_revision::hash))
        .order(incident_revision::revision)
        .load(conn)?)
}

pub fn revision_insert(conn: &mut Conn, row: &RevisionRow) -> Result<()> {
    diesel::insert_into(incident_revision::table).values(row).execute(conn)?;
    Ok(())
}

pub fn callers_list(conn: &mut Conn, id: &IncidentId) -> Result<Vec<CallerRow>> {
    Ok(incident_caller::table.filter(incident_caller::incident_id.eq(id)).order(incident_caller::n).load(conn)?)
}

pub fn caller_insert(conn: &mut Conn, row: &CallerRow) -> Result<()> {
    diesel::insert_into(incident_caller::table).values(row).execute(conn)?;
    Ok(())
}
