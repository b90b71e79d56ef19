//! `GET /ws`: who is it (bearer token or one-time ticket), which subprotocol,
//! and the two tasks of the socket. Sockets that wait for their hello are
//! counted per person; the oldest go when there are too many. They are not
//! counted per address: ten thousand terminals behind one gateway that come
//! back at once would each push another one out, and nobody would get in.

use std::collections::{HashMap, VecDeque};
use std::rc::Rc;
use std::sync::{Arc, Weak};

use actix_web::body::BoxBody;
use actix_web::{FromRequest as _, HttpRequest, HttpResponse, web};
use parking_lot::Mutex;
use serde::Deserialize;

use super::frame::Slot;
use super::guard::SizeGuard;
use super::protocol::{BIN, JSON};
use super::socket::{Socket, Wire};
use super::{pump, session, slices};
use crate::duty::officers;
use crate::platform::ctx::Ctx;
use crate::platform::http::problem::request_reads_chinese;
use crate::platform::push::hub::{Ending, Link};
use crate::wiring::app::Server;
use crate::wiring::door::Scissors;
use crate::words::error::{Code, Error, Result};
use crate::words::ids::PersonId;

/// Sockets of one person that may wait for their hello at once.
const WAITING_PER_PERSON: usize = 32;
/// Open sockets of one person: devices, browsers, and some that are about to be noticed as dead.
const OPEN_PER_PERSON: usize = 64;

/// How a client names itself in the address.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Query {
    ticket: Option<String>,
}

/// `GET /ws` and `GET /api/v1/ws`
///
/// Permissions: any live session; a ticket or a bearer token names it.
pub async fn open(request: HttpRequest, body: web::Payload, waiting: web::Data<Waiting>) -> Result<HttpResponse> {
    if request.app_data::<web::Data<Server>>().is_some_and(|server| server.stopping()) {
        return Err(Error::new(Code::Stopping).retry_after(2));
    }
    let ctx = who(&request).await?;
    let chinese = request_reads_chinese(&request);
    let core = Arc::clone(&ctx.core);
    if core.hub.count_of(&ctx.actor.person) >= OPEN_PER_PERSON + WAITING_PER_PERSON {
        return Err(Error::new(Code::RateLimited).detail("too many open sockets of one person").retry_after(10));
    }
    let max = core.config.socket.max_message_bytes;
    let guarded = SizeGuard::wrap(body.into_inner(), max as u64);
    let (response, unused, frames) =
        actix_ws::handle_with_protocols(&request, payload(&request, guarded).await?, &[JSON, BIN])
            .map_err(|error| Error::bad(format!("not a WebSocket handshake: {error}")))?;
    drop(unused);
    let binary = response.headers().get("sec-websocket-protocol").is_some_and(|chosen| chosen == BIN);
    let scissors = request.conn_data::<Rc<Scissors>>().map(Rc::clone);
    let scissors = scissors.ok_or_else(|| Error::internal("a connection that did not come through the door"))?;
    let mut slot = None;
    let response = response.map_body(|_, own| {
        let (made, body) = Slot::new(own, scissors);
        slot = Some(made);
        BoxBody::new(body)
    });
    let slot = slot.ok_or_else(|| Error::internal("a response without a body"))?;
    let actor = &ctx.actor;
    let link = core.hub.join(actor.person, actor.device, actor.session, core.clock.now());
    waiting.enter(&link);
    let socket = Socket::new(ctx, Arc::clone(&link), Wire { binary, chinese }, slot);
    let frames = frames.max_frame_size(max).aggregate_continuations().max_continuation_size(max);
    let reader = actix_web::rt::spawn(session::run(Rc::clone(&socket), frames));
    actix_web::rt::spawn(async move {
        pump::run(Rc::clone(&socket)).await;
        reader.abort();
        core.hub.leave(&link);
        if link.is_greeted() && link.ending() != Some(Ending::Replaced) {
            slices::gone(&core, &link.device, socket.with(|state| state.closed_by_client));
        }
    });
    Ok(response)
}

/// The verified actor: from the ticket in the address, else from the bearer token.
async fn who(request: &HttpRequest) -> Result<Ctx> {
    let query = web::Query::<Query>::from_query(request.query_string())
        .map_err(|error| Error::field("query", error))?
        .into_inner();
    let Some(ticket) = query.ticket else {
        return officers::auth::ctx_of(request).await;
    };
    let core = officers::auth::core_of(request)?;
    let actor = officers::auth::redeem_ticket(&core, &ticket).await?;
    Ok(Ctx::new(core, actor))
}

async fn payload(request: &HttpRequest, mut inner: actix_web::dev::Payload) -> Result<web::Payload> {
    web::Payload::from_request(request, &mut inner).await.map_err(|error| Error::bad(error.to_string()))
}

/// Sockets that have not said hello yet.
#[derive(Default)]
pub struct Waiting {
    queues: Mutex<Queues>,
}

#[derive(Default)]
struct Queues {
    people: HashMap<PersonId, VecDeque<Weak<Link>>>,
    /// Entries since the last sweep of empty queues.
    entered: usize,
}

impl Waiting {
    /// Notes a socket; the oldest of the person that still wait go when there are too many.
    fn enter(&self, link: &Arc<Link>) {
        let mut queues = self.queues.lock();
        push(queues.people.entry(link.person).or_default(), link);
        queues.entered += 1;
        if queues.entered >= 1_000 {
            queues.entered = 0;
            queues.people.retain(|_, queue| {
                queue.retain(is_waiting);
                !queue.is_empty()
            });
        }
    }
}

fn is_waiting(link: &Weak<Link>) -> bool {
    link.upgrade().is_some_and(|link| !link.is_greeted() && link.ending().is_none())
}

fn push(queue: &mut VecDeque<Weak<Link>>, link: &Arc<Link>) {
    if queue.len() >= WAITING_PER_PERSON {
        queue.retain(is_waiting);
    }
    while queue.len() >= WAITING_PER_PERSON {
        if let Some(oldest) = queue.pop_front().and_then(|weak| weak.upgrade()) {
            oldest.end(Ending::Crowded);
        }
    }
    queue.push_back(Arc::downgrade(link));
}
