//! The must-deliver stream of one socket: where it starts (`greet`), the next
//! messages from the outbox, and the receipts of what the client acknowledged.

use std::rc::Rc;
use std::time::Duration;

use bytes::Bytes;
use serde::Serialize;

use super::close::Close;
use super::frame::Outgoing as Frame;
use super::protocol::{Delivered, Hello, Reason, Welcome};
use super::slices;
use super::socket::{Socket, Stream, Tagged};
use crate::platform::ctx::Core;
use crate::platform::db::{Conn, Priority, Tx};
use crate::platform::events::Event;
use crate::platform::policy::{Actor, DeviceKind};
use crate::platform::push::cursor::{self, Known, Resumption};
use crate::platform::push::outbox;
use crate::words::error::{Code, Error, Result};
use crate::words::ids::{DeviceId, MessageId, PersonId};
use crate::words::time::Timestamp;

/// Messages read and rendered at a time.
const PAGE: i64 = 32;
/// Receipts stored in one recipe.
const RECEIPTS_MAX: i64 = 512;
/// Wait after a failed read or write of the stream.
const PAUSE: Duration = Duration::from_millis(250);
/// Failed attempts after which the socket is given up.
const ATTEMPTS_MAX: u32 = 40;

/// Whose stream it is, on which device and connection.
#[derive(Clone, Copy, Debug)]
pub struct Holder {
    pub person: PersonId,
    pub device: DeviceId,
    pub browser: bool,
}

impl Holder {
    fn of(socket: &Socket) -> Self {
        Self::of_actor(&socket.ctx.actor)
    }

    /// The stream of the actor on his device.
    pub fn of_actor(actor: &Actor) -> Self {
        Self { person: actor.person, device: actor.device, browser: actor.device_kind == DeviceKind::Browser }
    }
}

/// The recipe behind `hello`: raises the device's generation, compares what it
/// has with the stream, and takes what it proves to have as received.
pub fn greet_recipe(tx: &mut Tx<'_>, holder: Holder, known: &Known) -> Result<(i64, Resumption)> {
    let (session_gen, had) = cursor::cursor_raise(tx, &holder.device, &holder.person)?;
    let row = cursor::stream_of(tx, &holder.person)?;
    let resumption = cursor::resume_or_renew(tx, &row, known, holder.browser)?;
    // Where a browser began is in its own memory only: what it names may be the place it was told, no message it had.
    if resumption.lost.is_none() && !holder.browser && had < resumption.from_seq {
        receive(tx, holder, had, resumption.from_seq)?;
    }
    if !holder.browser {
        cursor::cursor_move(tx, &holder.device, &holder.person, session_gen, resumption.from_seq)?;
    }
    Ok((session_gen, resumption))
}

/// The recipe behind `ack`: cursor and receipts together; false when a newer
/// connection of the device took over.
pub fn receipt_recipe(tx: &mut Tx<'_>, holder: Holder, session_gen: i64, after: i64, up_to: i64) -> Result<bool> {
    // A browser's cursor lives in its memory only; the write still proves its generation.
    let stored = if holder.browser { 0 } else { up_to };
    if !cursor::cursor_move(tx, &holder.device, &holder.person, session_gen, stored)? {
        return Ok(false);
    }
    receive(tx, holder, after, up_to)?;
    Ok(true)
}

/// Where `GET /me/inbox` goes on, when nothing has to be written for it.
pub fn look(conn: &mut Conn, holder: Holder, known: &Known, now: Timestamp) -> Result<Option<Resumption>> {
    let Some(row) = outbox::stream_fetch(conn, &holder.person)? else { return Ok(None) };
    let found = cursor::resume(conn, &row, known, holder.browser, now)?;
    Ok(Some(found).filter(|found| !found.put_back && (found.lost.is_none() || holder.browser)))
}

/// The recipe behind `GET /me/inbox` where [`look`] was not enough: a stream, an epoch or a device begins. Its receipts
/// count from there; what came before it has never had.
pub fn look_recipe(tx: &mut Tx<'_>, holder: Holder, known: &Known) -> Result<Resumption> {
    let row = cursor::stream_of(tx, &holder.person)?;
    let resumption = cursor::resume_or_renew(tx, &row, known, holder.browser)?;
    if resumption.lost.is_some() && !holder.browser {
        cursor::cursor_place(tx, &holder.device, &holder.person, resumption.from_seq)?;
    }
    Ok(resumption)
}

