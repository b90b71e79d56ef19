//! One socket's reading side: hello first, then acknowledgements, fixes and
//! commands, in the order they came. A command is answered before the next
//! frame is read, so a client feels the database's pace as back-pressure.

use std::rc::Rc;
use std::str::Utf8Error;

use actix_web::error::PayloadError;
use actix_ws::{AggregatedMessage, AggregatedMessageStream, ProtocolError};
use tokio::time::Instant;

use super::close::Close;
use super::fixes::{self, Form};
use super::frame::Outgoing as Frame;
use super::protocol::{self, Fixes, Incoming, Misunderstood, Pong};
use super::slices::{Fix, uplink};
use super::socket::{Socket, Tagged};
use super::{dispatch, stream};
use crate::words::error::{Code, Error};

/// Reads until the client or the server ends the socket.
pub async fn run(socket: Rc<Socket>, mut frames: AggregatedMessageStream) {
    while let Some(frame) = frames.recv().await {
        if socket.is_ending() {
            // Only the answer to our close frame still matters.
            if matches!(frame, Ok(AggregatedMessage::Close(_)) | Err(_)) {
                break;
            }
            continue;
        }
        heard(&socket);
        match frame {
            Ok(AggregatedMessage::Text(text)) => take(&socket, &text).await,
            Ok(AggregatedMessage::Binary(bytes)) => take_binary(&socket, &bytes).await,
            Ok(AggregatedMessage::Ping(payload)) => socket.push(Frame::pong(payload)),
            Ok(AggregatedMessage::Pong(payload)) => {
                socket.with(|state| state.take_pong(&payload));
                socket.wake();
            }
            Ok(AggregatedMessage::Close(_)) => {
                socket.with(|state| state.closed_by_client = true);
                break;
            }
            Err(error) => match close_for(&error) {
                Some(close) => {
                    socket.end(close, "");
                    break;
                }
                None => break,
            },
        }
        socket.wait_for_room().await;
    }
    socket.with(|state| state.reader_done = true);
    socket.wake();
}

fn heard(socket: &Socket) {
    socket.link.touch(socket.ctx.clock.now());
    socket.with(|state| state.last_in = Instant::now());
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

async fn take(socket: &Rc<Socket>, text: &str) {
    let message = match protocol::parse::<Fix>(text) {
        Ok(message) => message,
        Err(wrong) => return refuse(socket, text, wrong).await,
    };
    let greeted = socket.with(|state| state.stream.is_some());
    match message {
        Incoming::Hello(_) if greeted => {
            socket.say_error(&Error::conflict("hello was said before on this socket"), None);
            socket.count_garbage();
        }
        Incoming::Hello(hello) => {
            socket.with(|state| state.busy = true);
            let answer = stream::greet(socket, hello).await;
            socket.with(|state| state.busy = false);
            if let Err(error) = answer {
                socket.say_error(&error, None);
                let close = match error.code() {
                    Code::TokenRevoked | Code::TokenExpired | Code::Unauthenticated => Close::Revoked,
                    Code::Busy | Code::ReadOnly => Close::Again,
                    _ => Close::Internal,
                };
                socket.end(close, "");
            }
        }
        Incoming::Ping(ping) => {
            let pong = Pong { server_time: socket.ctx.clock.now(), request_id: ping.request_id };
            socket.say(&Tagged { kind: "pong", message: pong });
        }
        _ if !greeted => {
            socket.say_error(&Error::new(Code::HelloFirst), None);
            socket.count_garbage();
        }
        Incoming::Ack(ack) => {
            if !stream::acknowledge(socket, ack.seq) {
                socket.say_error(&Error::field("seq", "is not a number that was sent on this socket"), None);
                socket.count_garbage();
            }
        }
        Incoming::Fixes(fixes) => {
            socket.with(|state| state.busy = true);
            fixes::take(socket, fixes, Form::Json).await;
            socket.with(|state| state.busy = false);
        }
        Incoming::LiveAck(ack) => {
            socket.with(|state| state.live_acked.push(ack.version));
            socket.wake();
        }
        Incoming::Command(command) => {
            socket.with(|state| state.busy = true);
            dispatch::run(socket, command).await;
            socket.with(|state| state.busy = false);
        }
    }
}

/// Binary frames are fixes, where they were agreed on.
async fn take_binary(socket: &Rc<Socket>, bytes: &[u8]) {
    let refused = if !socket.wire.binary {
        Some(Error::bad("binary frames need the subprotocol suixing.v1.bin"))
    } else if socket.with(|state| state.stream.is_none()) {
        Some(Error::new(Code::HelloFirst))
    } else {
        None
    };
    if let Some(error) = refused {
        socket.say_error(&error, None);
        return socket.count_garbage();
    }
    match uplink::decode(bytes) {
        Ok(frame) => {
            socket.with(|state| state.busy = true);
            fixes::take(socket, Fixes { n: frame.n, fixes: frame.fixes }, Form::Binary).await;
            socket.with(|state| state.busy = false);
        }
        Err(wrong) => {
            let error = Error::bad(format!("a binary frame of fixes: {}", wrong.why));
            match wrong.n {
                Some(n) => fixes::refuse(socket, n, error).await,
                None => socket.say_error(&error, None),
            }
            socket.count_garbage();
        }
    }
}

/// Answers a message that was not understood.
async fn refuse(socket: &Rc<Socket>, text: &str, wrong: Misunderstood) {
    match protocol::fixes_counter(text) {
        Some(n) if socket.with(|state| state.stream.is_some()) => fixes::refuse(socket, n, wrong.error).await,
        _ => socket.say_error(&wrong.error, wrong.request_id),
    }
    if wrong.garbage {
        socket.count_garbage();
    }
}
