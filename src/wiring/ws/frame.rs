//! Bytes out of one socket. Frames go through a slot that holds exactly one, in place of actix-ws's channel of 32 (it
//! swallowed 9.6 MB for a reader that never read). Used by `pump`.

use std::cell::RefCell;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};

use actix_web::body::{BodySize, MessageBody};
use bytes::{BufMut, Bytes, BytesMut};

use super::close::Close;
use crate::wiring::door::{PIECE, Scissors};

/// Longest server frame header: 2 bytes and a 64-bit length, unmasked.
const MAX_HEADER: usize = 10;
/// RFC 6455 bound of a control frame's payload.
const MAX_CONTROL: usize = 125;

/// What kind of frame leaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Opcode {
    Text = 0x1,
    Binary = 0x2,
    Close = 0x8,
    Ping = 0x9,
    Pong = 0xA,
}

/// One frame on its way out: an own prefix and a body that may be shared by many sockets.
#[derive(Clone, Debug)]
pub struct Outgoing {
    opcode: Opcode,
    prefix: Bytes,
    body: Bytes,
    /// Handed over in one piece, whatever its size.
    whole: bool,
}

impl Outgoing {
    fn new(opcode: Opcode, prefix: Bytes, body: Bytes) -> Self {
        Self { opcode, prefix, body, whole: false }
    }

    /// A text frame.
    pub fn text(body: impl Into<Bytes>) -> Self {
        Self::new(Opcode::Text, Bytes::new(), body.into())
    }

    /// A text frame of two parts, the second shared.
    pub fn text_parts(prefix: Bytes, body: Bytes) -> Self {
        Self::new(Opcode::Text, prefix, body)
    }

    /// A binary frame.
    pub fn binary(body: Bytes) -> Self {
        Self::new(Opcode::Binary, Bytes::new(), body)
    }

    /// The same in one piece: few connections watch, and theirs may keep a buffer as large as their picture.
    pub fn whole(self) -> Self {
        Self { whole: true, ..self }
    }

    /// A ping whose payload the client returns.
    pub fn ping(mark: u64) -> Self {
        let body = Bytes::copy_from_slice(&mark.to_be_bytes());
        Self::new(Opcode::Ping, Bytes::new(), body)
    }

    /// The answer to a client's ping.
    pub fn pong(mut payload: Bytes) -> Self {
        payload.truncate(MAX_CONTROL);
        Self::new(Opcode::Pong, Bytes::new(), payload)
    }

    /// A close frame; `hint` is appended to the reason.
    pub fn close(close: Close, hint: &str) -> Self {
        let mut body = BytesMut::with_capacity(MAX_CONTROL);
        body.put_u16(close.code());
        let room = MAX_CONTROL.saturating_sub(2);
        body.extend(close.as_str().bytes().chain(hint.bytes()).take(room));
        Self::new(Opcode::Close, Bytes::new(), body.freeze())
    }

    /// Payload bytes, both parts.
    pub fn len(&self) -> usize {
        self.prefix.len().saturating_add(self.body.len())
    }

    /// Header and prefix in one piece; the body follows untouched.
    fn head(&self) -> Bytes {
        let len = self.len();
        let mut head = BytesMut::with_capacity(MAX_HEADER.saturating_add(self.prefix.len()));
        head.put_u8(0x80 | self.opcode as u8);
        match (u8::try_from(len), u16::try_from(len)) {
            (Ok(short), _) if short < 126 => head.put_u8(short),
            (_, Ok(medium)) => {
                head.put_u8(126);
                head.put_u16(medium);
            }
            _ => {
                head.put_u8(127);
                head.put_u64(len as u64);
            }
        }
        head.extend_from_slice(&self.prefix);
        head.freeze()
    }
}

struct Inner {
    frame: Option<Outgoing>,
    /// The response ends after what is in the slot.
    ended: bool,
    /// The body was dropped: the connection is gone.
    gone: bool,
    body: Option<Waker>,
    writer: Option<Waker>,
    scissors: Rc<Scissors>,
}

impl Inner {
    fn is_open(&self) -> bool {
        self.frame.is_none() && !self.ended && !self.gone && !self.scissors.is_cut()
    }
}

/// The one place between a socket's writer and actix-http's dispatcher. Both
/// live on the same worker thread.
#[derive(Clone)]
pub struct Slot(Rc<RefCell<Inner>>);

impl Slot {
    /// An empty slot and the response body that empties it.
    pub fn new(keep: actix_web::body::BoxBody, scissors: Rc<Scissors>) -> (Self, FrameBody) {
        let slot = Self(Rc::new(RefCell::new(Inner {
            frame: None,
            ended: false,
            gone: false,
            body: None,
            writer: None,
            scissors,
        })));
        (slot.clone(), FrameBody { slot, rest: Bytes::new(), piece: PIECE, _keep: keep })
    }

    /// Whether a frame can be put in now.
    pub fn is_free(&self) -> bool {
        let inner = self.0.borrow();
        inner.is_open()
    }

    /// Whether the connection is gone.
    pub fn is_gone(&self) -> bool {
        self.0.borrow().gone
    }

    /// Puts a frame into the free slot; a frame for a full or ended slot is dropped.
    pub fn put(&self, frame: Outgoing) {
        let mut inner = self.0.borrow_mut();
        if inner.is_open() {
            inner.frame = Some(frame);
            if let Some(waker) = inner.body.take() {
                waker.wake();
            }
        }
    }

