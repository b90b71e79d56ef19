//! What a terminal hears when its holder's duty was changed by somebody else: `duty.changed`.

use serde_json::{Value, json};

use super::service::duty_view;
use crate::platform::db::{Conn, Tx};
use crate::platform::push::outbox::{self, Draft, Subject};
use crate::words::error::Result;
use crate::words::ids::PersonId;

/// The kind of the one message this slice sends.
pub const DUTY_CHANGED: &str = "duty.changed";

/// Tells people that somebody else changed their duty or crew.
pub fn duty_changed(tx: &mut Tx<'_>, people: &[PersonId], by: PersonId) -> Result<()> {
    for person in people.iter().filter(|person| **person != by) {
        let version = super::store::duty_fetch(tx.conn(), person)?.version;
        outbox::send(
            tx,
            &[*person],
            &Draft {
                kind: DUTY_CHANGED,
                subject: Subject::new("duty", person),
                version,
                args: json!({ "by_person_id": by }),
                urgent: false,
            },
        )?;
    }
    Ok(())
}

/// The body under today's facts: one's own duty, as `GET /me` shows it. `None` for anybody else.
pub fn render(conn: &mut Conn, recipient: &PersonId, subject_id: &str, args: &Value) -> Result<Option<Value>> {
    if subject_id != recipient.to_string() {
        return Ok(None);
    }
    let view = duty_view(conn, recipient)?;
    Ok(Some(json!({ "duty": view, "by_person_id": args.get("by_person_id") })))
}
