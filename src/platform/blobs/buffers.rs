//! The memory in which parts are on their way to a bucket: so many buffers, used again and again.
//!
//! A buffer that is filled on one thread and freed on another stays with the allocator for a while; a large file would
//! pass through as much memory as it has bytes.

use std::io;
use std::sync::Arc;

use bytes::Bytes;
use parking_lot::Mutex;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::platform::disk::blocking;
use crate::words::error::{Error, Result};

/// The buffers; cheap to clone.
#[derive(Clone)]
pub struct Buffers {
    slots: Arc<Semaphore>,
    free: Arc<Mutex<Vec<Vec<u8>>>>,
}

/// One of them, until the last that knows its bytes has let go.
struct Lent {
    buffer: Vec<u8>,
    filled: usize,
    home: Buffers,
    _slot: OwnedSemaphorePermit,
}

impl Buffers {
    pub fn new(count: usize) -> Self {
        Self { slots: Arc::new(Semaphore::new(count)), free: Arc::default() }
    }

    /// Waits for a buffer and has it filled with `length` bytes on a thread that may block.
    pub async fn fill(
        &self,
        length: usize,
        fill: impl FnOnce(&mut [u8]) -> io::Result<()> + Send + 'static,
    ) -> Result<Bytes> {
        let slot = Arc::clone(&self.slots).acquire_owned().await.map_err(Error::internal)?;
        let buffer = self.free.lock().pop().unwrap_or_default();
        let mut lent = Lent { buffer, filled: length, home: self.clone(), _slot: slot };
        let filling = move || -> io::Result<Bytes> {
            if lent.buffer.len() < length {
                lent.buffer.resize(length, 0);
            }
            fill(lent.buffer.get_mut(..length).unwrap_or_default())?;
            Ok(Bytes::from_owner(lent))
        };
        Ok(blocking(filling).await??)
    }
}

impl AsRef<[u8]> for Lent {
    fn as_ref(&self) -> &[u8] {
        self.buffer.get(..self.filled).unwrap_or_default()
    }
}

impl Drop for Lent {
    fn drop(&mut self) {
        self.home.free.lock().push(std::mem::take(&mut self.buffer));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_buffer_is_lent_to_one_and_then_to_the_next() {
        let buffers = Buffers::new(1);
        let with = |byte: u8| {
            move |bytes: &mut [u8]| -> io::Result<()> {
                bytes.fill(byte);
                Ok(())
            }
        };
        let first = buffers.fill(1_000, with(1)).await.unwrap();
        let copy = first.clone();
        let second = tokio::spawn({
            let buffers = buffers.clone();
            async move { buffers.fill(10, with(2)).await.unwrap() }
        });
        drop(first);
        tokio::task::yield_now().await;
        assert!(!second.is_finished() && copy == vec![1; 1_000]);
        drop(copy);
        let second = second.await.unwrap();
        assert_eq!(second, vec![2; 10], "nothing of the one before");
        drop(second);
        assert_eq!(buffers.free.lock().iter().map(Vec::len).collect::<Vec<_>>(), [1_000]);
        let failed = buffers.fill(10, |_| Err(io::ErrorKind::UnexpectedEof.into())).await;
        assert!(failed.is_err() && buffers.fill(5, with(3)).await.is_ok(), "it comes back also then");
    }
}
