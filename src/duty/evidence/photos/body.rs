//! The body of a request on its way into the form: bounded, and hashed where the device's signature covers it.

use std::cell::RefCell;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context as Task, Poll};

use actix_web::dev::Payload;
use actix_web::error::PayloadError;
use actix_web::web::Bytes;
use aws_lc_rs::digest::{Context, SHA256};
use futures_util::Stream;

use super::form;
use crate::platform::keys::hex;
use crate::words::error::Result;

/// A body that its reader and whoever wants its hash hold together.
#[derive(Clone)]
pub struct Body {
    inner: Rc<RefCell<Inner>>,
}

struct Inner {
    payload: Payload,
    /// Bytes that may still come.
    left: u64,
    /// None where nobody asks for it.
    hash: Option<Context>,
}

impl Body {
    pub fn new(payload: Payload, most: u64, hashed: bool) -> Self {
        let hash = hashed.then(|| Context::new(&SHA256));
        Self { inner: Rc::new(RefCell::new(Inner { payload, left: most, hash })) }
    }

    /// Reads what the form has left over; the SHA-256 of everything in hex, empty where it was not asked for.
    pub async fn end(mut self) -> Result<String> {
        while form::next(&mut self).await?.is_some() {}
        let hash = self.inner.borrow_mut().hash.take();
        Ok(hash.map(|hash| hex(hash.finish().as_ref())).unwrap_or_default())
    }
}

impl Stream for Body {
    type Item = std::result::Result<Bytes, PayloadError>;

    fn poll_next(self: Pin<&mut Self>, task: &mut Task<'_>) -> Poll<Option<Self::Item>> {
        let mut inner = self.inner.borrow_mut();
        let next = Pin::new(&mut inner.payload).poll_next(task);
        if let Poll::Ready(Some(Ok(bytes))) = &next {
            match inner.left.checked_sub(bytes.len() as u64) {
                Some(left) => inner.left = left,
                None => return Poll::Ready(Some(Err(PayloadError::Overflow))),
            }
            // A few thousand bytes at a time, and only of devices whose token has expired: not worth another thread.
            if let Some(hash) = &mut inner.hash {
                hash.update(bytes);
            }
        }
        next
    }
}

#[cfg(test)]
mod tests {
    use futures_util::{StreamExt as _, stream};

    use super::*;
    use crate::platform::keys::sha256_hex;

    fn body(most: u64, hashed: bool) -> Body {
        let pieces = ["one ", "two ", "three"].map(|piece| Ok(Bytes::from_static(piece.as_bytes())));
        Body::new(Payload::Stream { payload: Box::pin(stream::iter(pieces)) }, most, hashed)
    }

    #[actix_web::test]
    async fn the_hash_is_of_everything_whoever_read_it() {
        let body = body(100, true);
        let mut reader = body.clone();
        assert_eq!(reader.next().await.unwrap().unwrap(), "one ");
        drop(reader);
        assert_eq!(body.end().await.unwrap(), sha256_hex(b"one two three"));
    }

    #[actix_web::test]
    async fn more_than_is_allowed_is_an_error() {
        assert_eq!(body(13, false).end().await.unwrap(), "");
        assert!(body(12, false).end().await.is_err());
    }
}
