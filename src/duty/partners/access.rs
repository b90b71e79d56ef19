//! Who stands how to a work order: we as we stand to its incident, an agency's account to what was handed to it.

use super::store::agencies::{self, AgencyRow};
use super::store::{self, TaskRow};
use crate::duty::incidents::access as calls;
use crate::duty::incidents::store as incidents;
use crate::platform::db::Conn;
use crate::platform::policy::{self, Action, Actor, Decision, Facts, PersonKind};
use crate::words::error::{Error, Result};
use crate::words::ids::{MediationId, TaskId};

/// From which side an order is looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    House,
    Agency,
}

/// What the policy says of one of us and this order.
pub fn decide(conn: &mut Conn, actor: &Actor, row: &TaskRow, action: Action) -> Result<Decision> {
    let incident = incidents::incident_fetch(conn, &row.incident_id)?;
    Ok(calls::sight(conn, actor, &incident)?.decide(actor, action))
}

/// An order the actor may look at, and from which side. Errors: `not_found`, `forbidden`.
pub fn fetch(conn: &mut Conn, actor: &Actor, id: &TaskId) -> Result<(TaskRow, Side)> {
    let row = store::task_fetch(conn, id)?;
    if let Some(agency) = agency_of(conn, actor)? {
        let facts = Facts { own: agency.id == row.agency_id, ..Facts::default() };
        policy::may(actor, Action::TaskWork, &facts).check("task")?;
        return Ok((row, Side::Agency));
    }
    decide(conn, actor, &row, Action::TaskRead)?.check("task")?;
    Ok((row, Side::House))
}

/// The agency that the actor answers for.
pub fn agency_of(conn: &mut Conn, actor: &Actor) -> Result<Option<AgencyRow>> {
    if actor.kind == PersonKind::ServiceAccount { agencies::agency_of_account(conn, &actor.person) } else { Ok(None) }
}

/// The agency that the actor answers for. Errors: `forbidden` for everybody else.
pub fn own_agency(conn: &mut Conn, actor: &Actor) -> Result<AgencyRow> {
    agency_of(conn, actor)?.ok_or_else(|| Error::forbidden("the inbox is for the account of a linked body"))
}

/// Whether a paper of a record was handed to the agency the actor answers for, by an order that stands.
pub fn is_lent(conn: &mut Conn, actor: &Actor, mediation: &MediationId, paper: &str) -> Result<bool> {
    let Some(agency) = agency_of(conn, actor)? else { return Ok(false) };
    for names in store::papers_lent(conn, &agency.id, mediation)? {
        let names: Vec<String> = serde_json::from_str(&names)?;
        if names.iter().any(|name| name == paper) {
            return Ok(true);
        }
    }
    Ok(false)
}
