//! One open socket as its two tasks share it: the reader (`session`) and the
//! writer (`pump`). Both live on the worker thread that accepted the
//! connection; the hub reaches it from other threads through its `Link`.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use serde::Serialize;
use tokio::time::Instant;

use super::close::Close;
use super::frame::{Outgoing as Frame, Slot};
use super::live::Order;
use super::protocol::{Problem, Subscribe};
use crate::duty::location::access::Watch;
use crate::duty::location::ingest::AckCell;
use crate::duty::location::live::Scope;
use crate::duty::officers::Auth;
use crate::duty::officers::auth::Known;
use crate::platform::config;
use crate::platform::ctx::Ctx;
use crate::platform::policy::Actor;
use crate::platform::push::hub::Link;
use crate::words::error::{Error, Result};

/// After a close frame the connection is cut off at the latest this much later.
pub const CLOSE_WITHIN: Duration = Duration::from_millis(700);
/// Bytes that may be written and not confirmed by a pong or an acknowledgement;
/// bounds the memory a reader that stands still can cost.
pub const FLIGHT_MAX: usize = 160 * 1024;
/// The same for answers that stop the reader: what confirms the bytes before them lies behind what is not read, so that
/// both would wait for each other. The commands read by then (the desk's nine) answer with at most so much.
const ANSWERS_FLIGHT_MAX: usize = 2 * 1024 * 1024;
/// So many unconfirmed bytes ask for a confirmation by ping.
const CONFIRM_EVERY: usize = 32 * 1024;
/// Answers waiting for the writer; beyond it the reader reads no more.
const CONTROL_MAX: usize = 64 * 1024;
/// Garbage a socket may send in a row; one more is forgiven every [`FORGIVE_AFTER`].
const GARBAGE_MAX: u32 = 10;
const FORGIVE_AFTER: Duration = Duration::from_secs(10);

/// The beats and limits of one socket, from the settings.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// A socket must say hello within this time.
    pub hello_within: Duration,
    /// The beat a client is asked to keep; a third later the server pings.
    pub ping_every: Duration,
    /// A client that is not heard for this long is gone.
    pub silent_after: Duration,
    /// Waiting data without any progress for this long ends the socket.
    pub stalled_after: Duration,
    /// Must-deliver messages that may be sent and not acknowledged.
    pub ack_window: i64,
    /// Longest client message, fragments together.
    pub message_bytes: usize,
}

impl Limits {
    pub fn of(settings: &config::Socket) -> Self {
        Self {
            hello_within: Duration::from_secs(settings.hello_timeout_s),
            ping_every: Duration::from_secs(settings.ping_every_s.max(1)),
            silent_after: Duration::from_secs(settings.silent_after_s.max(1)),
            stalled_after: Duration::from_secs(settings.stalled_after_s.max(1)),
            ack_window: i64::try_from(settings.unacked_max.max(1)).unwrap_or(i64::MAX),
            message_bytes: settings.max_message_bytes,
        }
    }
}

/// What was negotiated.
#[derive(Clone, Copy, Debug)]
pub struct Wire {
    /// Live frames are binary.
    pub binary: bool,
    /// Titles in Chinese.
    pub chinese: bool,
}

/// Where the must-deliver stream stands on this connection.
#[derive(Debug, Default)]
pub struct Stream {
    /// Generation of this connection of the device.
    pub session_gen: i64,
    /// Highest number handed to the writer queue.
    pub fetched: i64,
    /// Highest number written.
    pub sent: i64,
    /// Highest number acknowledged by the client.
    pub acked: i64,
    /// Highest acknowledged number whose receipt is stored.
    pub stored: i64,
    pub ready: VecDeque<(i64, Frame)>,
    pub fetching: bool,
    pub storing: bool,
    /// Bytes written when the last message had left.
    pub sent_mark: u64,
    /// Since when the window is full.
    pub full_since: Option<Instant>,
}

/// An end under way.
#[derive(Clone, Debug)]
pub struct Ending {
    pub close: Close,
    pub hint: String,
}

