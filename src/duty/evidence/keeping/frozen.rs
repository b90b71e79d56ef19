//! What a hold on an incident freezes beside its items: the tracks of everybody who was sent, and every message about it
//! with its receipt. The duties to which these belong ask here before they drop what has grown old.
//!
//! Incidents, their timeline, ladder and deadlines, alarms, and who had which device are dropped by nobody.

use std::collections::HashSet;

use super::super::store::frozen;
use crate::duty::assignments::store as assignments;
use crate::duty::location::jobs::Slice;
use crate::platform::db::Conn;
use crate::words::error::Result;
use crate::words::ids::IncidentId;
use crate::words::time::Timestamp;

/// Seconds of a track before somebody was sent and after he was clear that belong to the incident.
const AROUND_S: i64 = 600;
/// Of a call that is not over: for as long as it lasts.
const OPEN_END: Timestamp = Timestamp::from_micros(i64::MAX);

/// Incidents with a standing hold, with those merged into them. Whoever asks holds the gate until his transaction ends:
/// a hold that is being set comes before or after it.
fn held(conn: &mut Conn) -> Result<Vec<IncidentId>> {
    frozen::gate(conn)?;
    let own = frozen::held_incidents(conn)?;
    Ok(frozen::with_merged(conn, &own)?.into_iter().collect())
}

/// The stretches of tracks that must stay.
pub fn slices(conn: &mut Conn) -> Result<Vec<Slice>> {
    let mut slices = Vec::new();
    for incident in held(conn)? {
        for assignment in assignments::assignments_of_incident(conn, &incident)? {
            for member in assignments::members_of(conn, &assignment.id)? {
                let left = if member.open { None } else { member.left_at };
                let end = left.or(assignment.closed_at).map_or(OPEN_END, |at| at.plus_secs(AROUND_S));
                slices.push(Slice { person: member.person_id, from: member.sent_at.plus_secs(-AROUND_S), to: end });
            }
        }
    }
    Ok(slices)
}

/// The subjects of messages that must stay: held incidents, their assignments and their items.
pub fn subjects(conn: &mut Conn) -> Result<HashSet<String>> {
    let incidents = held(conn)?;
    let assignments = frozen::assignments_of(conn, &incidents)?;
    let items = frozen::items_of(conn, &incidents)?;
    let mut all: HashSet<String> = incidents.iter().map(ToString::to_string).collect();
    all.extend(assignments.iter().map(ToString::to_string));
    all.extend(items.iter().map(ToString::to_string));
    Ok(all)
}
