//! One socket's reading side. What takes time (hello, fixes, commands) is done one after the other in the order it came,
//! by the [`Desk`]; acknowledgements and pings are seen meanwhile, so that a command that waits for the database holds
//! up neither the map nor the stream. A full desk reads no more: a client feels the database's pace as back-pressure.

use std::rc::Rc;
use std::str::Utf8Error;

use actix_web::error::PayloadError;
use actix_ws::{AggregatedMessage, AggregatedMessageStream, ProtocolError};
use tokio::time::Instant;

use super::close::Close;
use super::desk::{Desk, Task};
use super::fixes::Form;
use super::frame::Outgoing as Frame;
use super::protocol::{self, Fixes, Incoming, Pong};
use super::slices::{Fix, uplink};
use super::socket::{Socket, Tagged};
use super::stream;
use crate::words::error::Error;

/// How a connection came to its end.
enum End {
    /// The client said goodbye, or so did we and it answered.
    Said,
    /// It is simply gone.
    Gone,
    /// It broke the rules.
    Broken(Close),
}

/// Reads until the client or the server ends the socket.
pub async fn run(socket: Rc<Socket>, mut frames: AggregatedMessageStream) {
    let mut desk = Desk::new(Rc::clone(&socket));
    let end = loop {
        let reads = desk.has_room() && !socket.is_crowded();
        tokio::select! {
            biased;
            () = desk.work() => {}
            () = socket.room.notified(), if !reads => {}
            frame = frames.recv(), if reads => {
                if let Some(end) = read(&socket, &mut desk, frame) {
                    break end;
                }
            }
        }
    };
    // What was sent before the end counts, as if each had been waited for.
    desk.finish().await;
    match end {
        End::Said => socket.with(|state| state.closed_by_client = true),
        End::Gone => {}
        End::Broken(close) => socket.end(close, ""),
    }
    socket.with(|state| state.reader_done = true);
    socket.wake();
}

/// Takes one frame; the end, if it was the last.
fn read(socket: &Rc<Socket>, desk: &mut Desk, frame: Option<Result<AggregatedMessage, ProtocolError>>) -> Option<End> {
    let Some(frame) = frame else { return Some(End::Gone) };
    if socket.is_ending() {
        // Only the answer to our close frame still matters.
        return matches!(frame, Ok(AggregatedMessage::Close(_)) | Err(_)).then_some(End::Gone);
    }
    socket.link.touch(socket.ctx.clock.now());
    socket.with(|state| state.last_in = Instant::now());
    match frame {
        Ok(AggregatedMessage::Text(text)) => take(socket, desk, &text),
        Ok(AggregatedMessage::Binary(bytes)) => desk.put(binary(socket, &bytes)),
        Ok(AggregatedMessage::Ping(payload)) => socket.push(Frame::pong(payload)),
        Ok(AggregatedMessage::Pong(payload)) => {
            socket.with(|state| state.take_pong(&payload));
            socket.wake();
        }
        Ok(AggregatedMessage::Close(_)) => return Some(End::Said),
        Err(error) => return Some(close_for(&error).map_or(End::Gone, End::Broken)),
    }
    None
}

/// The close code of a broken frame; None when the connection is simply gone.
fn close_for(error: &ProtocolError) -> Option<Close> {
    match error {
        ProtocolError::Overflow => Some(Close::TooBig),
        ProtocolError::Io(io) => {
            let cause = io.get_ref();
            if let Some(payload) = cause.and_then(|cause| cause.downcast_ref::<PayloadError>()) {
                return matches!(payload, PayloadError::Overflow).then_some(Close::TooBig);
            }
            if cause.is_some_and(|cause| cause.is::<Utf8Error>()) {
                return Some(Close::NotText);
            }
            // What is left: fragments that add up to too much, or reserved bits.
            let reserved = io.kind() == std::io::ErrorKind::InvalidData;
            Some(if reserved { Close::Protocol } else { Close::TooBig })
        }
        _ => Some(Close::Protocol),
    }
}

/// What needs no waiting is done at once, if it cannot overtake the hello it stands on.
fn take(socket: &Rc<Socket>, desk: &mut Desk, text: &str) {
    let message = match protocol::parse::<Fix>(text) {
        Ok(message) => message,
        Err(wrong) => {
            let n = protocol::fixes_counter(text);
            let (error, request_id, garbage) = (wrong.error, wrong.request_id, wrong.garbage);
            return desk.put(Task::Refuse { error, request_id, n, garbage });
        }
    };
    let greeted = socket.with(|state| state.stream.is_some());
    match message {
        Incoming::Ping(ping) => {
            let pong = Pong { server_time: socket.ctx.clock.now(), request_id: ping.request_id };
            socket.say(&Tagged { kind: "pong", message: pong });
        }
        Incoming::Ack(ack) if greeted => {
            if !stream::acknowledge(socket, ack.seq) {
                socket.say_error(&Error::field("seq", "is not a number that was sent on this socket"), None);
                socket.count_garbage();
            }
        }
        Incoming::LiveAck(ack) if greeted => {
            socket.with(|state| state.live_acked.push(ack.version));
            socket.wake();
        }
        Incoming::Ack(_) | Incoming::LiveAck(_) => desk.put(Task::Early),
        Incoming::Hello(hello) => desk.put(Task::Greet(hello)),
        Incoming::Fixes(fixes) => desk.put(Task::Store(fixes, Form::Json)),
        Incoming::Command(command) => desk.put(Task::Run(command)),
    }
}

/// Binary frames are fixes, where they were agreed on.
fn binary(socket: &Socket, bytes: &[u8]) -> Task {
    if !socket.wire.binary {
        let error = Error::bad("binary frames need the subprotocol suixing.v1.bin");
        return Task::Refuse { error, request_id: None, n: None, garbage: true };
    }
    match uplink::decode(bytes) {
        Ok(frame) => Task::Store(Fixes { n: frame.n, fixes: frame.fixes }, Form::Binary),
        Err(wrong) => {
            let error = Error::bad(format!("a binary frame of fixes: {}", wrong.why));
            Task::Refuse { error, request_id: None, n: wrong.n, garbage: true }
        }
    }
}