/// What reader and writer share.
pub struct State {
    pub stream: Option<Stream>,
    pub welcome: Option<Frame>,
    pub control: VecDeque<Frame>,
    control_bytes: usize,
    pub ending: Option<Ending>,
    pub reader_done: bool,
    /// The client said goodbye; otherwise the connection broke.
    pub closed_by_client: bool,
    /// The reader waits for the database on behalf of the client.
    pub busy: bool,
    pub opened: Instant,
    pub last_in: Instant,
    pub last_ping: Instant,
    /// When the client last proved to have read something of ours.
    pub progress: Instant,
    /// The ping that is out: its mark, when it left, bytes written before it.
    pub ping: Option<(u64, Instant, u64)>,
    next_mark: u64,
    /// Bytes written and confirmed since the start.
    pub written: u64,
    pub confirmed: u64,
    pub fixes: super::fixes::Queue,
    /// Who is at the other end, as of the last time it mattered.
    pub actor: Option<Known>,
    /// The access record of the live view.
    pub watch: Option<Watch>,
    /// What the client asked to see, and what of it its rights allowed then.
    pub looks: Option<(Subscribe, Scope)>,
    /// Where the writer's live feed should look from now on.
    pub live_order: Option<Order>,
    /// Versions the client has applied and the writer has not noted yet.
    pub live_acked: Vec<u64>,
    garbage: u32,
    garbage_since: Instant,
}

/// One open socket.
pub struct Socket {
    pub ctx: Ctx,
    pub link: Arc<Link>,
    pub limits: Limits,
    pub wire: Wire,
    pub slot: Slot,
    /// Where location reports what it has stored.
    pub acks: Arc<AckCell>,
    state: RefCell<State>,
    /// Wakes a reader that waits for room.
    pub room: tokio::sync::Notify,
}

impl Socket {
    pub fn new(ctx: Ctx, link: Arc<Link>, wire: Wire, slot: Slot) -> Rc<Self> {
        let limits = Limits::of(&ctx.config.socket);
        let now = Instant::now();
        Rc::new(Self {
            ctx,
            link,
            limits,
            wire,
            slot,
            acks: Arc::default(),
            state: RefCell::new(State {
                stream: None,
                welcome: None,
                control: VecDeque::new(),
                control_bytes: 0,
                ending: None,
                reader_done: false,
                closed_by_client: false,
                busy: false,
                opened: now,
                last_in: now,
                last_ping: now,
                progress: now,
                ping: None,
                next_mark: 1,
                written: 0,
                confirmed: 0,
                fixes: super::fixes::Queue::default(),
                actor: None,
                watch: None,
                looks: None,
                live_order: None,
                live_acked: Vec::new(),
                garbage: 0,
                garbage_since: now,
            }),
            room: tokio::sync::Notify::new(),
        })
    }

    /// Looks at or changes the shared state; never across an await.
    pub fn with<T>(&self, f: impl FnOnce(&mut State) -> T) -> T {
        f(&mut self.state.borrow_mut())
    }

    /// Lets the writer look again.
    pub fn wake(&self) {
        self.link.wake.notify_one();
    }

    /// Who is at the other end, as he is now: a changed unit or role counts at once.
    pub async fn actor_now(&self) -> Result<Arc<Actor>> {
        let Some(session) = self.ctx.actor.session else { return Ok(Arc::clone(&self.ctx.actor)) };
        let known = self.with(|state| state.actor.clone());
        let now = self.ctx.part::<Auth>()?.actor_now(&self.ctx, session, known).await?;
        let actor = Arc::clone(&now.actor);
        self.with(|state| state.actor = Some(now));
        Ok(actor)
    }

    /// Queues an answer of ours.
    pub fn say<T: Serialize>(&self, message: &T) {
        match serde_json::to_vec(message) {
            Ok(bytes) => self.push(Frame::text(bytes)),
            Err(error) => tracing::error!(%error, "a socket message does not serialise"),
        }
    }

    /// Queues a frame behind the must-deliver messages.
    pub fn push(&self, frame: Frame) {
        self.with(|state| {
            state.control_bytes = state.control_bytes.saturating_add(frame.len());
            state.control.push_back(frame);
        });
        self.wake();
    }

