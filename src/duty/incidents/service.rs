//! What is common to every incident command: lock, policy, version, and the
//! one way a change is finished (row, timeline, feed, event).

use serde_json::{Value, json};

use super::access;
use super::state::{self, Command, State};
use super::store::{self, IncidentRow};
use super::trail;
use super::view;
use crate::platform::audit;
use crate::platform::ctx::Ctx;
use crate::platform::db::Tx;
use crate::platform::events::Event;
use crate::platform::http::{RequestMeta, body};
use crate::platform::policy::Action;
use crate::words::error::{Error, Result};
use crate::words::ids::{IncidentId, PersonId};

/// Characters of a source's name.
const SOURCE_MAX: usize = 32;
/// Hazards named on one incident.
const HAZARDS_MAX: usize = 16;

/// Errors: `invalid_field`.
pub fn check_source(source: &str) -> Result<()> {
    let fine = (1..=SOURCE_MAX).contains(&source.len())
        && source.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-'));
    if fine { Ok(()) } else { Err(Error::field("source", "must have 1 to 32 of A-Z a-z 0-9 . _ -")) }
}

/// Errors: `invalid_field`.
pub fn check_hazards(hazards: &[String]) -> Result<()> {
    if hazards.len() > HAZARDS_MAX {
        return Err(Error::field("hazards", format!("must name at most {HAZARDS_MAX}")));
    }
    hazards.iter().try_for_each(|hazard| body::text("hazards", hazard, 1, 32))
}

/// Locks the incident and asks policy and version: the start of every command.
///
/// Errors: `not_found`, `forbidden`, `stale` with the current state.
pub fn begin(tx: &mut Tx<'_>, ctx: &Ctx, id: &IncidentId, meta: &RequestMeta, action: Action) -> Result<IncidentRow> {
    let row = store::incident_lock(tx.conn(), id)?;
    access::sight(tx.conn(), &ctx.actor, &row)?.check(&ctx.actor, action)?;
    meta.check_version(row.version, || view::plain(&row).unwrap_or_default())?;
    Ok(row)
}

/// The end of every change: raises the version, saves, notes it, feeds it back, tells.
pub fn finish(
    tx: &mut Tx<'_>,
    row: &mut IncidentRow,
    by: PersonId,
    kind: &str,
    changed: &[String],
    loud: bool,
    mut data: Value,
) -> Result<()> {
    touch(tx, row)?;
    if let Value::Object(map) = &mut data {
        map.insert("changed".into(), json!(changed));
        map.insert("state".into(), json!(row.state));
    }
    trail::entry(tx, &row.id, kind, Some(by), data.clone())?;
    trail::feed_append(tx, row, kind, &data);
    tx.emit(&Event::IncidentChanged { incident: row.id, fields: changed.to_vec(), loud })
}

/// Raises the version and saves.
pub fn touch(tx: &mut Tx<'_>, row: &mut IncidentRow) -> Result<()> {
    row.version += 1;
    row.updated_at = tx.now;
    store::incident_save(tx.conn(), row)
}

/// Takes a step of the state machine; false when it stands there already.
///
/// Errors: `conflict` naming the state.
pub fn step(row: &mut IncidentRow, command: Command) -> Result<bool> {
    match state::next(row.state, command) {
        Ok(Some(to)) => {
            row.state = to;
            if to.is_over() {
                // A hand-over that nobody signed for ends with the call.
                row.pending_unit_id = None;
            }
            Ok(true)
        }
        Ok(None) => Ok(false),
        Err(from) => Err(Error::conflict(format!("the incident is {from}")).with("state", json!(from))),
    }
}

/// Sets one of the rarer marks (JSON column).
pub fn mark(row: &mut IncidentRow, name: &str, value: Value) -> Result<()> {
    let mut marks: serde_json::Map<String, Value> = serde_json::from_str(&row.marks)?;
    marks.insert(name.to_owned(), value);
    row.marks = Value::Object(marks).to_string();
    Ok(())
}

/// Reads one of the rarer marks.
pub fn marked(row: &IncidentRow, name: &str) -> Option<Value> {
    serde_json::from_str::<Value>(&row.marks).ok()?.get(name).cloned().filter(|value| !value.is_null())
}

/// Cancels: crews on their way are called off, crews on the scene are asked.
pub fn cancel_row(tx: &mut Tx<'_>, by: PersonId, row: &mut IncidentRow, reason: &str) -> Result<()> {
    if step(row, Command::Cancel)? {
        finish(tx, row, by, "incident.cancelled", &["state".to_owned()], false, json!({ "reason": reason }))?;
        tx.emit(&Event::IncidentEnded { incident: row.id, reason: "cancelled".to_owned() })?;
    }
    Ok(())
}

/// A new handling round; what the former did is never undone. False when it is worked on already.
pub fn reopen_row(tx: &mut Tx<'_>, by: PersonId, row: &mut IncidentRow, reason: &str) -> Result<bool> {
    if !step(row, Command::Reopen)? {
        return Ok(false);
    }
    row.round += 1;
    row.final_at = None;
    mark(row, "closed_at", Value::Null)?;
    let data = json!({ "reason": reason, "round": row.round });
    finish(tx, row, by, "incident.reopened", &["state".to_owned()], false, data)?;
    Ok(true)
}

/// A step on behalf of another slice (somebody was sent, signed, moved); a
/// state that does not allow it stays, and nothing is told twice.
pub fn follow(tx: &mut Tx<'_>, id: &IncidentId, command: Command, by: Option<PersonId>) -> Result<State> {
    let mut row = store::incident_lock(tx.conn(), id)?;
    if let Ok(Some(to)) = state::next(row.state, command) {
        row.state = to;
        touch(tx, &mut row)?;
        let data = json!({ "state": row.state });
        trail::entry(tx, id, "incident.state", by, data.clone())?;
        trail::feed_append(tx, &row, "incident.state", &data);
    }
    Ok(row.state)
}

/// Notes a deed in the audit log.
pub fn audit_of(tx: &mut Tx<'_>, ctx: &Ctx, action: &str, id: &IncidentId, detail: &Value) -> Result<()> {
    audit::record(tx, Some(&ctx.actor), action, "incident", &id.to_string(), detail)
}
