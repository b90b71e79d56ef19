//! Socket payloads about incidents, rendered at send and at replay.

use serde_json::{Value, json};

use super::{access, store, view};
use crate::platform::db::Conn;
use crate::platform::policy::{Action, Actor, Decision};
use crate::platform::push::outbox::Envelope;
use crate::words::error::{Code, Result};
use crate::words::ids::{IncidentId, NoteId};

/// Body of `incident.updated` and `incident.note`; `None` when the reader may no longer see it.
pub fn render(conn: &mut Conn, reader: &Actor, message: &Envelope) -> Result<Option<Value>> {
    let Some(id) = message.args.get("incident_id").and_then(Value::as_str) else { return Ok(None) };
    let id: IncidentId = id.parse()?;
    let row = match store::incident_fetch(conn, &id) {
        Err(error) if error.is(Code::NotFound) => return Ok(None),
        other => other?,
    };
    if access::sight(conn, reader, &row)?.decide(reader, Action::IncidentRead) != Decision::Allow {
        return Ok(None);
    }
    let args = &message.args;
    let body = match message.kind.as_str() {
        "incident.updated" => json!({
            "incident_id": id,
            "changed": args.get("changed"),
            "loud": message.urgent,
            "assignment_id": args.get("assignment_id"),
            "incident": view::plain(&row)?,
        }),
        "incident.note" => {
            let Some(note) = args.get("note_id").and_then(Value::as_str) else { return Ok(None) };
            let note: NoteId = note.parse()?;
            let note = store::note_fetch(conn, &note)?;
            json!({ "incident_id": id, "note": view::note(&note)?, "text": note.text, "links": view::parsed(&note.links)? })
        }
        _ => return Ok(None),
    };
    Ok(Some(body))
}
