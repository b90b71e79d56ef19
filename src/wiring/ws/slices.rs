//! What the socket asks of the slices: rendering a message for one person,
//! storing fixes, live subscriptions, and the commands. The only file of the
//! socket that names them.

use serde_json::{Map, Value};

use super::protocol::{Command, Delivered, Rejected};
pub use crate::duty::location::fix::FixIn as Fix;
pub use crate::duty::location::live::{Encoding, Subscription};
use crate::platform::ctx::Ctx;
use crate::platform::db::Conn;
use crate::platform::http::RequestMeta;
use crate::platform::policy::Actor;
use crate::platform::push::outbox::Envelope;
use crate::words::error::{Code, Error, Result};
use crate::words::ids::{DeviceId, PersonId};

/// Whether the person carries the device now.
pub fn carries(_conn: &mut Conn, _person: &PersonId, _device: &DeviceId) -> Result<bool> {
    Ok(true)
}

/// A message as this person may see it today; `withdrawn` when he no longer may.
pub fn message(_conn: &mut Conn, _actor: &Actor, envelope: &Envelope) -> Result<Delivered> {
    let body: Option<Value> = None;
    let (kind, data) = match body {
        Some(data) => (envelope.kind.clone(), data),
        None => ("withdrawn".to_owned(), Value::Object(Map::new())),
    };
    Ok(Delivered {
        id: envelope.id,
        seq: envelope.seq,
        kind,
        sent_at: envelope.created_at,
        urgent: envelope.urgent,
        data,
    })
}

/// Stores fixes; answers after the commit with what was refused.
pub async fn ingest(_ctx: Ctx, _n: u64, _fixes: Vec<Fix>) -> Result<Vec<Rejected>> {
    Ok(Vec::new())
}

pub async fn subscribe(_ctx: &Ctx, _link: u64, _body: Map<String, Value>) -> Result<(Subscription, Value)> {
    Err(Error::new(Code::UnknownType))
}

pub async fn unsubscribe(_ctx: &Ctx, _link: u64) -> Result<()> {
    Ok(())
}

/// A write: the service behind the REST call of the same meaning.
pub async fn command(_ctx: &Ctx, _meta: &RequestMeta, _command: Command) -> Result<(u16, Value)> {
    Err(Error::new(Code::UnknownType))
}
