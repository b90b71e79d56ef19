//! Fixes over the socket: each message goes to location's ingest at once; one
//! acknowledgement covers everything a commit stored.

use std::collections::VecDeque;
use std::rc::Rc;

use super::close::Close;
use super::frame::Outgoing as Frame;
use super::protocol::{Fixes, FixesAck, Rejected};
use super::slices::{self, Fix, uplink};
use super::socket::{Socket, Tagged};
use crate::duty::location::ingest::{Ack, MAX_FIXES};
use crate::words::error::{Code, Error, Result};

/// Fixes of one socket that wait for their commit; beyond it the reader waits.
const FIXES_WAITING_MAX: usize = 20_000;
/// Messages of one socket that wait, for the same reason.
const MESSAGES_WAITING_MAX: usize = 512;

/// How a message of fixes was written; its acknowledgement is written alike.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Form {
    #[default]
    Json,
    Binary,
}

/// What waits for its commit.
#[derive(Default)]
pub struct Queue {
    /// Counter and number of fixes, oldest first.
    waiting: VecDeque<(u64, usize)>,
    fixes: usize,
    last_n: Option<u64>,
    /// Of the latest message.
    form: Form,
}

impl Queue {
    /// The reader should wait.
    pub fn is_crowded(&self) -> bool {
        self.fixes > FIXES_WAITING_MAX || self.waiting.len() > MESSAGES_WAITING_MAX
    }

    fn push(&mut self, n: u64, count: usize) {
        self.last_n = Some(n);
        self.fixes = self.fixes.saturating_add(count);
        self.waiting.push_back((n, count));
    }

    fn settle(&mut self, up_to: u64) {
        while let Some((n, count)) = self.waiting.front().copied()
            && n <= up_to
        {
            self.waiting.pop_front();
            self.fixes = self.fixes.saturating_sub(count);
        }
    }
}

/// Takes one message in; the answer comes with a later acknowledgement.
pub async fn take(socket: &Rc<Socket>, message: Fixes<Fix>, form: Form) {
    socket.with(|state| state.fixes.form = form);
    let (n, count) = (message.n, message.fixes.len());
    let wrong = if count == 0 {
        Some(Error::field("fixes", "must not be empty"))
    } else if count > MAX_FIXES {
        Some(Error::new(Code::TooManyFixes).detail(format!("at most {MAX_FIXES}")).with("max_fixes", MAX_FIXES.into()))
    } else {
        None
    };
    let outcome = match wrong {
        Some(error) => Err(error),
        None => submit(socket, n, &message.fixes).await,
    };
    if let Err(error) = outcome {
        refuse(socket, n, error).await;
    }
}

async fn submit(socket: &Rc<Socket>, n: u64, fixes: &[Fix]) -> Result<()> {
    if socket.with(|state| state.fixes.last_n.is_some_and(|last| n <= last)) {
        return Err(Error::field("n", "must grow from message to message"));
    }
    slices::ingest(&socket.ctx, n, fixes, &socket.acks).await?;
    socket.with(|state| state.fixes.push(n, fixes.len()));
    Ok(())
}

/// Says why a whole message was refused; its counter is passed over, in order, by a later acknowledgement.
pub async fn refuse(socket: &Rc<Socket>, n: u64, error: Error) {
    let later = matches!(error.code(), Code::Busy | Code::Stopping | Code::ReadOnly | Code::Internal);
    socket.say_error(&error.with("n", n.into()), None);
    if later {
        // Not stored now, so neither may anything after it be called stored: the client sends again.
        socket.end(Close::Again, " retry_ms=1000");
    } else if submit(socket, n, &[]).await.is_err() {
        tracing::debug!(n, "the counter of a refused message is not new either");
    }
}

/// Tells the client what a commit stored.
pub fn acknowledged(socket: &Socket, ack: Ack) {
    let form = socket.with(|state| {
        state.fixes.settle(ack.up_to);
        state.fixes.form
    });
    let rejected: Vec<Rejected> = ack
        .rejected
        .into_iter()
        .map(|fix| Rejected {
            n: fix.n,
            index: fix.index,
            code: Code::InvalidField.as_str().to_owned(),
            field: fix.field,
            detail: fix.detail,
        })
        .collect();
    if ack.up_to > 0 && form == Form::Binary && rejected.is_empty() {
        socket.push(Frame::binary(uplink::encode_ack(ack.up_to).into()));
    } else if ack.up_to > 0 {
        socket.say(&Tagged { kind: "fixes_ack", message: FixesAck { up_to: ack.up_to, rejected } });
    }
    if let Some(code) = ack.failed {
        socket
            .say_error(&Error::new(code).detail("fixes above the last `up_to` are not stored: send them again"), None);
        socket.end(Close::Again, " retry_ms=1000");
    }
    socket.room.notify_one();
}
