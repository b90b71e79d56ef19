//! What follows from an order: it comes back, it is late, the place it is about moves.

use std::sync::Arc;

use serde_json::json;

use super::outlet;
use super::rules::Stage;
use super::store::{self, TaskRow};
use crate::duty::assignments::service as assignments;
use crate::duty::incidents::service as incident_service;
use crate::duty::incidents::state::State as IncidentState;
use crate::duty::incidents::{IncidentRow, store as incidents, trail};
use crate::duty::officers::store as officers;
use crate::platform::cards::{self, Draw};
use crate::platform::config::Dispatch;
use crate::platform::ctx::Core;
use crate::platform::db::{Priority, Tx};
use crate::platform::push::outbox::Subject;
use crate::words::error::Result;
use crate::words::ids::{IncidentId, PersonId, TaskId};
use crate::words::time::Timestamp;

/// Late orders taken in one turn; the rest wait a second.
const BATCH: i64 = 200;
/// Of one incident by one agency: then somebody above has to decide whose it is.
const BOUNCES: i64 = 2;

/// An agency gave it back: the room has a card with a fresh clock; an incident that had left its hands by that order is
/// its work again; the second time the supervisor has one too. The incident's row is held by the caller.
pub fn returned(tx: &mut Tx<'_>, core: &Core, row: &TaskRow, by: PersonId, reason: &str) -> Result<()> {
    let mut incident = incidents::incident_fetch(tx.conn(), &row.incident_id)?;
    let reopened = left_by(&incident, row) && assignments::came_back(tx, core, &mut incident, by, reason)?;
    let returns = store::returns_count(tx.conn(), &row.incident_id, &row.agency_id)?;
    let answer_by = tx.now.plus_secs(i64::from(Dispatch::of(&core.config.dispatch.signed_s, incident.priority)));
    let data = json!({
        "task_id": row.id, "incident_id": row.incident_id, "agency_id": row.agency_id, "returns": returns,
        "reopened": reopened, "answer_by": answer_by,
    });
    let (unit_id, seats) = officers::seats_or_parent(tx.conn(), &incident.unit_id)?;
    let draw = Draw {
        unit_id,
        recipients: &seats,
        kind: "task.returned",
        subject: Subject::new("task", row.id),
        data: data.clone(),
        key: format!("task.returned:{}", row.id),
        urgent: true,
    };
    cards::raise(tx, &draw)?;
    if returns < BOUNCES {
        return Ok(());
    }
    let (unit_id, supervisors) = officers::supervisors_or_parent(tx.conn(), &incident.unit_id)?;
    let draw = Draw {
        unit_id,
        recipients: &supervisors,
        kind: "task.bounced",
        subject: Subject::new("task", row.id),
        data,
        key: format!("task.bounced:{}:{}", row.incident_id, row.agency_id),
        urgent: true,
    };
    cards::raise(tx, &draw).map(drop)
}

/// Whether the incident was handed out, reported as done or closed while the agency had this order.
fn left_by(incident: &IncidentRow, row: &TaskRow) -> bool {
    let after = |at: Option<Timestamp>| at.is_some_and(|at| at >= row.sent_at);
    match incident.state {
        IncidentState::Diverted => true,
        IncidentState::FedBack => after(incident.final_at),
        IncidentState::Closed => {
            let closed = incident_service::marked(incident, "closed_at");
            after(closed.and_then(|at| serde_json::from_value(at).ok()))
        }
        _ => false,
    }
}

/// The key of the card that says a stage is over.
pub fn overdue_key(id: &TaskId, stage: Stage) -> String {
    format!("task.overdue:{id}:{stage}")
}

/// Tells rooms of orders that are late: once a stage. The times stand in the rows, so a restart forgets none.
pub async fn run(core: Arc<Core>) -> Result<()> {
    let now = core.clock.now();
    for id in core.db.read(move |conn| store::tasks_late(conn, now, BATCH)).await? {
        core.db.write(Priority::Normal, move |tx| overdue(tx, &id)).await?;
    }
    Ok(())
}

