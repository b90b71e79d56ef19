//! Commands: each goes to the service behind the REST call of the same meaning
//! and is answered by `reply` or `error` under its `request_id`.

use std::rc::Rc;
use std::sync::Arc;

use serde_json::{Map, Value, json};

use super::close::Close;
use super::live::Order;
use super::protocol::{Command, Reply, Subscribe, Verb};
use super::slices;
use super::socket::{Socket, Tagged};
use crate::duty::location::access::Watch;
use crate::duty::location::live::Live;
use crate::platform::ctx::Ctx;
use crate::platform::http::{RequestMeta, strict};
use crate::platform::keys::sha256_hex;
use crate::words::error::{Code, Error, Result};

/// Request ids of at least this length are taken as unique for good, so the
/// same command under the same id is done once; shorter ones are only echoed.
const UNIQUE_ID_MIN: usize = 16;

/// Runs one command and queues its answer.
pub async fn run(socket: &Rc<Socket>, command: Command) {
    let request_id = command.request_id.clone();
    match answer(socket, command).await {
        Ok((status, body)) => {
            socket.say(&Tagged { kind: "reply", message: Reply::new(request_id, status, body) });
        }
        Err(error) => socket.say_error(&error, Some(request_id)),
    }
    socket.wake();
}

async fn answer(socket: &Rc<Socket>, command: Command) -> Result<(u16, Value)> {
    let rights = socket.link.rights();
    let ctx = today(socket).await?;
    match command.verb {
        Verb::Subscribe => {
            let answer = subscribe(socket, &ctx, command.body).await;
            if socket.link.rights() != rights {
                // They changed while the view was being made.
                socket.link.ask_recheck();
            }
            answer
        }
        Verb::Unsubscribe => {
            refuse_members(&command.body)?;
            socket.with(|state| {
                state.watch = None;
                state.looks = None;
                state.live_order = Some(Order::Stop);
            });
            Ok((200, json!({})))
        }
        _ => {
            let meta = meta(&command)?;
            slices::command(&ctx, &meta, command).await
        }
    }
}

/// Starts a live view, or moves the one there is; one access record covers it.
async fn subscribe(socket: &Rc<Socket>, ctx: &Ctx, body: Map<String, Value>) -> Result<(u16, Value)> {
    let asked: Subscribe = strict::from_value(Value::Object(body))?;
    let (scope, bbox) = slices::look(ctx, &asked).await?;
    let watch = socket.with(|state| state.watch.take());
    let watch = match watch {
        Some(watch) => {
            watch.look_at(&scope, bbox.as_ref());
            watch
        }
        None => Watch::begin(&ctx.core, &ctx.actor, asked.purpose.clone(), &scope, bbox.as_ref()).await?,
    };
    let subscription = ctx.part::<Live>()?.subscribe(scope.clone(), bbox);
    let unit_id = asked.unit_id;
    socket.with(|state| {
        state.watch = Some(watch);
        state.looks = Some((asked, scope));
        state.live_order = Some(Order::Look(Box::new(subscription)));
    });
    Ok((200, json!({ "unit_id": unit_id, "bbox": bbox.map(|b| [b.west, b.south, b.east, b.north]) })))
}

/// The viewer or the tree of units has moved: a view that his rights no longer cover as they did begins
/// anew, with a snapshot of what he may see now. Nothing happens without a view.
pub async fn look_again(socket: &Rc<Socket>) {
    let Some((asked, before)) = socket.with(|state| state.looks.clone()) else { return };
    let looked = async {
        let ctx = today(socket).await?;
        let (scope, bbox) = match slices::look(&ctx, &asked).await {
            Err(error) if error.is(Code::NotFound) => (slices::nobody(&ctx), asked.bbox()?),
            other => other?,
        };
        Ok::<_, Error>((ctx.part::<Live>()?.clone(), scope, bbox))
    };
    match looked.await {
        Ok((live, scope, bbox)) if scope != before => socket.with(|state| {
            if !state.looks.as_ref().is_some_and(|(now, scope)| *now == asked && *scope == before) {
                // The view was changed meanwhile: judge that one.
                socket.link.ask_recheck();
                return;
            }
            if let Some(watch) = &state.watch {
                watch.look_at(&scope, bbox.as_ref());
            }
            state.looks = Some((asked, scope.clone()));
            state.live_order = Some(Order::Look(Box::new(live.subscribe(scope, bbox))));
        }),
        Ok(_) => {}
        // Better no view than one that nobody has judged.
        Err(error) => {
            tracing::warn!(%error, person = %socket.link.person, "a live view could not be judged again");
            socket.end(Close::Internal, "");
        }
    }
    socket.wake();
}

fn refuse_members(body: &Map<String, Value>) -> Result<()> {
    body.keys().next().map_or(Ok(()), |name| Err(Error::field(name, "is not known here")))
}

async fn today(socket: &Socket) -> Result<Ctx> {
    Ok(Ctx { core: Arc::clone(&socket.ctx.core), actor: socket.actor_now().await? })
}

fn meta(command: &Command) -> Result<RequestMeta> {
    let body = serde_json::to_string(&command.body)?;
    let hash = sha256_hex(format!("ws {} {}\n{body}", command.verb.as_str(), command.target).as_bytes());
    let key = (command.request_id.len() >= UNIQUE_ID_MIN).then(|| format!("ws:{}", command.request_id));
    Ok(RequestMeta { key, hash, if_match: None })
}
