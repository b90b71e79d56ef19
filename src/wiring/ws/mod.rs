//! The socket: one connection per device for everything that is live.
//!
//! ```text
//! handshake  who is it, which subprotocol          session   reads, and does at once what needs no waiting
//! desk       the rest, one after the other: hello, fixes, commands
//! pump       the one writer of a socket            stream    must-deliver: resume, send, receipts
//! fixes      positions in, one ack per commit      live      the live view, on credit
//! dispatch   command → the slice's service         slices    what the socket asks of the slices
//! inbox      the same stream by REST               protocol  every message, once
//! frame      bytes out, one frame at a time        guard     bytes in, none too long
//! close      why a socket ends                     schema    the published descriptions of it all
//! ```
//!
//! Must-deliver messages live in the database: a socket holds at most a window
//! of them. No socket waits for another.

pub mod close;
mod desk;
mod dispatch;
mod fixes;
mod frame;
mod guard;
pub mod handshake;
pub mod inbox;
mod live;
pub mod protocol;
mod pump;
pub mod schema;
mod session;
mod slices;
mod socket;
pub mod stream;

use actix_web::web::{self, ServiceConfig};

pub use handshake::Waiting;
pub use stream::rescan;

/// `GET /ws`, at the root and under `/api/v1`.
pub fn routes(config: &mut ServiceConfig) {
    config.route("/ws", web::get().to(handshake::open));
}
