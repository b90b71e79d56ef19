//! Facts about the people around a call for help, a handful of queries for all of them together.

use std::collections::{HashMap, HashSet};

use diesel::prelude::*;

use crate::platform::db::Conn;
use crate::platform::db::schema::{assignment, assignment_person};
use crate::platform::db::schema::{crew, crew_member, device_issue, duty, grid};
use crate::platform::db::schema::{device, person, unit};
use crate::platform::policy::{DeviceKind, PersonKind};
use crate::words::error::Result;
use crate::words::ids::{CrewId, DeviceId, GridId, IncidentId, PersonId, UnitId};

/// A person with his duty, as far as coming to help is concerned.
#[derive(Clone, Debug, Queryable)]
pub struct PersonFacts {
    pub id: PersonId,
    pub kind: PersonKind,
    pub unit_id: UnitId,
    pub on_duty: bool,
    pub vehicle: Option<String>,
    pub grid: Option<String>,
}

/// People with a duty row, off duty ones too; others are not returned.
pub fn people_facts(conn: &mut Conn, people: &[PersonId]) -> Result<Vec<PersonFacts>> {
    Ok(person::table
        .inner_join(duty::table.on(duty::person_id.eq(person::id)))
        .filter(person::id.eq_any(people))
        .filter(person::status.eq("active"))
        .select((person::id, person::kind, person::unit_id, duty::on_duty, duty::vehicle, duty::grid))
        .load(conn)?)
}

/// The crew each of these people is in now.
pub fn crews_of_people(conn: &mut Conn, people: &[PersonId]) -> Result<HashMap<PersonId, CrewId>> {
    let rows: Vec<(PersonId, CrewId)> = crew_member::table
        .filter(crew_member::person_id.eq_any(people))
        .filter(crew_member::left_at.is_null())
        .select((crew_member::person_id, crew_member::crew_id))
        .load(conn)?;
    Ok(rows.into_iter().collect())
}

/// Everybody in these crews now.
pub fn members_of_crews(conn: &mut Conn, crews: &[CrewId]) -> Result<Vec<(PersonId, CrewId)>> {
    Ok(crew_member::table
        .filter(crew_member::crew_id.eq_any(crews))
        .filter(crew_member::left_at.is_null())
        .select((crew_member::person_id, crew_member::crew_id))
        .load(conn)?)
}

/// Call sign, vehicle and grid of a crew.
pub type CrewFacts = (String, Option<String>, Option<String>);

/// Call sign, vehicle and grid of crews.
pub fn crews_facts(conn: &mut Conn, crews: &[CrewId]) -> Result<HashMap<CrewId, CrewFacts>> {
    let rows: Vec<(CrewId, String, Option<String>, Option<String>)> = crew::table
        .filter(crew::id.eq_any(crews))
        .select((crew::id, crew::call_sign, crew::vehicle, crew::grid))
        .load(conn)?;
    Ok(rows.into_iter().map(|(id, sign, vehicle, grid)| (id, (sign, vehicle, grid))).collect())
}

/// The devices these people carry now, revoked ones left out.
pub fn carried_by_people(
    conn: &mut Conn,
    people: &[PersonId],
) -> Result<HashMap<PersonId, Vec<(DeviceId, DeviceKind)>>> {
    let rows: Vec<(PersonId, DeviceId, DeviceKind)> = device_issue::table
        .inner_join(device::table.on(device::id.eq(device_issue::device_id)))
        .filter(device_issue::person_id.eq_any(people))
        .filter(device_issue::returned_at.is_null())
        .filter(device::status.eq("active"))
        .select((device_issue::person_id, device::id, device::kind))
        .load(conn)?;
    let mut carried: HashMap<PersonId, Vec<(DeviceId, DeviceKind)>> = HashMap::new();
    for (person, device, kind) in rows {
        carried.entry(person).or_default().push((device, kind));
    }
    Ok(carried)
}

/// A person's part in an assignment under way: accepted, on the way or on the scene.
#[derive(Clone, Debug, Queryable)]
pub struct Engagement {
    pub person_id: PersonId,
    pub incident_id: IncidentId,
    pub priority: i32,
    pub state: String,
}

/// What these people are engaged in; queued and suspended assignments bind nobody.
pub fn engagements_of(conn: &mut Conn, people: &[PersonId]) -> Result<Vec<Engagement>> {
    Ok(assignment_person::table
        .inner_join(assignment::table.on(assignment::id.eq(assignment_person::assignment_id)))
        .filter(assignment_person::person_id.eq_any(people))
        .filter(assignment_person::open.eq(true))
        .filter(assignment::pause.is_null())
        .filter(assignment::state.eq_any(["accepted", "en_route", "on_scene"]))
        .select((assignment_person::person_id, assignment::incident_id, assignment::priority, assignment::state))
        .load(conn)?)
}