    /// Ends the response after the frame in the slot.
    pub fn end(&self) {
        let mut inner = self.0.borrow_mut();
        inner.ended = true;
        if let Some(waker) = inner.body.take() {
            waker.wake();
        }
    }

    /// Drops the connection at once, whatever the peer reads.
    pub fn abort(&self) {
        self.0.borrow().scissors.cut();
    }

    /// Ready when the slot is free or the connection is gone.
    pub fn poll_turn(&self, cx: &Context<'_>) -> Poll<()> {
        let mut inner = self.0.borrow_mut();
        if inner.frame.is_none() || inner.gone {
            return Poll::Ready(());
        }
        inner.writer = Some(cx.waker().clone());
        Poll::Pending
    }

    /// Ready when the connection is gone.
    pub fn poll_gone(&self, cx: &Context<'_>) -> Poll<()> {
        let mut inner = self.0.borrow_mut();
        if inner.gone {
            return Poll::Ready(());
        }
        inner.writer = Some(cx.waker().clone());
        Poll::Pending
    }
}

/// The response body of a socket: raw frames, one handed over at a time, long ones in pieces.
pub struct FrameBody {
    slot: Slot,
    /// What of the last frame is still to be handed over, and how much at once.
    rest: Bytes,
    piece: usize,
    /// actix-ws's own body, unused; its drop tells its stream that the connection is gone.
    _keep: actix_web::body::BoxBody,
}

impl MessageBody for FrameBody {
    type Error = std::convert::Infallible;

    fn size(&self) -> BodySize {
        BodySize::Stream
    }

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes, Self::Error>>> {
        if !self.rest.is_empty() {
            let piece = self.piece.min(self.rest.len());
            return Poll::Ready(Some(Ok(self.rest.split_to(piece))));
        }
        let taken = {
            let mut inner = self.slot.0.borrow_mut();
            match inner.frame.take() {
                Some(frame) => {
                    if let Some(waker) = inner.writer.take() {
                        waker.wake();
                    }
                    frame
                }
                None if inner.ended => return Poll::Ready(None),
                None => {
                    inner.body = Some(cx.waker().clone());
                    return Poll::Pending;
                }
            }
        };
        let head = taken.head();
        self.piece = if taken.whole { usize::MAX } else { PIECE };
        self.rest = taken.body;
        Poll::Ready(Some(Ok(head)))
    }
}

impl Drop for FrameBody {
    fn drop(&mut self) {
        let mut inner = self.slot.0.borrow_mut();
        inner.gone = true;
        inner.frame = None;
        if let Some(waker) = inner.writer.take() {
            waker.wake();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use actix_web::body::BoxBody;

    fn opened() -> (Slot, FrameBody) {
        Slot::new(BoxBody::new(()), Rc::default())
    }

    fn drain(body: &mut FrameBody) -> Vec<Bytes> {
        let mut out = Vec::new();
        let mut cx = Context::from_waker(Waker::noop());
        while let Poll::Ready(Some(Ok(bytes))) = Pin::new(&mut *body).poll_next(&mut cx) {
            out.push(bytes);
        }
        out
    }

    fn pieces(body: &mut FrameBody) -> Vec<usize> {
        drain(body).iter().map(Bytes::len).collect()
    }

    #[test]
    fn the_slot_holds_one_frame_and_says_when_it_is_free() {
        let (slot, mut body) = opened();
        assert!(slot.is_free());
        slot.put(Outgoing::text("one"));
        assert!(!slot.is_free());
        slot.put(Outgoing::text("lost"));
        assert_eq!(drain(&mut body).concat(), b"\x81\x03one");
        assert!(slot.is_free());
        slot.put(Outgoing::text_parts(Bytes::from_static(b"{\"a\":"), Bytes::from_static(b"1}")));
        assert_eq!(drain(&mut body).concat(), b"\x81\x07{\"a\":1}");
        drop(body);
        assert!(slot.is_gone() && !slot.is_free());
    }

    #[test]
    fn lengths_use_the_shortest_header() {
        for (len, header) in [(125, 2), (126, 4), (65_535, 4), (65_536, 10)] {
            let head = Outgoing::binary(Bytes::from(vec![0; len])).head();
            assert_eq!(head.len(), header, "{len}");
        }
    }

    #[test]
    fn an_abort_cuts_the_connection_and_nothing_is_taken_afterwards() {
        let scissors = Rc::new(Scissors::default());
        let (slot, body) = Slot::new(BoxBody::new(()), Rc::clone(&scissors));
        slot.abort();
        assert!(scissors.is_cut() && !slot.is_free());
        drop(body);
    }

    #[test]
    fn long_frames_leave_in_pieces_and_live_frames_whole() {
        let long = Bytes::from(vec![7; 3 * PIECE]);
        let (slot, mut body) = opened();
        slot.put(Outgoing::text(long.clone()));
        assert_eq!(pieces(&mut body), [4, PIECE, PIECE, PIECE]);
        slot.put(Outgoing::binary(long).whole());
        assert_eq!(pieces(&mut body), [4, 3 * PIECE]);
    }

    #[test]
    fn a_close_reason_never_outgrows_a_control_frame() {
        let frame = Outgoing::close(Close::Restart, &"x".repeat(300));
        assert_eq!(frame.len(), MAX_CONTROL);
    }
}
