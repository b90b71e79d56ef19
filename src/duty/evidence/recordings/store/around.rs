//! What the tables of other duties say around a recording: who had the camera, who was sent where and when he was there.

use diesel::prelude::*;

use super::super::rules::Line;
use crate::duty::assignments::ladder::Rung;
use crate::duty::incidents::state::State as IncidentState;
use crate::platform::db::Conn;
use crate::platform::db::schema::{
    assignment, assignment_person, device_issue, evidence, hold, incident, incident_person, rung,
};
use crate::words::error::Result;
use crate::words::ids::{AssignmentId, DeviceId, EvidenceId, IncidentId, PersonId};
use crate::words::time::Timestamp;

/// Somebody's part in an incident, from when he was sent to when it was over for him.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Part {
    pub person: PersonId,
    pub incident: IncidentId,
    pub assignment: AssignmentId,
    pub from: Timestamp,
    /// None: he is still on it.
    pub to: Option<Timestamp>,
}

impl Part {
    /// Whether it was his while something ran.
    pub fn meets(&self, from: Timestamp, to: Timestamp) -> bool {
        self.from <= to && self.to.is_none_or(|end| end >= from)
    }
}

type PartTuple = (PersonId, IncidentId, AssignmentId, Timestamp, Option<Timestamp>, Option<Timestamp>);

fn part((person, incident, assignment, from, left, closed): PartTuple) -> Part {
    let to = match (left, closed) {
        (Some(left), Some(closed)) => Some(left.min(closed)),
        (one, other) => one.or(other),
    };
    Part { person, incident, assignment, from, to }
}

/// What these people were sent to between two instants.
pub fn parts_between(conn: &mut Conn, people: &[PersonId], from: Timestamp, to: Timestamp) -> Result<Vec<Part>> {
    if people.is_empty() {
        return Ok(Vec::new());
    }
    let rows: Vec<PartTuple> = assignment_person::table
        .inner_join(assignment::table.on(assignment::id.eq(assignment_person::assignment_id)))
        .filter(assignment_person::person_id.eq_any(people))
        .filter(assignment_person::sent_at.le(to))
        .filter(assignment_person::left_at.is_null().or(assignment_person::left_at.ge(from)))
        .filter(assignment::closed_at.is_null().or(assignment::closed_at.ge(from)))
        .order((assignment_person::sent_at.asc(), assignment_person::assignment_id.asc()))
        .select((
            assignment_person::person_id,
            assignment::incident_id,
            assignment::id,
            assignment_person::sent_at,
            assignment_person::left_at,
            assignment::closed_at,
        ))
        .load(conn)?;
    Ok(rows.into_iter().map(part).collect())
}

/// Everybody's part in one incident.
pub fn parts_of_incident(conn: &mut Conn, id: &IncidentId) -> Result<Vec<Part>> {
    let rows: Vec<PartTuple> = assignment_person::table
        .inner_join(assignment::table.on(assignment::id.eq(assignment_person::assignment_id)))
        .filter(assignment::incident_id.eq(id))
        .order((assignment_person::sent_at.asc(), assignment_person::person_id.asc()))
        .select((
            assignment_person::person_id,
            assignment::incident_id,
            assignment::id,
            assignment_person::sent_at,
            assignment_person::left_at,
            assignment::closed_at,
        ))
        .load(conn)?;
    Ok(rows.into_iter().map(part).collect())
}

/// Those of these incidents that are somebody's work still, or are held.
pub fn incidents_bound(conn: &mut Conn, ids: &[IncidentId]) -> Result<Vec<IncidentId>> {
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    let states: Vec<(IncidentId, IncidentState)> =
        incident::table.filter(incident::id.eq_any(ids)).select((incident::id, incident::state)).load(conn)?;
    let held: Vec<Option<IncidentId>> = hold::table
        .filter(hold::lifted_at.is_null())
        .filter(hold::incident_id.eq_any(ids))
        .select(hold::incident_id)
        .load(conn)?;
    let is_held = |id: &IncidentId| held.iter().flatten().any(|held| held == id);
    Ok(states.into_iter().filter(|(id, state)| !state.is_over() || is_held(id)).map(|(id, _)| id).collect())
}

