//! What holds reach: incidents with those merged into them, and whatever hangs on these.

use std::collections::{BTreeSet, HashMap};

use diesel::prelude::*;

use crate::platform::db::schema::{assignment, evidence_incident as link, hold, incident};
use crate::platform::db::{Conn, batch};
use crate::words::error::Result;
use crate::words::ids::{AssignmentId, EvidenceId, IncidentId};

/// Ids of one statement; bounds its bind parameters.
const BATCH: usize = 500;

/// Waits until nobody else sets a hold on an incident or drops what has grown old, and keeps others from it until the
/// transaction ends. Taken before any other lock; SQLite's one writer has it already.
pub fn gate(conn: &mut Conn) -> Result<()> {
    match conn {
        Conn::Sqlite(_) => Ok(()),
        // The number is ours alone: of all the house's locks of this kind none has it.
        Conn::Pg(_) => batch(conn, "SELECT pg_advisory_xact_lock(8420001)"),
    }
}

/// For each of these incidents that was merged into another: into which, and so on.
pub fn mains(conn: &mut Conn, incidents: &[IncidentId]) -> Result<HashMap<IncidentId, IncidentId>> {
    let mut known = HashMap::new();
    let mut asked: Vec<IncidentId> = incidents.to_vec();
    while !asked.is_empty() {
        let mut next = Vec::new();
        for some in asked.chunks(BATCH) {
            let found: Vec<(IncidentId, Option<IncidentId>)> = incident::table
                .filter(incident::id.eq_any(some))
                .filter(incident::merged_into.is_not_null())
                .select((incident::id, incident::merged_into))
                .load(conn)?;
            for (id, main) in found {
                if let Some(main) = main
                    && known.insert(id, main).is_none()
                {
                    next.push(main);
                }
            }
        }
        asked = next;
    }
    Ok(known)
}

/// These incidents and all that were merged into them, in ascending order.
pub fn with_merged(conn: &mut Conn, incidents: &[IncidentId]) -> Result<BTreeSet<IncidentId>> {
    let mut all: BTreeSet<IncidentId> = incidents.iter().copied().collect();
    let mut asked: Vec<IncidentId> = incidents.to_vec();
    while !asked.is_empty() {
        let mut next = Vec::new();
        for some in asked.chunks(BATCH) {
            let found: Vec<IncidentId> =
                incident::table.filter(incident::merged_into.eq_any(some.to_vec())).select(incident::id).load(conn)?;
            next.extend(found.into_iter().filter(|id| all.insert(*id)));
        }
        asked = next;
    }
    Ok(all)
}

/// Incidents with a standing hold of their own.
pub fn held_incidents(conn: &mut Conn) -> Result<Vec<IncidentId>> {
    let held: Vec<Option<IncidentId>> = hold::table
        .filter(hold::lifted_at.is_null())
        .filter(hold::incident_id.is_not_null())
        .select(hold::incident_id)
        .distinct()
        .load(conn)?;
    Ok(held.into_iter().flatten().collect())
}

/// Assignments of these incidents.
pub fn assignments_of(conn: &mut Conn, incidents: &[IncidentId]) -> Result<Vec<AssignmentId>> {
    let mut all = Vec::new();
    for some in incidents.chunks(BATCH) {
        let found: Vec<AssignmentId> =
            assignment::table.filter(assignment::incident_id.eq_any(some)).select(assignment::id).load(conn)?;
        all.extend(found);
    }
    Ok(all)
}

/// Items of these incidents.
pub fn items_of(conn: &mut Conn, incidents: &[IncidentId]) -> Result<Vec<EvidenceId>> {
    let mut all = Vec::new();
    for some in incidents.chunks(BATCH) {
        let found: Vec<EvidenceId> =
            link::table.filter(link::incident_id.eq_any(some)).select(link::evidence_id).load(conn)?;
        all.extend(found);
    }
    Ok(all)
}
