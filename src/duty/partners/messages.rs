//! What the room and the crew of an incident receive about its orders. Must-deliver.

use serde::Serialize;
use serde_json::{Value, json};

use super::access;
use super::rules::{Kind, State};
use super::store::agencies;
use super::store::{self, TaskRow};
use crate::duty::incidents::store as incidents;
use crate::duty::officers::store as officers;
use crate::platform::db::{Conn, Tx};
use crate::platform::policy::{Action, Actor, Decision};
use crate::platform::push::outbox::{self, Draft, Envelope, Subject};
use crate::words::error::Result;
use crate::words::ids::{AgencyId, IncidentId, TaskId};
use crate::words::time::Timestamp;

/// An order was sent, or something happened to it.
pub const MOVED: &str = "task.moved";

/// The body of `task.moved`.
#[derive(Clone, Debug, Serialize, schemars::JsonSchema)]
pub struct TaskMoved {
    pub task_id: TaskId,
    pub incident_id: IncidentId,
    pub agency_id: AgencyId,
    pub agency: String,
    /// What happened; `delivered` is a machine's word.
    pub event: Kind,
    /// As it stands when the message is read, and since when.
    pub state: State,
    pub state_at: Timestamp,
    pub accept_by: Timestamp,
    pub finish_by: Timestamp,
}

/// Tells the seats of the incident's unit, or of the nearest above that has any, everybody on it, and whoever sent it.
pub fn tell(tx: &mut Tx<'_>, row: &TaskRow, event: Kind) -> Result<()> {
    let incident = incidents::incident_fetch(tx.conn(), &row.incident_id)?;
    let (_, mut people) = officers::seats_or_parent(tx.conn(), &incident.unit_id)?;
    people.extend(incidents::people_open(tx.conn(), &row.incident_id)?);
    people.push(row.sent_by);
    let draft = Draft {
        kind: MOVED,
        subject: Subject::new("task", row.id),
        version: row.version,
        args: json!({ "event": event }),
        urgent: false,
    };
    outbox::send(tx, &people, &draft).map(drop)
}

/// The body for this reader today; none when he may no longer know of it.
pub fn render(conn: &mut Conn, reader: &Actor, message: &Envelope) -> Result<Option<Value>> {
    let id: TaskId = message.subject.id.parse()?;
    let Some(row) = store::task_find(conn, &id)? else { return Ok(None) };
    if access::decide(conn, reader, &row, Action::TaskRead)? != Decision::Allow {
        return Ok(None);
    }
    let agency = agencies::agency_fetch(conn, &row.agency_id)?;
    let event: Kind = serde_json::from_value(message.args.get("event").cloned().unwrap_or_default())?;
    Ok(Some(serde_json::to_value(TaskMoved {
        task_id: row.id,
        incident_id: row.incident_id,
        agency_id: agency.id,
        agency: agency.name,
        event,
        state: row.state,
        state_at: row.state_at,
        accept_by: row.accept_by,
        finish_by: row.finish_by,
    })?))
}
