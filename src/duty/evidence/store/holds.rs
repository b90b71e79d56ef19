//! Holds: nothing of what is held may go, whatever its term says.

use diesel::prelude::*;
use serde::Serialize;

use crate::platform::db::Conn;
use crate::platform::db::schema::hold;
use crate::words::error::{Error, Result};
use crate::words::ids::{EvidenceId, HoldId, IncidentId, PersonId};
use crate::words::time::Timestamp;

/// A hold on one item, or on an incident and everything about it.
#[derive(Clone, Debug, Queryable, Insertable, Serialize, utoipa::ToSchema)]
#[diesel(table_name = hold, treat_none_as_default_value = false)]
pub struct HoldRow {
    pub id: HoldId,
    pub incident_id: Option<IncidentId>,
    pub evidence_id: Option<EvidenceId>,
    pub reason: String,
    pub set_by: PersonId,
    pub set_at: Timestamp,
    pub lifted_by: Option<PersonId>,
    /// None while it stands.
    pub lifted_at: Option<Timestamp>,
}

pub fn hold_insert(conn: &mut Conn, row: &HoldRow) -> Result<()> {
    diesel::insert_into(hold::table).values(row).execute(conn)?;
    Ok(())
}

/// Errors: `not_found`.
pub fn hold_fetch(conn: &mut Conn, id: &HoldId) -> Result<HoldRow> {
    hold::table.find(id).first(conn).optional()?.ok_or_else(|| Error::not_found("hold"))
}

/// Lifts it; false when it was lifted before.
pub fn hold_lift(conn: &mut Conn, id: &HoldId, by: &PersonId, now: Timestamp) -> Result<bool> {
    let rows = diesel::update(hold::table.find(id).filter(hold::lifted_at.is_null()))
        .set((hold::lifted_by.eq(Some(*by)), hold::lifted_at.eq(Some(now))))
        .execute(conn)?;
    Ok(rows > 0)
}

/// What holds an item now: holds of its own and of its incidents.
pub fn holds_on(conn: &mut Conn, evidence: &EvidenceId, incidents: &[IncidentId]) -> Result<Vec<HoldRow>> {
    holds_standing(conn, &[*evidence], incidents)
}

/// What stands on any of these items and incidents, oldest first.
pub fn holds_standing(conn: &mut Conn, items: &[EvidenceId], incidents: &[IncidentId]) -> Result<Vec<HoldRow>> {
    Ok(hold::table
        .filter(hold::lifted_at.is_null())
        .filter(hold::evidence_id.eq_any(items.to_vec()).or(hold::incident_id.eq_any(incidents.to_vec())))
        .order((hold::set_at.asc(), hold::id.asc()))
        .load(conn)?)
}
