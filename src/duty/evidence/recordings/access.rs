//! Who stands how to a recording. Whoever may see an item of evidence may see it before it is one: who wore the camera,
//! who was sent to an incident that it shows, and those above the camera's unit or the incident's.

use std::collections::HashMap;

use super::store::{self, Part, RecordingRow};
use crate::duty::evidence::store as items;
use crate::duty::incidents::store as incidents;
use crate::duty::officers::store as officers;
use crate::platform::db::Conn;
use crate::platform::policy::{self, Action, Actor, Decision, Facts};
use crate::words::error::Result;
use crate::words::ids::{IncidentId, RecordingId};

/// An actor's standing towards one recording.
#[derive(Clone, Debug, Default)]
pub struct Sight {
    /// The recording's unit, or one of an incident of it, inside the actor's subtree.
    path: Option<String>,
    /// He wore the camera.
    pub own: bool,
    /// Is or was sent to an incident of it.
    assigned: bool,
}

impl Sight {
    /// Asks the policy.
    pub fn decide(&self, actor: &Actor, action: Action) -> Decision {
        let facts =
            Facts { unit_path: self.path.as_deref(), own: self.own, assigned: self.assigned, ..Facts::default() };
        policy::may(actor, action, &facts)
    }
}

/// The incidents of these recordings: those their wearers were sent to while they ran, and those that were named for the
/// items they became. Two questions, however many recordings.
pub fn incidents_of(conn: &mut Conn, rows: &[RecordingRow]) -> Result<HashMap<RecordingId, Vec<IncidentId>>> {
    let parts = parts_of(conn, rows)?;
    let stored: Vec<_> = rows.iter().filter_map(|row| row.evidence_id).collect();
    let linked = if stored.is_empty() { Vec::new() } else { items::incidents_of_all(conn, &stored)? };
    let mut found = HashMap::new();
    for row in rows {
        let mut mine: Vec<IncidentId> = overlapping(&parts, row).collect();
        let named = linked.iter().filter(|(evidence, _)| Some(*evidence) == row.evidence_id);
        mine.extend(named.map(|(_, incident)| *incident));
        let mut seen = Vec::with_capacity(mine.len());
        mine.retain(|incident| {
            let new = !seen.contains(incident);
            seen.push(*incident);
            new
        });
        found.insert(row.id, mine);
    }
    Ok(found)
}

/// What the wearers of these recordings were sent to while any of them ran.
pub fn parts_of(conn: &mut Conn, rows: &[RecordingRow]) -> Result<Vec<Part>> {
    let mut people: Vec<_> = rows.iter().filter_map(|row| row.wearer_id).collect();
    people.sort_unstable();
    people.dedup();
    let from = rows.iter().map(|row| row.started_at).min();
    let to = rows.iter().map(|row| row.ended_at).max();
    match (from, to) {
        (Some(from), Some(to)) => store::parts_between(conn, &people, from, to),
        _ => Ok(Vec::new()),
    }
}

/// The incidents whose wearer's part meets a recording, in the order in which he was sent.
pub fn overlapping<'a>(parts: &'a [Part], row: &'a RecordingRow) -> impl Iterator<Item = IncidentId> + 'a {
    parts
        .iter()
        .filter(|part| Some(part.person) == row.wearer_id && part.meets(row.started_at, row.ended_at))
        .map(|part| part.incident)
}

/// Loads the facts.
pub fn sight(conn: &mut Conn, actor: &Actor, row: &RecordingRow) -> Result<Sight> {
    let of = incidents_of(conn, std::slice::from_ref(row))?.remove(&row.id).unwrap_or_default();
    let mut paths = vec![officers::unit_fetch(conn, &row.unit_id)?.path];
    for incident in &of {
        paths.extend(incidents::unit_paths(conn, incident)?.into_iter().map(|(path, _)| path));
    }
    let assigned = !store::parties_on(conn, &actor.person, &of)?.is_empty();
    let path = paths.into_iter().find(|path| actor.commands(path));
    Ok(Sight { path, own: row.wearer_id == Some(actor.person), assigned })
}

/// A recording the actor may act upon, with his standing. Errors: `not_found`, `forbidden`.
pub fn fetch(conn: &mut Conn, actor: &Actor, id: &RecordingId, action: Action) -> Result<(RecordingRow, Sight)> {
    let row = store::recording_fetch(conn, id)?;
    let sight = sight(conn, actor, &row)?;
    sight.decide(actor, action).check("recording")?;
    Ok((row, sight))
}
