//! Who stands how to a record: as he stands to its incident.

use super::store::{self, MediationRow};
use crate::duty::incidents::access as calls;
use crate::duty::incidents::store as incidents;
use crate::platform::db::Conn;
use crate::platform::policy::{Action, Actor, Decision};
use crate::words::error::Result;
use crate::words::ids::MediationId;

/// What the policy says of this actor and this record.
pub fn decide(conn: &mut Conn, actor: &Actor, row: &MediationRow, action: Action) -> Result<Decision> {
    let incident = incidents::incident_fetch(conn, &row.incident_id)?;
    Ok(calls::sight(conn, actor, &incident)?.decide(actor, action))
}

/// A record the actor may act upon. Errors: `not_found`, `forbidden`.
pub fn fetch(conn: &mut Conn, actor: &Actor, id: &MediationId, action: Action) -> Result<MediationRow> {
    let row = store::mediation_fetch(conn, id)?;
    decide(conn, actor, &row, action)?.check("mediation")?;
    Ok(row)
}
