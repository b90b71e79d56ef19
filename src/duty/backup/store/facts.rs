//! Facts about the people around a call for help, a handful of queries for all of them together.

use std::collections::{HashMap, HashSet};

use diesel::prelude::*;

use crate::platform::db::Conn;
use crate::platform::db::schema::{assignment, assignment_person};
use crate::platform::db::schema::{crew, crew_member, device_issue, duty, grid};
use crate::platform::db::schema::{device, person, unit};
use crate::platform::policy::{DeviceKind, PersonKind};
use crate::words::error::Result;
use crate::words::ids::{CrewId, DeviceId, IncidentId, PersonId, UnitId};

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
type CrewFacts = (String, Option<String>, Option<String>);

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

/// Response units on duty per grid: a crew counts once.
pub fn strength_of_grids(conn: &mut Conn, grids: &[String]) -> Result<HashMap<String, usize>> {
    let rows: Vec<(Option<String>, Option<CrewId>, PersonId)> = duty::table
        .filter(duty::on_duty.eq(true))
        .filter(duty::grid.eq_any(grids))
        .select((duty::grid, duty::crew_id, duty::person_id))
        .load(conn)?;
    let mut units: HashMap<String, HashSet<String>> = HashMap::new();
    for (grid, crew, person) in rows {
        if let Some(grid) = grid {
            units.entry(grid).or_default().insert(crew.map_or_else(|| person.to_string(), |id| id.to_string()));
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

/// How many units must stay in each of these grids.
pub fn grids_keep(conn: &mut Conn, grids: &[String]) -> Result<HashMap<String, usize>> {
    let rows: Vec<(String, i64)> =
        grid::table.filter(grid::code.eq_any(grids)).select((grid::code, grid::min_strength)).load(conn)?;
    Ok(rows.into_iter().map(|(code, keep)| (code, usize::try_from(keep).unwrap_or(0))).collect())
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