    /// Queues an error message.
    pub fn say_error(&self, error: &Error, request_id: Option<String>) {
        if error.code().status() >= 500 {
            tracing::warn!(%error, person = %self.link.person, "socket command failed");
        }
        self.say(&Tagged { kind: "error", message: Problem::of(error, request_id, self.wire.chinese) });
    }

    /// Starts the end; the first reason stands.
    pub fn end(&self, close: Close, hint: impl Into<String>) {
        self.with(|state| {
            if state.ending.is_none() {
                state.ending = Some(Ending { close, hint: hint.into() });
            }
        });
        self.room.notify_one();
        self.wake();
    }

    pub fn is_ending(&self) -> bool {
        self.with(|state| state.ending.is_some()) || self.slot.is_gone()
    }

    /// Counts a message that makes no sense; too many end the socket.
    pub fn count_garbage(&self) {
        let too_many = self.with(|state| {
            let forgiven = state.garbage_since.elapsed().as_secs() / FORGIVE_AFTER.as_secs();
            if forgiven > 0 {
                state.garbage = state.garbage.saturating_sub(u32::try_from(forgiven).unwrap_or(u32::MAX));
                state.garbage_since = Instant::now();
            }
            state.garbage = state.garbage.saturating_add(1);
            state.garbage > GARBAGE_MAX
        });
        if too_many {
            self.end(Close::Garbage, "");
        }
    }

    /// Answers or fixes of this socket pile up: it reads no more, and the client feels it as TCP back-pressure.
    pub fn is_crowded(&self) -> bool {
        !self.is_ending() && self.with(|state| state.is_crowded())
    }
}

impl State {
    fn is_crowded(&self) -> bool {
        self.control_bytes > CONTROL_MAX || self.fixes.is_crowded()
    }

    /// So many answers wait that nothing is read, and they may leave although much is unconfirmed.
    pub fn answers_stop_the_reader(&self) -> bool {
        self.control_bytes > CONTROL_MAX && self.flight() < ANSWERS_FLIGHT_MAX
    }

    /// The next answer to write.
    pub fn next_control(&mut self) -> Option<Frame> {
        let frame = self.control.pop_front()?;
        self.control_bytes = self.control_bytes.saturating_sub(frame.len());
        Some(frame)
    }

    /// Bytes written and not confirmed.
    pub fn flight(&self) -> usize {
        usize::try_from(self.written.saturating_sub(self.confirmed)).unwrap_or(usize::MAX)
    }

    /// When a ping is due for the beat alone: a client that keeps its own beat is never asked, which halves what a
    /// terminal pays for being connected. The third is for its timer and its way here.
    pub fn beat_at(&self, every: Duration) -> Instant {
        self.last_ping.max(self.last_in) + every + every / 3
    }

    /// Whether a ping should leave now.
    pub fn ping_due(&self, now: Instant, every: Duration) -> bool {
        self.ping.is_none() && (now >= self.beat_at(every) || self.flight() >= CONFIRM_EVERY)
    }

    /// Makes the ping and notes what its pong will confirm.
    pub fn make_ping(&mut self, now: Instant) -> Frame {
        let mark = self.next_mark;
        self.next_mark = self.next_mark.wrapping_add(1);
        self.last_ping = now;
        self.ping = Some((mark, now, self.written));
        Frame::ping(mark)
    }

    /// A pong came: everything written before its ping has been read.
    pub fn take_pong(&mut self, payload: &[u8]) {
        let Ok(bytes) = <[u8; 8]>::try_from(payload) else { return };
        let mark = u64::from_be_bytes(bytes);
        if let Some((out, _, before)) = self.ping
            && out == mark
        {
            self.confirmed = self.confirmed.max(before);
            self.ping = None;
            self.progress = Instant::now();
        }
    }
}

/// A message with its `type`; for the types that are not written through the big enum.
#[derive(Serialize)]
pub struct Tagged<T> {
    #[serde(rename = "type")]
    pub kind: &'static str,
    #[serde(flatten)]
    pub message: T,
}
