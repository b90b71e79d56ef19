//! What a client asked for that takes time: one thing after the other, in the order it came.

use std::collections::VecDeque;
use std::future::{Future, pending};
use std::pin::Pin;
use std::rc::Rc;

use super::close::Close;
use super::fixes::{self, Form};
use super::protocol::{Command, Fixes, Hello};
use super::slices::Fix;
use super::socket::Socket;
use super::{dispatch, stream};
use crate::words::error::{Code, Error};

/// Messages that may wait behind the one being done: a burst of small ones is read in one go, and what a client can make
/// a socket hold stays below a few of its longest messages.
const WAITING_MAX: usize = 8;

/// One thing to do.
pub enum Task {
    Greet(Hello),
    Store(Fixes<Fix>, Form),
    Run(Command),
    /// Refuses what came before any hello was answered.
    Early,
    /// Says what was not understood; `n` is the counter of a message of fixes.
    Refuse {
        error: Error,
        request_id: Option<String>,
        n: Option<u64>,
        /// Counts towards closing.
        garbage: bool,
    },
}

/// The tasks of one socket. The one being done is boxed, so that a socket with nothing to do pays for none.
pub struct Desk {
    socket: Rc<Socket>,
    doing: Option<Pin<Box<dyn Future<Output = ()>>>>,
    waiting: VecDeque<Task>,
}

impl Desk {
    pub fn new(socket: Rc<Socket>) -> Self {
        Self { socket, doing: None, waiting: VecDeque::new() }
    }

    pub fn has_room(&self) -> bool {
        self.waiting.len() < WAITING_MAX
    }

    /// Begins a task, or lets it wait for its turn.
    pub fn put(&mut self, task: Task) {
        if self.doing.is_some() {
            self.waiting.push_back(task);
        } else {
            self.begin(task);
        }
    }

    fn begin(&mut self, task: Task) {
        self.socket.with(|state| state.busy = true);
        let socket = Rc::clone(&self.socket);
        let too_early = matches!(task, Task::Store(..) | Task::Run(_)) && !is_greeted(&socket);
        self.doing = Some(match if too_early { Task::Early } else { task } {
            Task::Greet(hello) => Box::pin(async move { greet(&socket, hello).await }),
            Task::Store(message, form) => Box::pin(async move { fixes::take(&socket, message, form).await }),
            Task::Run(command) => Box::pin(async move { dispatch::run(&socket, command).await }),
            Task::Early => Box::pin(async move { early(&socket) }),
            Task::Refuse { error, request_id, n, garbage } => {
                Box::pin(async move { refuse(&socket, error, request_id, n, garbage).await })
            }
        });
    }

    /// Gets one task done; waits for ever when there is none. Cancel-safe: the next call goes on with it.
    pub async fn work(&mut self) {
        match &mut self.doing {
            Some(doing) => doing.await,
            None => pending().await,
        }
        self.doing = None;
        self.socket.with(|state| state.busy = false);
        if self.socket.is_ending() {
            self.waiting = VecDeque::new();
        }
        if let Some(next) = self.waiting.pop_front() {
            self.begin(next);
        }
    }

    /// Gets everything done.
    pub async fn finish(&mut self) {
        while self.doing.is_some() {
            self.work().await;
        }
    }
}

fn is_greeted(socket: &Socket) -> bool {
    socket.with(|state| state.stream.is_some())
}

async fn greet(socket: &Rc<Socket>, hello: Hello) {
    if is_greeted(socket) {
        socket.say_error(&Error::conflict("hello was said before on this socket"), None);
        return socket.count_garbage();
    }
    if let Err(error) = stream::greet(socket, hello).await {
        socket.say_error(&error, None);
        let close = match error.code() {
            Code::TokenRevoked | Code::TokenExpired | Code::Unauthenticated => Close::Revoked,
            Code::Busy | Code::ReadOnly => Close::Again,
            _ => Close::Internal,
        };
        socket.end(close, "");
    }
}

fn early(socket: &Socket) {
    socket.say_error(&Error::new(Code::HelloFirst), None);
    socket.count_garbage();
}

async fn refuse(socket: &Rc<Socket>, error: Error, request_id: Option<String>, n: Option<u64>, garbage: bool) {
    match n {
        Some(n) if is_greeted(socket) => fixes::refuse(socket, n, error).await,
        _ => socket.say_error(&error, request_id),
    }
    if garbage {
        socket.count_garbage();
    }
}
