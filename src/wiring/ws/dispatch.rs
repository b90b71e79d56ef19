//! Commands: each goes to the service behind the REST call of the same meaning
//! and is answered by `reply` or `error` under its `request_id`.

use std::rc::Rc;

use serde_json::Value;

use super::live::Order;
use super::protocol::{Command, Reply, Verb};
use super::slices;
use super::socket::{Socket, Tagged};
use crate::duty::officers;
use crate::platform::ctx::Ctx;
use crate::platform::http::RequestMeta;
use crate::platform::keys::sha256_hex;
use crate::words::error::{Error, Result};

/// Request ids of at least this length are taken as unique for good, so the
/// same command under the same id is done once; shorter ones are only echoed.
const UNIQUE_ID_MIN: usize = 16;

/// Runs one command and queues its answer.
pub async fn run(socket: &Rc<Socket>, command: Command) {
    let request_id = command.request_id.clone();
    match answer(socket, command).await {
        Ok((status, body)) => {
            socket.say(&Tagged { kind: "reply", message: Reply { request_id, status, body } });
        }
        Err(error) => socket.say_error(&error, Some(request_id)),
    }
    socket.wake();
}

async fn answer(socket: &Rc<Socket>, command: Command) -> Result<(u16, Value)> {
    let ctx = today(&socket.ctx).await?;
    match command.verb {
        Verb::Subscribe => {
            let (subscription, body) = slices::subscribe(&ctx, socket.link.id, command.body).await?;
            socket.with(|state| state.live_order = Some(Order::Look(Box::new(subscription))));
            Ok((200, body))
        }
        Verb::Unsubscribe => {
            refuse_members(&command.body)?;
            slices::unsubscribe(&ctx, socket.link.id).await?;
            socket.with(|state| state.live_order = Some(Order::Stop));
            Ok((200, Value::Object(serde_json::Map::new())))
        }
        _ => {
            let meta = meta(&command)?;
            slices::command(&ctx, &meta, command).await
        }
    }
}

fn refuse_members(body: &serde_json::Map<String, Value>) -> Result<()> {
    body.keys().next().map_or(Ok(()), |name| Err(Error::field(name, "is not known here")))
}

/// The actor as the tables say now: a changed unit or role counts at once.
async fn today(ctx: &Ctx) -> Result<Ctx> {
    let Some(session) = ctx.actor.session else { return Ok(ctx.clone()) };
    let actor = ctx.db.read(move |conn| officers::auth::actor_load(conn, &session)).await?;
    Ok(Ctx::new(std::sync::Arc::clone(&ctx.core), actor))
}

fn meta(command: &Command) -> Result<RequestMeta> {
    let body = serde_json::to_string(&command.body)?;
    let hash = sha256_hex(format!("ws {} {}\n{body}", command.verb.as_str(), command.target).as_bytes());
    let key = (command.request_id.len() >= UNIQUE_ID_MIN).then(|| format!("ws:{}", command.request_id));
    Ok(RequestMeta { key, hash, if_match: None })
}
