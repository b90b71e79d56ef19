//! What an assignment looks like on the wire.

use serde_json::{Map, Value, json};

use super::store::{self, AssignmentRow, AttemptRow, DeadlineRow, MemberRow, RungRow};
use crate::platform::db::Conn;
use crate::words::error::Result;

/// The assignment without its ladder: for lists and stale answers.
pub fn brief(row: &AssignmentRow) -> Value {
    json!({
        "id": row.id,
        "incident_id": row.incident_id,
        "round": row.round,
        "assignee": { "kind": row.assignee_kind, "id": row.assignee_id },
        "person_id": row.person_id,
        "unit_id": row.unit_id,
        "state": row.state,
        "priority": row.priority,
        "origin": row.origin,
        "lead_override": row.lead_override,
        "why": parsed(&row.why),
        "pause": row.pause_note.as_deref().map(parsed),
        "replaces": row.replaces,
        "cancel_asked": row.cancel_asked,
        "cancel_confirmed_at": row.cancel_confirmed_at,
        "created_by": row.created_by,
        "created_at": row.created_at,
        "updated_at": row.updated_at,
        "accepted_at": row.accepted_at,
        "closed_at": row.closed_at,
        "version": row.version,
    })
}

/// With its people: what a crew and a list of an incident show.
pub fn with_people(row: &AssignmentRow, members: &[MemberRow]) -> Value {
    let mut value = brief(row);
    let people: Vec<Value> = members
        .iter()
        .filter(|member| member.assignment_id == row.id)
        .map(|member| {
            json!({
                "person_id": member.person_id,
                "role": member.role,
                "sent_at": member.sent_at,
                "delivered_at": member.delivered_at,
                "viewed_at": member.viewed_at,
                "left_at": member.left_at,
            })
        })
        .collect();
    put(&mut value, "people", Value::Array(people));
    value
}

/// Everything: people, ladder, attempts, running clocks.
pub fn full(conn: &mut Conn, row: &AssignmentRow) -> Result<Value> {
    let members = store::members_of(conn, &row.id)?;
    let mut value = with_people(row, &members);
    put(&mut value, "rungs", store::rungs_list(conn, &row.id)?.iter().map(rung).collect());
    put(&mut value, "attempts", store::attempts_of(conn, &row.id)?.iter().map(attempt).collect());
    put(&mut value, "deadlines", store::deadlines_open(conn, &row.id)?.iter().map(deadline).collect());
    Ok(value)
}

/// One rung; absent members are left out.
pub fn rung(row: &RungRow) -> Value {
    let mut value = json!({
        "rung": row.step,
        "at": row.at,
        "via": row.via,
        "truth": row.truth,
        "applied": row.applied,
        "counts": row.counts,
    });
    for (name, found) in [
        ("device_at", row.device_at.map(|at| json!(at))),
        ("device_id", row.device_id.map(|id| json!(id))),
        ("person_id", row.person_id.map(|id| json!(id))),
        ("recorded_by", row.recorded_by.map(|id| json!(id))),
        ("reason", row.reason.as_ref().map(|reason| json!(reason))),
    ] {
        if let Some(found) = found {
            put(&mut value, name, found);
        }
    }
    value
}

fn attempt(row: &AttemptRow) -> Value {
    json!({
        "person_id": row.person_id,
        "limit": row.limit_kind,
        "attempt": row.attempt,
        "channel": row.channel,
        "device_id": row.device_id,
        "target_id": row.target_id,
        "truth": row.truth,
        "outcome": row.outcome,
        "detail": row.detail,
        "at": row.at,
        "outcome_at": row.outcome_at,
    })
}

fn deadline(row: &DeadlineRow) -> Value {
    json!({
        "limit": row.limit_kind,
        "person_id": row.person_id,
        "attempt": row.attempt,
        "opened_at": row.opened_at,
        "due_at": row.due_at,
    })
}

fn put(value: &mut Value, name: &str, member: Value) {
    if let Some(map) = value.as_object_mut() {
        map.insert(name.to_owned(), member);
    }
}

fn parsed(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|_broken| Value::Object(Map::new()))
}
