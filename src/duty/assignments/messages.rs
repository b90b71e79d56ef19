//! Socket payloads about assignments, rendered at send and at replay.

use serde_json::{Value, json};

use super::store;
use super::view;
use crate::duty::incidents::store as incidents;
use crate::duty::incidents::{access, view as incident_view};
use crate::platform::db::Conn;
use crate::platform::policy::{Action, Actor, Decision};
use crate::platform::push::outbox::Envelope;
use crate::words::error::{Code, Result};
use crate::words::ids::AssignmentId;

/// Body of `assignment.*`; `None` when the reader may no longer see it.
pub fn render(conn: &mut Conn, reader: &Actor, message: &Envelope) -> Result<Option<Value>> {
    let id: AssignmentId = message.subject.id.parse()?;
    let row = match store::assignment_fetch(conn, &id) {
        Err(error) if error.is(Code::NotFound) => return Ok(None),
        other => other?,
    };
    let incident = incidents::incident_fetch(conn, &row.incident_id)?;
    let members = store::members_of(conn, &id)?;
    let sight = access::sight(conn, reader, &incident)?;
    let mine = members.iter().any(|member| member.person_id == reader.person);
    if sight.decide(reader, Action::IncidentRead) != Decision::Allow && !mine {
        return Ok(None);
    }
    let mut body = json!({
        "assignment_id": id,
        "incident_id": incident.id,
        "state": row.state,
        "assignment": view::with_people(&row, &members),
    });
    let wants_incident = matches!(message.kind.as_str(), "assignment.offered" | "assignment.updated");
    if let Some(map) = body.as_object_mut() {
        for name in ["reason", "ask", "change", "reach", "repeat"] {
            if let Some(value) = message.args.get(name) {
                map.insert(name.to_owned(), value.clone());
            }
        }
        if wants_incident {
            map.insert("incident".into(), incident_view::plain(&incident)?);
        }
    }
    Ok(Some(body))
}