/// The recipe behind `POST /me/inbox/ack`: no connection, so no generation.
pub fn polled_recipe(tx: &mut Tx<'_>, holder: Holder, epoch: &str, seq: i64, id: Option<MessageId>) -> Result<()> {
    let row = cursor::stream_of(tx, &holder.person)?;
    let another = || Error::conflict("the stream is another one; load the inbox again");
    if row.epoch != epoch {
        return Err(another());
    }
    if seq < 0 || seq > row.last_seq {
        return Err(Error::field("seq", "is not a number that was given out"));
    }
    if seq > 0 && id.is_none() {
        return Err(Error::field("id", "must be the id of the message with this number"));
    }
    // After an older copy was put back the number may be another message's, which the device never saw.
    let here = outbox::message_at(tx.conn(), &holder.person, seq)?;
    if here != id && (here.is_some() || seq > row.trimmed_seq) {
        return Err(another());
    }
    if holder.browser {
        // As with its hello: it proves no message, and would stop no clock.
        return Ok(());
    }
    let after = cursor::cursor_fetch(tx.conn(), &holder.device, &holder.person)?.unwrap_or(row.trimmed_seq);
    cursor::cursor_advance(tx, &holder.device, &holder.person, seq)?;
    if seq > after { receive(tx, holder, after, seq) } else { Ok(()) }
}

/// Notes that the device has the messages after `after` up to `up_to` and tells whoever waits for them.
fn receive(tx: &mut Tx<'_>, holder: Holder, after: i64, up_to: i64) -> Result<()> {
    let after = after.max(up_to.saturating_sub(RECEIPTS_MAX));
    let received = outbox::messages_after(tx.conn(), &holder.person, after, up_to.saturating_sub(after))?;
    let carried = !holder.browser && slices::carries(tx.conn(), &holder.person, &holder.device)?;
    if carried {
        outbox::mark_received(tx, &holder.person, &holder.device, after, up_to)?;
    }
    for message in received.into_iter().filter(|message| message.seq <= up_to) {
        tx.emit(&Event::Received {
            person: holder.person,
            device: holder.device,
            carried,
            message: message.id,
            kind: message.kind,
            subject_kind: message.subject.kind.into_owned(),
            subject_id: message.subject.id,
        })?;
    }
    Ok(())
}

/// Handles `hello`: the stream starts and the welcome leaves first.
pub async fn greet(socket: &Rc<Socket>, hello: Hello) -> Result<()> {
    let holder = Holder::of(socket);
    let known = Known { epoch: hello.epoch, seq: hello.last_seq, id: hello.last_id };
    let (session_gen, resumption) =
        socket.ctx.db.write(Priority::Receipt, move |tx| greet_recipe(tx, holder, &known)).await?;
    let core = &socket.ctx.core;
    core.hub.greeted(&socket.link);
    let limits = &socket.limits;
    let welcome = Welcome {
        epoch: resumption.epoch,
        recovered: resumption.lost.is_none(),
        reason: resumption.lost.map(Reason::from),
        last_seq: resumption.from_seq,
        last_id: resumption.from_id,
        server_time: core.clock.now(),
        person_id: holder.person,
        device_id: holder.device,
        session_gen,
        heartbeat_s: u32::try_from(limits.ping_every.as_secs()).unwrap_or(u32::MAX),
        ack_window: u32::try_from(limits.ack_window).unwrap_or(u32::MAX),
        max_message_bytes: u32::try_from(limits.message_bytes).unwrap_or(u32::MAX),
    };
    let frame = Frame::text(json_of("welcome", &welcome)?);
    let from = resumption.from_seq;
    socket.link.expect_up_to(resumption.head);
    socket.with(|state| {
        state.welcome = Some(frame);
        state.stream =
            Some(Stream { session_gen, fetched: from, sent: from, acked: from, stored: from, ..Stream::default() });
    });
    socket.wake();
    Ok(())
}

/// Starts reading the next messages when there is something to send and room for it.
pub fn fetch_more(socket: &Rc<Socket>) {
    let head = socket.link.expected();
    let window = socket.limits.ack_window;
    let from = socket.with(|state| {
        let stream = state.stream.as_mut()?;
        let queued = i64::try_from(stream.ready.len()).unwrap_or(i64::MAX);
        let room = window.saturating_sub(stream.fetched.saturating_sub(stream.acked));
        let wanted = !stream.fetching && head > stream.fetched && room > 0 && queued < PAGE / 2;
        wanted.then(|| {
            stream.fetching = true;
            (stream.fetched, room.min(PAGE), head)
        })
    });
    if let Some((after, limit, seen)) = from
        && !socket.is_ending()
    {
        let socket = Rc::clone(socket);
        actix_web::rt::spawn(async move { fetch(&socket, after, limit, seen).await });
    }
}

/// The next messages as frames, by the rights of this moment, not of the handshake.
async fn read(socket: &Socket, after: i64, limit: i64) -> Result<Vec<(i64, Bytes)>> {
    let actor = socket.actor_now().await?;
    let messages = move |conn: &mut Conn| {
        let envelopes = outbox::messages_after(conn, &actor.person, after, limit)?;
        envelopes.iter().map(|one| Ok((one.seq, frame_of(&slices::message(conn, &actor, one)?)?))).collect()
    };
    socket.ctx.db.read(messages).await
}