/// Response units on duty per grid, by the grid's id: a crew counts once. Who reported no grid of his own
/// is in his crew's.
pub fn strength_of_grids(conn: &mut Conn, grids: &[GridFacts]) -> Result<HashMap<String, usize>> {
    let codes: Vec<&str> = grids.iter().map(|grid| grid.code.as_str()).collect();
    let by_crew: HashMap<CrewId, Option<String>> = crew::table
        .filter(crew::grid.eq_any(&codes))
        .filter(crew::ended_at.is_null())
        .select((crew::id, crew::grid))
        .load(conn)?
        .into_iter()
        .collect();
    let crews: Vec<&CrewId> = by_crew.keys().collect();
    let on_duty = duty::table
        .inner_join(person::table.on(person::id.eq(duty::person_id)))
        .inner_join(unit::table.on(unit::id.eq(person::unit_id)))
        .filter(duty::on_duty.eq(true))
        .select((duty::grid, duty::crew_id, duty::person_id, unit::path));
    // Two questions, each with an index of its own: asked as one, SQLite reads everybody on duty.
    let mut rows: Vec<(Option<String>, Option<CrewId>, PersonId, String)> =
        on_duty.filter(duty::grid.eq_any(&codes)).load(conn)?;
    rows.extend(on_duty.filter(duty::crew_id.eq_any(crews)).load(conn)?);
    let mut units: HashMap<String, HashSet<String>> = HashMap::new();
    for (own, crew, person, path) in rows {
        let code = own.or_else(|| crew.and_then(|crew| by_crew.get(&crew).cloned().flatten()));
        if let Some(grid) = code.and_then(|code| grid_of(grids, &path, &code)) {
            let unit = crew.map_or_else(|| person.to_string(), |id| id.to_string());
            units.entry(grid.id.to_string()).or_default().insert(unit);
        }
    }
    Ok(units.into_iter().map(|(grid, units)| (grid, units.len())).collect())
}

/// Name, kind and unit of people, for showing them.
pub fn people_names(conn: &mut Conn, people: &[PersonId]) -> Result<HashMap<PersonId, (String, PersonKind, UnitId)>> {
    let rows: Vec<(PersonId, String, PersonKind, UnitId)> = person::table
        .filter(person::id.eq_any(people))
        .select((person::id, person::name, person::kind, person::unit_id))
        .load(conn)?;
    Ok(rows.into_iter().map(|(id, name, kind, unit)| (id, (name, kind, unit))).collect())
}

/// Path of a unit, `/root/…/own/`.
pub fn unit_path(conn: &mut Conn, id: &UnitId) -> Result<String> {
    Ok(unit::table.filter(unit::id.eq(id)).select(unit::path).first(conn)?)
}

/// Paths of several units.
pub fn unit_paths(conn: &mut Conn, ids: &[UnitId]) -> Result<HashMap<UnitId, String>> {
    let rows: Vec<(UnitId, String)> =
        unit::table.filter(unit::id.eq_any(ids)).select((unit::id, unit::path)).load(conn)?;
    Ok(rows.into_iter().collect())
}

/// Supervisors and administrators of these units: the duty commanders.
pub fn commanders_of_units(conn: &mut Conn, units: &[UnitId]) -> Result<Vec<PersonId>> {
    Ok(person::table
        .filter(person::unit_id.eq_any(units))
        .filter(person::kind.eq_any([PersonKind::Supervisor, PersonKind::Administrator]))
        .filter(person::status.eq("active"))
        .select(person::id)
        .load(conn)?)
}

/// A patrol grid: two units may give theirs the same code.
#[derive(Clone, Debug)]
pub struct GridFacts {
    pub id: GridId,
    pub code: String,
    /// Path of the unit that made it.
    pub path: String,
    /// How many units must stay in it.
    pub keep: usize,
}

/// Grids with these codes, of whatever unit.
pub fn grids_of_codes(conn: &mut Conn, codes: &[String]) -> Result<Vec<GridFacts>> {
    let rows: Vec<(GridId, String, String, i64)> = grid::table
        .inner_join(unit::table.on(unit::id.eq(grid::unit_id)))
        .filter(grid::code.eq_any(codes))
        .select((grid::id, grid::code, unit::path, grid::min_strength))
        .load(conn)?;
    let keep = |strength: i64| usize::try_from(strength).unwrap_or(0);
    Ok(rows.into_iter().map(|(id, code, path, n)| GridFacts { id, code, path, keep: keep(n) }).collect())
}

/// The grid that a code means to somebody of a unit: of his own unit, else of the nearest above it.
pub fn grid_of<'a>(grids: &'a [GridFacts], unit_path: &str, code: &str) -> Option<&'a GridFacts> {
    grids
        .iter()
        .filter(|grid| grid.code == code && unit_path.starts_with(&grid.path))
        .max_by_key(|grid| grid.path.len())
}

/// The call sign somebody goes by today: his crew's, else his own.
pub fn call_sign_of(conn: &mut Conn, id: &PersonId) -> Result<Option<String>> {
    let crew: Option<String> = crew_member::table
        .inner_join(crew::table.on(crew::id.eq(crew_member::crew_id)))
        .filter(crew_member::person_id.eq(id))
        .filter(crew_member::left_at.is_null())
        .select(crew::call_sign)
        .first(conn)
        .optional()?;
    if crew.is_some() {
        return Ok(crew);
    }
    let own: Option<Option<String>> =
        duty::table.filter(duty::person_id.eq(id)).select(duty::call_sign).first(conn).optional()?;
    Ok(own.flatten())
}
