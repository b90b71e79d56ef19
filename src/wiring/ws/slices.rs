//! What the socket asks of the slices: rendering a message for one person,
//! storing fixes, live subscriptions, and the commands. The only file of the
//! socket that names them.

use std::sync::Arc;

use serde_json::{Map, Value};

use super::protocol::{Command, Delivered, Subscribe, Verb};

pub use crate::duty::crews::store::carries;
pub use crate::duty::location::fix::FixIn as Fix;
use crate::duty::location::ingest::{AckCell, Bearer, Ingest};
pub use crate::duty::location::live::{Encoding, Subscription};
use crate::duty::location::live::{Live, Scope};
pub use crate::duty::location::uplink;
use crate::duty::{assignments, backup, crews, evidence, incidents, location, mediation, officers, partners, rooms};
use crate::platform::ctx::{Core, Ctx};
use crate::platform::db::Conn;
use crate::platform::http::body::text_opt;
use crate::platform::http::{RequestMeta, strict};
use crate::platform::policy::Actor;
use crate::platform::push::outbox::Envelope;
use crate::words::error::{Code, Error, Result};
use crate::words::geo::BBox;
use crate::words::ids::DeviceId;

/// Characters of the purpose of a look.
const PURPOSE_MAX: usize = 200;

/// A message as this person may see it today; `withdrawn` when he no longer may.
pub fn message(conn: &mut Conn, actor: &Actor, envelope: &Envelope) -> Result<Delivered> {
    let body = body(conn, actor, envelope)?;
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

/// The slice that renders a kind of message.
fn body(conn: &mut Conn, actor: &Actor, envelope: &Envelope) -> Result<Option<Value>> {
    let family = envelope.kind.split('.').next().unwrap_or_default();
    match family {
        "assignment" => assignments::messages::render(conn, actor, envelope),
        "incident" => incidents::messages::render(conn, actor, envelope),
        "card" => rooms::messages::render(conn, actor, envelope),
        "backup" => backup::messages::render(conn, actor, envelope),
        "evidence" => evidence::messages::render(conn, actor, envelope),
        "scene_gap" => evidence::scene::messages::render(conn, actor, envelope),
        "mediation" => mediation::messages::render(conn, actor, envelope),
        "task" => partners::messages::render(conn, actor, envelope),
        "check_in" => Ok(Some(envelope.args.clone())),
        "reporting" => location::messages::render(conn, &actor.person, &envelope.subject.id),
        "duty" => crews::messages::render(conn, &actor.person, &envelope.subject.id, &envelope.args),
        _ => {
            tracing::warn!(kind = envelope.kind, "a message of a kind that nobody renders");
            Ok(None)
        }
    }
}

/// Hands the fixes of one message to ingest; `acks` hears of the commit.
pub async fn ingest(ctx: &Ctx, n: u64, fixes: &[Fix], acks: &Arc<AckCell>) -> Result<()> {
    let bearer = Arc::new(Bearer::of(&ctx.actor)?);
    ctx.part::<Ingest>()?.take_message(&ctx.core, &bearer, n, fixes, acks).await
}

/// A device's socket ended, in good order or not: explains a later silence.
pub fn gone(core: &Core, device: &DeviceId, clean: bool) {
    match core.part::<Live>() {
        Ok(live) => live.socket_ended(device, clean),
        Err(error) => tracing::error!(%error, "the live table is not wired"),
    }
}

/// A live subscription within what the actor may see.
///
/// Errors: `not_found` for a unit outside his scope.
pub async fn look(ctx: &Ctx, asked: &Subscribe) -> Result<(Scope, Option<BBox>)> {
    let bbox = asked.bbox()?;
    text_opt("purpose", asked.purpose.as_deref(), PURPOSE_MAX)?;
    let path = match asked.unit_id {
        None => None,
        Some(id) => Some(ctx.db.read(move |conn| officers::store::unit_fetch(conn, &id)).await?.path),
    };
    let scope = Live::scope_of(&ctx.actor, path.as_deref()).ok_or_else(|| Error::not_found("unit"))?;
    Ok((scope, bbox))
}

/// What is left of a view whose unit the actor may no longer watch: himself and those an open backup joins to him.
pub fn nobody(ctx: &Ctx) -> Scope {
    Scope { viewer: ctx.actor.person, unit_path: None, subtree: false }
}

/// A write: the service behind the REST call of the same meaning.
pub async fn command(ctx: &Ctx, meta: &RequestMeta, command: Command) -> Result<(u16, Value)> {
    match command.verb {
        Verb::AssignmentEvent => {
            let id = command.target.parse()?;
            let event = strict::from_value(Value::Object(command.body))?;
            assignments::service::event(ctx, meta, id, event).await
        }
        Verb::Backup | Verb::BackupResponse | Verb::BackupTake | Verb::BackupClose => {
            backup::http::socket_command(ctx, meta, command.verb.as_str(), &command.target, command.body).await
        }
        _ => Err(Error::new(Code::UnknownType)),
    }
}
