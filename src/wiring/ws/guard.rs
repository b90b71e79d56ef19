//! Bytes into one socket: a frame too long is refused by its header, before its payload is collected. Used by `handshake`.

use std::pin::Pin;
use std::task::{Context, Poll};

use actix_web::dev::Payload;
use actix_web::error::PayloadError;
use bytes::Bytes;
use futures_util::Stream;

/// Longest header before the mask: 2 bytes and a 64-bit length.
const MAX_HEADER: usize = 10;

/// Passes a client's bytes on and refuses a frame whose header announces more
/// than the limit; actix-http's parser looks at the limit only once it has the
/// whole frame.
pub struct SizeGuard {
    inner: Payload,
    scan: FrameScan,
}

impl SizeGuard {
    /// Wraps `inner`; a frame may carry `max` bytes.
    pub fn wrap(inner: Payload, max: u64) -> Payload {
        Payload::Stream { payload: Box::pin(Self { inner, scan: FrameScan::new(max) }) }
    }
}

impl Stream for SizeGuard {
    type Item = Result<Bytes, PayloadError>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let polled = Pin::new(&mut self.inner).poll_next(cx);
        if let Poll::Ready(Some(Ok(bytes))) = &polled
            && !self.scan.feed(bytes)
        {
            return Poll::Ready(Some(Err(PayloadError::Overflow)));
        }
        polled
    }
}

/// Walks over frame headers, wherever the chunks are cut.
struct FrameScan {
    max: u64,
    /// Header bytes of the frame that begins, up to 2 + 8.
    header: [u8; MAX_HEADER],
    have: usize,
    /// Payload and mask bytes still to come of the current frame.
    left: u64,
}

impl FrameScan {
    fn new(max: u64) -> Self {
        Self { max, header: [0; MAX_HEADER], have: 0, left: 0 }
    }

    /// False once a frame announces more than the limit.
    fn feed(&mut self, mut bytes: &[u8]) -> bool {
        loop {
            if self.left > 0 {
                let step = usize::try_from(self.left).unwrap_or(usize::MAX).min(bytes.len());
                self.left = self.left.saturating_sub(step as u64);
                bytes = bytes.get(step..).unwrap_or_default();
            }
            let Some((&byte, rest)) = bytes.split_first() else { return true };
            bytes = rest;
            if let Some(place) = self.header.get_mut(self.have) {
                *place = byte;
            }
            self.have = self.have.saturating_add(1);
            if let Some(len) = self.announced() {
                if len > self.max {
                    return false;
                }
                let masked = self.header[1] & 0x80 != 0;
                self.left = len.saturating_add(if masked { 4 } else { 0 });
                self.have = 0;
            }
        }
    }

    /// The payload length, once enough header bytes are here.
    fn announced(&self) -> Option<u64> {
        let [_, short, a, b, c, d, e, f, g, h] = self.header;
        match (short & 0x7F, self.have) {
            (126, 4) => Some(u64::from(u16::from_be_bytes([a, b]))),
            (127, 10) => Some(u64::from_be_bytes([a, b, c, d, e, f, g, h])),
            (len, 2) if len < 126 => Some(u64::from(len)),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn client_frame(len: usize) -> Vec<u8> {
        let mut out = vec![0x82];
        if len < 126 {
            out.push(0x80 | len as u8);
        } else if len < 65_536 {
            out.push(0x80 | 126);
            out.extend((len as u16).to_be_bytes());
        } else {
            out.push(0x80 | 127);
            out.extend((len as u64).to_be_bytes());
        }
        out.extend([1, 2, 3, 4]);
        out.extend(vec![7; len]);
        out
    }

    proptest! {
        #[test]
        fn the_guard_finds_the_oversize_frame_wherever_chunks_are_cut(
            before in prop::collection::vec(0usize..3_000, 0..6),
            chunk in 1usize..700,
        ) {
            let mut scan = FrameScan::new(3_000);
            let mut bytes: Vec<u8> = before.iter().flat_map(|len| client_frame(*len)).collect();
            for part in bytes.chunks(chunk) {
                prop_assert!(scan.feed(part));
            }
            bytes = client_frame(3_001);
            prop_assert!(!bytes.chunks(chunk).all(|part| scan.feed(part)));
        }

        #[test]
        fn the_guard_survives_anything(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
            FrameScan::new(100).feed(&bytes);
        }
    }
}
