//! Which item belongs to which incident; one may belong to several.

use diesel::prelude::*;

use crate::per_backend;
use crate::platform::db::Conn;
use crate::platform::db::schema::evidence_incident as link;
use crate::words::error::Result;
use crate::words::ids::{EvidenceId, IncidentId, PersonId};
use crate::words::time::Timestamp;

/// Joins the two; false when they were.
pub fn link_insert(
    conn: &mut Conn,
    incident: &IncidentId,
    evidence: &EvidenceId,
    by: &PersonId,
    now: Timestamp,
) -> Result<bool> {
    let row = (
        link::incident_id.eq(incident),
        link::evidence_id.eq(evidence),
        link::linked_by.eq(by),
        link::linked_at.eq(now),
    );
    let rows =
        per_backend!(conn, |c| diesel::insert_into(link::table).values(row).on_conflict_do_nothing().execute(c))?;
    Ok(rows > 0)
}

/// The incidents of one item, in the order in which they were named.
pub fn incidents_of(conn: &mut Conn, evidence: &EvidenceId) -> Result<Vec<IncidentId>> {
    Ok(link::table
        .filter(link::evidence_id.eq(evidence))
        .order((link::linked_at.asc(), link::incident_id.asc()))
        .select(link::incident_id)
        .load(conn)?)
}

/// The same for several items.
pub fn incidents_of_all(conn: &mut Conn, items: &[EvidenceId]) -> Result<Vec<(EvidenceId, IncidentId)>> {
    Ok(link::table
        .filter(link::evidence_id.eq_any(items))
        .order((link::linked_at.asc(), link::incident_id.asc()))
        .select((link::evidence_id, link::incident_id))
        .load(conn)?)
}

/// The items of one incident.
pub fn evidence_of_incident(conn: &mut Conn, incident: &IncidentId) -> Result<Vec<EvidenceId>> {
    Ok(link::table
        .filter(link::incident_id.eq(incident))
        .order((link::linked_at.asc(), link::evidence_id.asc()))
        .select(link::evidence_id)
        .load(conn)?)
}