fn overdue(tx: &mut Tx<'_>, id: &TaskId) -> Result<()> {
    let mut row = store::task_lock(tx.conn(), id)?;
    // It may have moved, or another node may have told of it, while this waited.
    let Some((over, stage)) = row.clocks().tell_at(row.state, row.told).filter(|(at, _)| *at <= tx.now) else {
        return Ok(());
    };
    row.told = Some(stage);
    row.tell_at = row.clocks().tell_at(row.state, row.told).map(|(at, _)| at);
    store::task_save(tx.conn(), &row)?;
    let incident = incidents::incident_fetch(tx.conn(), &row.incident_id)?;
    let (unit_id, seats) = officers::seats_or_parent(tx.conn(), &incident.unit_id)?;
    let draw = Draw {
        unit_id,
        recipients: &seats,
        kind: "task.overdue",
        subject: Subject::new("task", id),
        data: json!({
            "task_id": id, "incident_id": row.incident_id, "agency_id": row.agency_id, "stage": stage,
            "state": row.state, "due_at": over,
        }),
        key: overdue_key(id, stage),
        urgent: false,
    };
    cards::raise(tx, &draw).map(drop)
}

/// The key of the card that says that a cancelled call has still somebody on the way.
pub fn orphan_key(id: &TaskId) -> String {
    format!("task.orphaned:{id}")
}

/// A call is cancelled while others are on their way to it: the room decides of each order whether it is withdrawn. It is
/// not withdrawn by itself, since an agency that is telephoned would never hear of it, and one that is there may be needed.
pub fn incident_ended(tx: &mut Tx<'_>, incident: &IncidentId, reason: &str) -> Result<()> {
    if reason != "cancelled" {
        return Ok(());
    }
    let call = incidents::incident_fetch(tx.conn(), incident)?;
    for row in store::tasks_of_incident(tx.conn(), incident)?.into_iter().filter(|row| row.state.is_open()) {
        let (unit_id, seats) = officers::seats_or_parent(tx.conn(), &call.unit_id)?;
        let draw = Draw {
            unit_id,
            recipients: &seats,
            kind: "task.orphaned",
            subject: Subject::new("task", row.id),
            data: json!({
                "task_id": row.id, "incident_id": incident, "agency_id": row.agency_id, "state": row.state,
            }),
            key: orphan_key(&row.id),
            urgent: true,
        };
        cards::raise(tx, &draw)?;
    }
    Ok(())
}

/// The open orders of a double are the main call's: on its board, and work of it again when they come back. The rows of
/// both incidents are held by the caller.
pub fn incident_merged(tx: &mut Tx<'_>, incident: &IncidentId, into: &IncidentId) -> Result<()> {
    for row in store::tasks_of_incident(tx.conn(), incident)? {
        let mut row = store::task_lock(tx.conn(), &row.id)?;
        if !row.state.is_open() {
            continue;
        }
        row.incident_id = *into;
        row.version += 1;
        store::task_save(tx.conn(), &row)?;
        let data = json!({ "task_id": row.id, "agency_id": row.agency_id, "from": incident, "into": into });
        for call in [incident, into] {
            trail::entry(tx, call, "task.taken_over", None, data.clone())?;
        }
        // The place and the category are the main call's from now on.
        outlet::append(tx, &row, "updated")?;
    }
    Ok(())
}

/// Whoever is on his way to a place hears that it is another.
pub fn incident_changed(tx: &mut Tx<'_>, incident: &IncidentId, fields: &[String]) -> Result<()> {
    if !fields.iter().any(|field| matches!(field.as_str(), "location" | "address" | "category")) {
        return Ok(());
    }
    for row in store::tasks_of_incident(tx.conn(), incident)? {
        if row.state.is_open() {
            outlet::append(tx, &row, "updated")?;
        }
    }
    Ok(())
}
