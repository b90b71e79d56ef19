//! What seats receive about cards.

use serde_json::Value;

use super::{CardView, service};
use crate::platform::db::Conn;
use crate::platform::policy::{Action, Actor};
use crate::platform::push::outbox::Envelope;
use crate::words::error::{Code, Result};

/// Body of `card.raised`; None when the actor may no longer see the card.
pub fn render(conn: &mut Conn, actor: &Actor, envelope: &Envelope) -> Result<Option<Value>> {
    let id = envelope.subject.id.parse()?;
    match service::fetch(conn, actor, Action::IncidentRead, &id) {
        Ok(row) => Ok(Some(serde_json::to_value(CardView::of(row)?)?)),
        Err(error) if error.is(Code::NotFound) || error.is(Code::Forbidden) => Ok(None),
        Err(error) => Err(error),
    }
}