async fn fetch(socket: &Rc<Socket>, after: i64, limit: i64, seen: i64) {
    let mut attempts = 0;
    let page = loop {
        match read(socket, after, limit).await {
            Ok(page) => break Some(page),
            Err(error) if error.is(Code::TokenRevoked) => {
                socket.end(Close::Revoked, "");
                return;
            }
            Err(error) => {
                attempts += 1;
                if attempts > ATTEMPTS_MAX || socket.is_ending() {
                    tracing::error!(%error, person = %socket.link.person, "a stream cannot be read");
                    break None;
                }
                tokio::time::sleep(PAUSE).await;
            }
        }
    };
    let Some(page) = page else {
        socket.end(Close::Internal, "");
        return;
    };
    let short = i64::try_from(page.len()).unwrap_or(0) < limit;
    socket.with(|state| {
        if let Some(stream) = state.stream.as_mut() {
            stream.fetching = false;
            for (seq, bytes) in page {
                stream.fetched = stream.fetched.max(seq);
                stream.ready.push_back((seq, Frame::text(bytes)));
            }
            if short {
                // Everything there is has been read; a later nudge raises it again.
                socket.link.expect_no_more(seen, stream.fetched);
            }
        }
    });
    socket.wake();
}

/// Handles `ack`: moves the window; `store_receipts` makes it durable.
pub fn acknowledge(socket: &Rc<Socket>, seq: i64) -> bool {
    let known = socket.with(|state| {
        let Some(stream) = state.stream.as_mut() else { return false };
        if seq < 0 || seq > stream.sent {
            return false;
        }
        if seq > stream.acked {
            stream.acked = seq;
            stream.full_since = None;
            state.progress = tokio::time::Instant::now();
            if seq == stream.sent {
                // The client has read everything up to here.
                state.confirmed = state.confirmed.max(stream.sent_mark);
            }
        }
        true
    });
    socket.wake();
    known
}

/// Starts storing receipts when some are not stored; one write at a time per socket.
pub fn store_receipts(socket: &Rc<Socket>) {
    let wanted = socket.with(|state| {
        let stream = state.stream.as_mut()?;
        (!stream.storing && stream.acked > stream.stored).then(|| stream.storing = true)
    });
    if wanted.is_some() {
        let socket = Rc::clone(socket);
        actix_web::rt::spawn(async move { store(&socket).await });
    }
}

async fn store(socket: &Rc<Socket>) {
    let holder = Holder::of(socket);
    let mut attempts = 0;
    loop {
        let next = socket.with(|state| {
            let stream = state.stream.as_mut()?;
            if stream.acked <= stream.stored {
                stream.storing = false;
                return None;
            }
            Some((stream.session_gen, stream.stored, stream.acked.min(stream.stored.saturating_add(RECEIPTS_MAX))))
        });
        let Some((session_gen, after, up_to)) = next else { return };
        let recipe = move |tx: &mut Tx<'_>| receipt_recipe(tx, holder, session_gen, after, up_to);
        match socket.ctx.db.write(Priority::Receipt, recipe).await {
            Ok(true) => {
                attempts = 0;
                socket.with(|state| {
                    if let Some(stream) = state.stream.as_mut() {
                        stream.stored = stream.stored.max(up_to);
                    }
                });
            }
            Ok(false) => {
                socket.end(Close::Replaced, "");
                return;
            }
            Err(error) if attempts < ATTEMPTS_MAX && !error.is(Code::Internal) => {
                attempts += 1;
                tokio::time::sleep(PAUSE).await;
            }
            Err(error) => {
                tracing::error!(%error, person = %holder.person, "receipts cannot be stored");
                socket.end(Close::Internal, "");
                return;
            }
        }
    }
}

/// The bytes of one message of the stream.
fn frame_of(message: &Delivered) -> Result<Bytes> {
    json_of("message", message)
}

fn json_of<T: Serialize>(kind: &'static str, message: &T) -> Result<Bytes> {
    Ok(Bytes::from(serde_json::to_vec(&Tagged { kind, message })?))
}

/// Wakes the sockets of everybody whose stream grew lately, whoever wrote it.
pub async fn rescan(core: &Core) -> Result<()> {
    if core.hub.count() == 0 {
        return Ok(());
    }
    let since = core.clock.now().plus_secs(-RESCAN_LOOKBACK_S);
    for (person, seq) in core.db.read(move |conn| cursor::streams_grown_since(conn, since)).await? {
        core.hub.nudge(&person, seq);
    }
    Ok(())
}

/// How far a re-scan looks back: clock differences between nodes and long transactions fit in.
const RESCAN_LOOKBACK_S: i64 = 15;

#[cfg(test)]
#[path = "stream_sim.rs"]
mod sim;
