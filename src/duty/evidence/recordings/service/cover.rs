//! The recordings of an incident, whole, and what of it nobody recorded: for everybody who was there, from his arrival to
//! his clearing.

use serde::Serialize;

use super::super::rules;
use super::super::store::{self, Part, RecordingRow, Rungs};
use super::super::view::{self, RecordingLine};
use super::super::{State, access};
use crate::duty::evidence::store as items;
use crate::platform::db::Conn;
use crate::words::error::Result;
use crate::words::ids::{AssignmentId, DeviceId, IncidentId, PersonId, RecordingId};
use crate::words::time::Timestamp;

/// What there is of an incident and what there is not.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
pub struct IncidentRecordings {
    pub incident_id: IncidentId,
    /// The earliest first.
    pub recordings: Vec<Whole>,
    /// For each person of an assignment that has arrived.
    pub coverage: Vec<Coverage>,
}

/// One recording of one camera, of its segments.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
pub struct Whole {
    /// The id of the first segment.
    pub group_id: RecordingId,
    /// The camera.
    pub device_id: DeviceId,
    pub started_at: Timestamp,
    pub ended_at: Timestamp,
    /// Of the segment that is furthest from being stored.
    #[schema(inline)]
    pub state: State,
    /// Those that belong to the incident, in order.
    pub segments: Vec<RecordingLine>,
}

/// What one person's cameras have of his time at the scene.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
pub struct Coverage {
    pub person_id: PersonId,
    pub assignment_id: AssignmentId,
    pub on_scene_at: Timestamp,
    /// Null while he is still there: gaps are told until now.
    pub cleared_at: Option<Timestamp>,
    /// Without a recording; 2 seconds and less between two files are no gap.
    pub gaps: Vec<Gap>,
}

/// A stretch that no recording covers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct Gap {
    pub from: Timestamp,
    pub to: Timestamp,
    /// Recordings that were made of it and are missing.
    pub missing: Vec<RecordingId>,
}

/// The recordings of an incident: what its people wore while they were sent to it, and what was linked with it.
pub fn rows_of_incident(conn: &mut Conn, id: &IncidentId, now: Timestamp) -> Result<Vec<RecordingRow>> {
    let parts = store::parts_of_incident(conn, id)?;
    of_parts(conn, id, &parts, now)
}

fn of_parts(conn: &mut Conn, id: &IncidentId, parts: &[Part], now: Timestamp) -> Result<Vec<RecordingRow>> {
    let linked = items::evidence_of_incident(conn, id)?;
    let mut people: Vec<PersonId> = parts.iter().map(|part| part.person).collect();
    people.sort_unstable();
    people.dedup();
    let from = parts.iter().map(|part| part.from).min().unwrap_or(now);
    let to = parts.iter().map(|part| part.to.unwrap_or(now)).max().unwrap_or(now);
    let mut rows = store::recordings_of_people(conn, &people, from, to, &linked)?;
    rows.retain(|row| {
        let named = row.evidence_id.is_some_and(|evidence| linked.contains(&evidence));
        named || access::overlapping(parts, row).next().is_some()
    });
    Ok(rows)
}

/// All of it.
pub fn of_incident(conn: &mut Conn, id: IncidentId, now: Timestamp) -> Result<IncidentRecordings> {
    let parts = store::parts_of_incident(conn, &id)?;
    let rows = of_parts(conn, &id, &parts, now)?;
    let assignments: Vec<AssignmentId> = parts.iter().map(|part| part.assignment).collect();
    let rungs = if assignments.is_empty() { Vec::new() } else { store::rungs_of(conn, &assignments)? };
    let coverage = parts
        .iter()
        .filter_map(|part| {
            let (_, rungs) = rungs.iter().find(|(assignment, _)| *assignment == part.assignment)?;
            covered(part, rungs, &rows, now)
        })
        .collect();
    Ok(IncidentRecordings { incident_id: id, recordings: wholes(view::lines(conn, rows, now)?), coverage })
}

/// Segments put together.
fn wholes(lines: Vec<RecordingLine>) -> Vec<Whole> {
    let mut found: Vec<Whole> = Vec::new();
    for line in lines {
        match found.iter_mut().find(|whole| whole.group_id == line.group_id) {
            Some(whole) => {
                whole.ended_at = whole.ended_at.max(line.ended_at);
                whole.state = worse(whole.state, line.state);
                whole.segments.push(line);
            }
            None => found.push(Whole {
                group_id: line.group_id,
                device_id: line.device_id,
                started_at: line.started_at,
                ended_at: line.ended_at,
                state: line.state,
                segments: vec![line],
            }),
        }
    }
    found
}

/// The one that is further from being stored.
fn worse(one: State, other: State) -> State {
    let rank = |state: State| match state {
        State::Missing => 0,
        State::OnCamera => 1,
        State::AtDock => 2,
        State::Stored => 3,
    };
    if rank(other) < rank(one) { other } else { one }
}

/// One person's time at the scene; none when he never was there.
fn covered(part: &Part, rungs: &Rungs, rows: &[RecordingRow], now: Timestamp) -> Option<Coverage> {
    let on_scene_at = rungs.on_scene?;
    // Who was split off has cleared, whatever the others do.
    let cleared_at = match (rungs.cleared, part.to) {
        (Some(cleared), Some(ended)) => Some(cleared.min(ended)),
        (one, other) => one.or(other),
    };
    let to = cleared_at.unwrap_or(now);
    if to < on_scene_at {
        return None;
    }
    let mine = || rows.iter().filter(|row| row.wearer_id == Some(part.person));
    let mut spans: Vec<(Timestamp, Timestamp)> =
        mine().filter(|row| row.state != State::Missing).map(|row| (row.started_at, row.ended_at)).collect();
    let gaps = rules::gaps(on_scene_at, to, &mut spans)
        .into_iter()
        .map(|(from, to)| {
            let lost = mine().filter(|row| row.state == State::Missing);
            let missing = lost.filter(|row| row.started_at < to && row.ended_at > from).map(|row| row.id).collect();
            Gap { from, to, missing }
        })
        .collect();
    Some(Coverage { person_id: part.person, assignment_id: part.assignment, on_scene_at, cleared_at, gaps })
}
