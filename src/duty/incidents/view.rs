//! What an incident looks like to those who may see it.

use serde_json::{Value, json};

use super::reporter::{mask_name, mask_phone};
use super::service::marked;
use super::store::{self, CallerRow, IncidentRow, NoteRow};
use crate::platform::db::Conn;
use crate::platform::keys::Keys;
use crate::words::error::Result;
use crate::words::time::Timestamp;

/// The incident without its caller: for lists, stale answers, messages.
pub fn plain(row: &IncidentRow) -> Result<Value> {
    Ok(json!({
        "id": row.id,
        "source": row.source,
        "external_no": row.external_no,
        "revision": row.revision,
        "version": row.version,
        "state": row.state,
        "round": row.round,
        "unit_id": row.unit_id,
        "pending_unit_id": row.pending_unit_id,
        "category": row.category,
        "category_found": row.category_found,
        "priority": row.priority,
        "title": row.title,
        "description": row.description,
        "hazards": parsed(&row.hazards)?,
        "location": { "lon": row.lon, "lat": row.lat },
        "address": row.address,
        "reported": parsed(&row.reported)?,
        "local_fields": parsed(&row.local_fields)?,
        "called_at": row.called_at,
        "answered_at": row.answered_at,
        "dispatched_at": row.dispatched_at,
        "created_by": row.created_by,
        "created_at": row.created_at,
        "updated_at": row.updated_at,
        "merged_into": row.merged_into,
        "final_feedback_at": row.final_at,
        "signed_by": marked(row, "signed_by"),
        "signed_at": marked(row, "signed_at"),
        "closed_at": marked(row, "closed_at"),
    }))
}

/// The incident with its masked caller, claim, links and the people on it.
pub fn full(conn: &mut Conn, keys: &Keys, row: &IncidentRow, now: Timestamp) -> Result<Value> {
    let mut value = plain(row)?;
    let callers = store::callers_list(conn, &row.id)?;
    let links = store::links_list(conn, &row.id)?;
    let people = store::people_open(conn, &row.id)?;
    if let Value::Object(map) = &mut value {
        map.insert("reporter".into(), callers.first().map(|c| masked(keys, c)).transpose()?.unwrap_or_default());
        map.insert("callers".into(), json!(callers.len()));
        map.insert("claim".into(), claim(row, now));
        map.insert(
            "links".into(),
            links.iter().map(|l| json!({ "incident_id": l.other_id, "kind": l.kind, "at": l.at })).collect(),
        );
        map.insert("people".into(), json!(people));
    }
    Ok(value)
}

/// Who holds the incident, if the claim has not run out.
pub fn claim(row: &IncidentRow, now: Timestamp) -> Value {
    match (row.claimed_by, row.claim_until) {
        (Some(by), Some(until)) if until > now => json!({ "person_id": by, "until": until }),
        _ => Value::Null,
    }
}

fn masked(keys: &Keys, caller: &CallerRow) -> Result<Value> {
    if caller.secret {
        return Ok(json!({ "name": null, "phone": null, "secret": true }));
    }
    let open = |sealed: &Option<Vec<u8>>| sealed.as_deref().map(|s| keys.unseal_text(s)).transpose();
    Ok(json!({
        "name": open(&caller.name_sealed)?.map(|name| mask_name(&name)),
        "phone": open(&caller.phone_sealed)?.map(|phone| mask_phone(&phone)),
        "secret": false,
    }))
}

/// The caller in clear; a secret one stays a relay note.
pub fn caller_clear(keys: &Keys, caller: &CallerRow) -> Result<Value> {
    if caller.secret {
        return Ok(
            json!({ "n": caller.n, "secret": true, "relay": true, "name": null, "phone": null, "at": caller.at }),
        );
    }
    let open = |sealed: &Option<Vec<u8>>| sealed.as_deref().map(|s| keys.unseal_text(s)).transpose();
    Ok(json!({
        "n": caller.n,
        "secret": false,
        "relay": false,
        "name": open(&caller.name_sealed)?,
        "phone": open(&caller.phone_sealed)?,
        "source": caller.source,
        "external_no": caller.external_no,
        "at": caller.at,
    }))
}

/// A note.
pub fn note(row: &NoteRow) -> Result<Value> {
    Ok(json!({
        "id": row.id,
        "incident_id": row.incident_id,
        "author": row.author,
        "text": row.text,
        "links": parsed(&row.links)?,
        "at": row.at,
    }))
}

/// A JSON column as a value.
pub fn parsed(text: &str) -> Result<Value> {
    Ok(serde_json::from_str(text)?)
}
