//! The one task that writes to a socket. It decides what leaves next
//! (end, ping, must-deliver, answers, live), hands over one frame at a time
//! and ends a socket that makes no progress. It never waits for another socket.

use std::future::poll_fn;
use std::rc::Rc;

use tokio::time::{Instant, sleep_until};

use super::close::Close;
use super::frame::Outgoing as Frame;
use super::live::{Feed, Order};
use super::socket::{CLOSE_WITHIN, FLIGHT_MAX, Limits, Socket, State};
use super::stream;
use super::{dispatch, fixes};
use crate::platform::push::hub::Ending;

/// When clients of a stopping server come back, in milliseconds.
const RETRY_MS: std::ops::Range<u32> = 500..5_000;

/// Unconfirmed bytes that any kernel takes without the peer reading.
const FLUSHED_SURELY: usize = 16 * 1024;

/// What the writer does next.
enum Step {
    Write(Frame),
    Close(Close, String),
    Wait(Instant),
    /// The connection is gone.
    Stop,
}

/// Writes until the socket ends.
pub async fn run(socket: Rc<Socket>) {
    let mut live = None;
    let mut rights = 0;
    loop {
        take_orders(&socket, &mut live);
        if socket.link.rights() != rights {
            rights = socket.link.rights();
            let socket = Rc::clone(&socket);
            actix_web::rt::spawn(async move { dispatch::look_again(&socket).await });
        }
        match next(&socket, &mut live) {
            Step::Write(frame) => write(&socket, frame),
            Step::Wait(until) => wait(&socket, &mut live, until).await,
            Step::Close(close, hint) => {
                say_goodbye(&socket, close, &hint).await;
                return;
            }
            Step::Stop => return,
        }
        stream::fetch_more(&socket);
        stream::store_receipts(&socket);
    }
}

/// What the hub asked for from another thread, and the reader for the live feed.
fn take_orders(socket: &Socket, live: &mut Option<Feed>) {
    let (order, acked) = socket.with(|state| (state.live_order.take(), std::mem::take(&mut state.live_acked)));
    match order {
        Some(Order::Look(subscription)) => *live = Some(Feed::new(*subscription, socket.wire.binary)),
        Some(Order::Stop) => *live = None,
        None => {}
    }
    if let Some(feed) = live {
        for version in acked {
            feed.acknowledge(version);
        }
    }
    match socket.link.ending() {
        Some(Ending::Replaced) => socket.end(Close::Replaced, ""),
        Some(Ending::Revoked) => socket.end(Close::Revoked, ""),
        Some(Ending::Crowded) => socket.end(Close::NoHello, ""),
        Some(Ending::Stopping) => {
            // Spread the return of everybody over a few seconds.
            let retry_ms = rand::random_range(RETRY_MS);
            socket.end(Close::Restart, format!(" retry_ms={retry_ms}"));
        }
        None => {}
    }
}

fn next(socket: &Socket, live: &mut Option<Feed>) -> Step {
    if socket.slot.is_gone() {
        return Step::Stop;
    }
    let now = Instant::now();
    let step = socket.with(|state| {
        if let Some(ending) = &state.ending {
            return Step::Close(ending.close, ending.hint.clone());
        }
        if state.reader_done {
            return Step::Close(Close::Normal, String::new());
        }
        if let Some(close) = overdue(state, &socket.limits, now) {
            return Step::Close(close, String::new());
        }
        if socket.slot.is_free()
            && let Some(frame) = choose(socket, state, live, now)
        {
            return Step::Write(frame);
        }
        Step::Wait(look_again(state, &socket.limits, now))
    });
    socket.room.notify_one();
    step
}

/// The reason to end a socket that stands still, if there is one.
fn overdue(state: &State, limits: &Limits, now: Instant) -> Option<Close> {
    if state.stream.is_none() && !state.busy && now.duration_since(state.opened) >= limits.hello_within {
        return Some(Close::NoHello);
    }
    if !state.busy && now.duration_since(state.last_in) >= limits.silent_after {
        return Some(Close::Silent);
    }
    let unanswered =
        state.ping.is_some_and(|(_, at, _)| now.duration_since(at.max(state.progress)) >= limits.stalled_after);
    let unacknowledged = state
        .stream
        .as_ref()
        .and_then(|stream| stream.full_since)
        .is_some_and(|since| now.duration_since(since) >= limits.stalled_after);
    (unanswered || unacknowledged).then_some(Close::TooSlow)
}