/// Those of these incidents that this person is or was sent to.
pub fn parties_on(conn: &mut Conn, person: &PersonId, ids: &[IncidentId]) -> Result<Vec<IncidentId>> {
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    Ok(incident_person::table
        .filter(incident_person::person_id.eq(person))
        .filter(incident_person::incident_id.eq_any(ids))
        .select(incident_person::incident_id)
        .distinct()
        .load(conn)?)
}

/// Who had a device between two instants, the earliest first.
pub fn issues_between(conn: &mut Conn, device: &DeviceId, from: Timestamp, to: Timestamp) -> Result<Vec<Line>> {
    let rows: Vec<(PersonId, Timestamp, Option<Timestamp>)> = device_issue::table
        .filter(device_issue::device_id.eq(device))
        .filter(device_issue::issued_at.le(to))
        .filter(device_issue::returned_at.is_null().or(device_issue::returned_at.ge(from)))
        .order((device_issue::issued_at.asc(), device_issue::id.asc()))
        .select((device_issue::person_id, device_issue::issued_at, device_issue::returned_at))
        .load(conn)?;
    Ok(rows.into_iter().map(|(person, from, to)| Line { person, from, to }).collect())
}

/// Items that came from these devices with one of these contents: hash, size, item.
pub fn evidence_by_content(
    conn: &mut Conn,
    devices: &[DeviceId],
    hashes: &[String],
) -> Result<Vec<(String, i64, EvidenceId)>> {
    if hashes.is_empty() {
        return Ok(Vec::new());
    }
    Ok(evidence::table
        .filter(evidence::sha256.eq_any(hashes))
        .filter(evidence::device_id.eq_any(devices))
        .filter(evidence::gone_at.is_null())
        .order((evidence::received_at.asc(), evidence::id.asc()))
        .select((evidence::sha256, evidence::size, evidence::id))
        .load(conn)?)
}

/// When the people of an assignment were there, by their own clocks where those were told.
#[derive(Clone, Copy, Debug, Default)]
pub struct Rungs {
    pub on_scene: Option<Timestamp>,
    pub cleared: Option<Timestamp>,
}

/// The first arrival and the first clearing of each assignment that has an arrival.
pub fn rungs_of(conn: &mut Conn, ids: &[AssignmentId]) -> Result<Vec<(AssignmentId, Rungs)>> {
    let rows: Vec<(AssignmentId, Rung, Timestamp, Option<Timestamp>)> = rung::table
        .filter(rung::assignment_id.eq_any(ids))
        .filter(rung::step.eq_any([Rung::OnScene, Rung::Cleared]))
        .filter(rung::counts.eq(true))
        .order((rung::at.asc(), rung::id.asc()))
        .select((rung::assignment_id, rung::step, rung::at, rung::device_at))
        .load(conn)?;
    let mut found: Vec<(AssignmentId, Rungs)> = Vec::new();
    for (id, step, at, device_at) in rows {
        // A clock that is ahead has not seen the future.
        let at = device_at.map_or(at, |told| told.min(at));
        let place = match found.iter().position(|(known, _)| *known == id) {
            Some(place) => place,
            None => {
                found.push((id, Rungs::default()));
                found.len() - 1
            }
        };
        let Some((_, rungs)) = found.get_mut(place) else { continue };
        let slot = if step == Rung::OnScene { &mut rungs.on_scene } else { &mut rungs.cleared };
        *slot = Some(slot.map_or(at, |first: Timestamp| first.min(at)));
    }
    found.retain(|(_, rungs)| rungs.on_scene.is_some());
    Ok(found)
}

/// The same for several devices.
pub fn issues_of_all(
    conn: &mut Conn,
    devices: &[DeviceId],
    from: Timestamp,
    to: Timestamp,
) -> Result<Vec<(DeviceId, Line)>> {
    let rows: Vec<(DeviceId, PersonId, Timestamp, Option<Timestamp>)> = device_issue::table
        .filter(device_issue::device_id.eq_any(devices))
        .filter(device_issue::issued_at.le(to))
        .filter(device_issue::returned_at.is_null().or(device_issue::returned_at.ge(from)))
        .order((device_issue::issued_at.asc(), device_issue::id.asc()))
        .select((device_issue::device_id, device_issue::person_id, device_issue::issued_at, device_issue::returned_at))
        .load(conn)?;
    Ok(rows.into_iter().map(|(device, person, from, to)| (device, Line { person, from, to })).collect())
}
