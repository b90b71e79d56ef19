//! The bytes of one request, from the connection to the task that writes them.
//!
//! The connection may end at any moment, and with it everything that runs in it; so it only hands batches over, and a
//! task of its own writes, syncs, records and lets the upload go. When the connection is dropped, what it had collected
//! is still handed over and the task ends as with a body that broke off.

use tokio::sync::{mpsc, oneshot};

use super::super::State;
use super::super::tus::Checksum;
use super::super::who::Asker;
use super::finish::settled;
use super::writer::{Fed, Work, Writer};
use super::{held, leased, open_staged, own};
use crate::duty::evidence::store::uploads::UploadRow;
use crate::words::error::{Code, Error, Result};
use crate::words::ids::UploadId;

/// Bytes handed over at once: one batch is filled, one waits, one is written, 192 KiB together. What the connection has
/// read ahead by then comes on top.
const BATCH: usize = 64 * 1024;
/// Batches that wait for the writer before the connection is no longer read.
const WAITING: usize = 1;

/// What a request says of its bytes.
#[derive(Clone, Debug)]
pub struct Ask {
    /// `Upload-Offset`.
    pub offset: i64,
    /// `Content-Length`; `None` for a body in pieces.
    pub body: Option<i64>,
    pub checksum: Option<Checksum>,
}

/// What became of the request to append.
pub enum Begun {
    /// The upload is open: the bytes go in here, and the row with the new offset comes out there.
    Open(Feed, oneshot::Receiver<Result<UploadRow>>),
    /// Nothing is missing: all bytes were here before.
    There(Box<UploadRow>),
}

/// Opens an upload for the bytes of one request; whoever wrote it before is told to stop.
///
/// Errors: `not_found`, `gone`, `forbidden` for a file of parts, `conflict` at another offset (`offset` says which),
/// `payload_too_large`, `busy`.
pub async fn append(asker: &Asker, id: UploadId, ask: Ask) -> Result<Begun> {
    let core = &asker.ctx.core;
    let seen = own(asker, id).await?;
    if seen.is_final() {
        return Err(Error::forbidden("a file of parts takes no bytes of its own"));
    }
    let (hold, row) = held(core, &seen).await?;
    check(&row, &ask)?;
    if row.is_full() || row.state != State::Receiving {
        let row = settled(core, &hold, row).await?;
        // Some of it had to be given up: the client is told from where.
        check(&row, &ask)?;
        return Ok(Begun::There(Box::new(row)));
    }
    let mut row = leased(core, row).await?;
    let staged = open_staged(core, &mut row).await?;
    check(&row, &ask)?;
    let (sender, fed) = mpsc::channel(WAITING);
    let (tell, outcome) = oneshot::channel();
    let writer = Writer::new(core, hold, row, &ask);
    let work = Work::new(staged, fed, ask.checksum, &writer);
    tokio::spawn(async move {
        let done = writer.run(work).await;
        if let Err(Err(error)) = tell.send(done) {
            tracing::debug!(upload = %id, %error, "an upload broke off with its connection");
        }
    });
    Ok(Begun::Open(Feed { batch: Vec::new(), writer: sender }, outcome))
}

/// Errors: `conflict` at another offset than the one that is good, `payload_too_large` beyond the length.
fn check(row: &UploadRow, ask: &Ask) -> Result<()> {
    if ask.offset != row.synced {
        return Err(Error::conflict(format!("the offset is {}", row.synced)).with("offset", row.synced.into()));
    }
    if ask.body.is_some_and(|body| body > row.length - row.synced) {
        return Err(too_long(row.length));
    }
    Ok(())
}

/// More bytes than the upload has.
pub(super) fn too_long(length: i64) -> Error {
    Error::new(Code::PayloadTooLarge).detail(format!("the upload has {length} bytes")).with("max_bytes", length.into())
}

/// Where a connection puts the bytes that come.
pub struct Feed {
    batch: Vec<u8>,
    writer: mpsc::Sender<Fed>,
}

impl Feed {
    /// Takes bytes; false when the writer has ended, which its outcome explains.
    pub async fn put(&mut self, mut bytes: &[u8]) -> bool {
        while !bytes.is_empty() {
            if self.batch.capacity() == 0 {
                self.batch.reserve_exact(BATCH);
            }
            let room = BATCH.saturating_sub(self.batch.len());
            let (now, rest) = bytes.split_at(bytes.len().min(room));
            self.batch.extend_from_slice(now);
            bytes = rest;
            if self.batch.len() >= BATCH && !self.flush().await {
                return false;
            }
        }
        true
    }

    /// The body is whole.
    pub async fn end(mut self) {
        if self.flush().await {
            // The writer may have ended by itself; its outcome says so.
            drop(self.writer.send(Fed::End).await);
        }
    }

    /// The body broke off; what came of it is handed over.
    pub async fn broke(mut self) {
        self.flush().await;
    }

    async fn flush(&mut self) -> bool {
        if self.batch.is_empty() {
            return true;
        }
        let batch = std::mem::take(&mut self.batch);
        self.writer.send(Fed::Bytes(batch)).await.is_ok()
    }
}

impl Drop for Feed {
    fn drop(&mut self) {
        let batch = std::mem::take(&mut self.batch);
        if !batch.is_empty() {
            // Without room the last batch is sent again by the client.
            drop(self.writer.try_send(Fed::Bytes(batch)));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_dropped_connection_hands_over_what_it_had() {
        let (writer, mut fed) = mpsc::channel(2);
        let mut feed = Feed { batch: Vec::new(), writer };
        assert!(feed.put(&vec![1; BATCH + 10]).await);
        drop(feed);
        let sizes = [fed.recv().await, fed.recv().await].map(|fed| match fed {
            Some(Fed::Bytes(bytes)) => bytes.len(),
            _ => 0,
        });
        assert_eq!(sizes, [BATCH, 10]);
        assert!(fed.recv().await.is_none(), "without an end it broke off");
    }

    #[tokio::test]
    async fn a_whole_body_says_so_and_a_gone_writer_is_noticed() {
        let (writer, mut fed) = mpsc::channel(2);
        let mut feed = Feed { batch: Vec::new(), writer: writer.clone() };
        assert!(feed.put(b"abc").await);
        feed.end().await;
        assert!(matches!(fed.recv().await, Some(Fed::Bytes(bytes)) if bytes == b"abc"));
        assert!(matches!(fed.recv().await, Some(Fed::End)));
        drop(fed);
        let mut feed = Feed { batch: Vec::new(), writer };
        assert!(!feed.put(&vec![0; BATCH]).await);
    }
}
