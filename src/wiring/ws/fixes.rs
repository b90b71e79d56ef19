//! Fixes over the socket: each message goes to location's ingest at once; one
//! acknowledgement covers everything a commit stored, in the order of arrival.

use std::collections::VecDeque;
use std::rc::Rc;

use tokio::task::JoinHandle;

use super::close::Close;
use super::protocol::{Fixes, FixesAck, Rejected};
use super::slices::{self, Fix};
use super::socket::{Socket, Tagged};
use crate::words::error::{Code, Error, Result};

/// Fixes of one socket that wait for their commit; beyond it the reader waits.
const FIXES_WAITING_MAX: usize = 20_000;
/// Messages of one socket that wait, for the same reason.
const MESSAGES_WAITING_MAX: usize = 512;
/// Fixes in one message, as in one REST call.
const FIXES_MAX: usize = 10_000;

/// What waits for its commit.
#[derive(Default)]
pub struct Queue {
    waiting: VecDeque<Pending>,
    /// Fixes in `waiting`.
    fixes: usize,
    last_n: Option<u64>,
    settling: bool,
}

impl Queue {
    /// The reader should wait.
    pub fn is_crowded(&self) -> bool {
        self.fixes > FIXES_WAITING_MAX || self.waiting.len() > MESSAGES_WAITING_MAX
    }
}

/// One message under way.
struct Pending {
    n: u64,
    count: usize,
    work: Work,
}

enum Work {
    /// Handed to ingest.
    Stored(JoinHandle<Result<Vec<Rejected>>>),
    Refused(Rejected),
}

impl Pending {
    fn is_settled(&self) -> bool {
        match &self.work {
            Work::Stored(handle) => handle.is_finished(),
            Work::Refused(_) => true,
        }
    }
}

/// Takes one message in; the answer comes with a later `fixes_ack`.
pub fn take(socket: &Rc<Socket>, message: Fixes<Fix>) {
    let (n, count) = (message.n, message.fixes.len());
    let last = socket.with(|state| state.fixes.last_n);
    let wrong = if last.is_some_and(|last| n <= last) {
        Some(Error::field("n", "must grow from message to message").with("n", n.into()))
    } else if count == 0 {
        Some(Error::field("fixes", "must not be empty").with("n", n.into()))
    } else if count > FIXES_MAX {
        Some(Error::new(Code::TooManyFixes).detail(format!("at most {FIXES_MAX}")).with("n", n.into()))
    } else {
        None
    };
    if let Some(error) = wrong {
        socket.say_error(&error, None);
        if last.is_none_or(|last| n > last) {
            refuse(socket, n, &error);
        }
        return;
    }
    let work = actix_web::rt::spawn(slices::ingest(socket.ctx.clone(), n, message.fixes));
    enqueue(socket, Pending { n, count, work: Work::Stored(work) });
}

/// Notes that a whole message was refused, so that its sender can forget it.
pub fn refuse(socket: &Rc<Socket>, n: u64, error: &Error) {
    if socket.with(|state| state.fixes.last_n.is_some_and(|last| n <= last)) {
        return;
    }
    enqueue(socket, Pending { n, count: 0, work: Work::Refused(refusal(n, error)) });
}

fn refusal(n: u64, error: &Error) -> Rejected {
    Rejected { n, index: None, code: error.code().as_str().to_owned(), detail: error.detail_text().to_owned() }
}

fn enqueue(socket: &Rc<Socket>, pending: Pending) {
    let start = socket.with(|state| {
        let queue = &mut state.fixes;
        queue.last_n = Some(pending.n);
        queue.fixes = queue.fixes.saturating_add(pending.count);
        queue.waiting.push_back(pending);
        !std::mem::replace(&mut queue.settling, true)
    });
    if start {
        let socket = Rc::clone(socket);
        actix_web::rt::spawn(async move { settle(&socket).await });
    }
}

/// Acknowledges in order; what one commit stored shares one acknowledgement.
async fn settle(socket: &Rc<Socket>) {
    loop {
        let mut ack = FixesAck { up_to: 0, rejected: Vec::new() };
        let mut next = pop(socket, |_| true);
        if next.is_none() {
            socket.with(|state| state.fixes.settling = false);
            return;
        }
        while let Some(pending) = next {
            let n = pending.n;
            match outcome(pending).await {
                Ok(rejected) => {
                    ack.up_to = n;
                    ack.rejected.extend(rejected);
                }
                Err(error) => {
                    // Not stored, so neither may anything later be called stored: the client sends again.
                    socket.say_error(&error.with("n", n.into()), None);
                    socket.end(Close::Again, " retry_ms=1000");
                    return;
                }
            }
            next = pop(socket, Pending::is_settled);
        }
        socket.say(&Tagged { kind: "fixes_ack", message: ack });
        socket.room.notify_one();
    }
}

fn pop(socket: &Rc<Socket>, which: impl Fn(&Pending) -> bool) -> Option<Pending> {
    socket.with(|state| {
        let queue = &mut state.fixes;
        if !queue.waiting.front().is_some_and(which) {
            return None;
        }
        let pending = queue.waiting.pop_front()?;
        queue.fixes = queue.fixes.saturating_sub(pending.count);
        Some(pending)
    })
}

/// What was refused of a message; an error when it could not be stored now.
async fn outcome(pending: Pending) -> Result<Vec<Rejected>> {
    match pending.work {
        Work::Refused(rejected) => Ok(vec![rejected]),
        Work::Stored(handle) => match handle.await.map_err(Error::internal)? {
            Ok(rejected) => Ok(rejected),
            Err(error) if error.code().status() < 500 => Ok(vec![refusal(pending.n, &error)]),
            Err(error) => Err(error),
        },
    }
}