/// The frame that leaves now.
fn choose(socket: &Socket, state: &mut State, live: &mut Option<Feed>, now: Instant) -> Option<Frame> {
    if let Some(welcome) = state.welcome.take() {
        return Some(welcome);
    }
    if state.ping_due(now, socket.limits.ping_every) {
        return Some(state.make_ping(now));
    }
    let open = state.flight() < FLIGHT_MAX;
    if open && let Some(stream) = state.stream.as_mut() {
        let awaited = stream.sent.saturating_sub(stream.acked) < socket.limits.ack_window;
        if awaited && let Some((seq, frame)) = stream.ready.pop_front() {
            stream.sent = seq;
            stream.sent_mark = state.written.saturating_add(frame.len() as u64);
            if seq.saturating_sub(stream.acked) >= socket.limits.ack_window {
                stream.full_since = Some(now);
            }
            return Some(frame);
        }
    }
    if (open || state.answers_stop_the_reader())
        && let Some(frame) = state.next_control()
    {
        return Some(frame);
    }
    if open { live.as_mut().and_then(Feed::next_frame) } else { None }
}

/// When something may become overdue.
fn look_again(state: &State, limits: &Limits, now: Instant) -> Instant {
    let mut at = state.last_in + limits.silent_after;
    if state.stream.is_none() {
        at = at.min(state.opened + limits.hello_within);
    }
    at = at.min(match state.ping {
        Some((_, sent, _)) => sent.max(state.progress) + limits.stalled_after,
        None => state.beat_at(limits.ping_every),
    });
    if let Some(since) = state.stream.as_ref().and_then(|stream| stream.full_since) {
        at = at.min(since + limits.stalled_after);
    }
    // A busy reader is left alone, but looked at again.
    at.max(now + std::time::Duration::from_millis(20))
}

fn write(socket: &Socket, frame: Frame) {
    socket.with(|state| state.written = state.written.saturating_add(frame.len() as u64));
    socket.slot.put(frame);
}

async fn wait(socket: &Socket, live: &mut Option<Feed>, until: Instant) {
    let full = !socket.slot.is_free();
    tokio::select! {
        () = socket.link.wake.notified() => {}
        () = poll_fn(|cx| socket.slot.poll_turn(cx)), if full => {}
        () = poll_fn(|cx| socket.slot.poll_gone(cx)), if !full => {}
        () = news(live) => {}
        ack = socket.acks.next() => fixes::acknowledged(socket, ack),
        () = sleep_until(until) => {}
    }
}

/// Waits for a change in the live view; for ever without one.
async fn news(live: &mut Option<Feed>) {
    match live {
        Some(feed) => feed.changed().await,
        None => std::future::pending().await,
    }
}

/// Close frame, a moment for the client's answer, then the connection ends.
async fn say_goodbye(socket: &Socket, close: Close, hint: &str) {
    let deadline = Instant::now() + CLOSE_WITHIN;
    let code = close.code();
    tracing::debug!(code, person = %socket.link.person, "socket ends");
    metrics::counter!("suixing_socket_closes_total", "reason" => close.as_str()).increment(1);
    taken(socket, deadline).await;
    socket.slot.put(Frame::close(close, hint));
    taken(socket, deadline).await;
    while !socket.slot.is_gone() && Instant::now() < deadline && !socket.with(|state| state.reader_done) {
        tokio::select! {
            () = socket.link.wake.notified() => {}
            () = poll_fn(|cx| socket.slot.poll_gone(cx)) => {}
            () = sleep_until(deadline) => {}
        }
    }
    // What is out surely fits into the kernel's buffer: flush, drain the client's last words, end in
    // order. Otherwise a reader that stands still would hold the connection for ever: cut off.
    if socket.slot.is_free() && socket.with(|state| state.flight()) < FLUSHED_SURELY {
        socket.slot.end();
    } else {
        socket.slot.abort();
    }
}

/// Waits until the frame in the slot has been taken.
async fn taken(socket: &Socket, deadline: Instant) {
    tokio::select! {
        () = poll_fn(|cx| socket.slot.poll_turn(cx)) => {}
        () = sleep_until(deadline) => {}
    }
}
