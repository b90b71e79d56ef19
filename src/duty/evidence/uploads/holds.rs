//! One writer per upload in this process, and no lock that outlives its connection.
//!
//! A phone that changes its network asks again while its old connection still seems to be open here. Whoever comes anew
//! is the client: the old writer is told to stop, keeps what it has and lets go, and the new one waits for that. The
//! hold is given back when it is dropped, whatever became of the request.

use std::collections::HashMap;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use parking_lot::Mutex;
use tokio::sync::watch;
use tokio::time::{Instant, timeout_at};

use crate::platform::blobs::Blobs;
use crate::words::error::{Code, Error, Result};
use crate::words::ids::UploadId;

/// How long a new writer waits for the old one: a sync of what it has, on a slow disk.
const LET_GO_WITHIN: Duration = Duration::from_secs(5);
/// The file in the staging folder that names it; rows say by it where an upload's bytes are.
const NODE_FILE: &str = ".node";

/// The uploads that are being written now; cheap to clone.
#[derive(Clone)]
pub struct Uploads {
    inner: Arc<Inner>,
}

struct Inner {
    staging: PathBuf,
    node: String,
    stopping: AtomicBool,
    held: Mutex<HashMap<UploadId, Slot>>,
}

struct Slot {
    stop: watch::Sender<bool>,
    /// Closed when the hold is gone.
    gone: watch::Receiver<()>,
}

/// The right to write one upload, until it is dropped.
pub struct Hold {
    id: UploadId,
    uploads: Uploads,
    stopped: watch::Receiver<bool>,
    _gone: watch::Sender<()>,
}

impl Uploads {
    /// Over the staging folder of the blobs; gives the folder a name of its own at the first start. Blocks.
    pub fn open(blobs: &Blobs) -> Result<Self> {
        let staging = blobs.staging().to_owned();
        let node = match std::fs::read_to_string(staging.join(NODE_FILE)) {
            Ok(text) if !text.trim().is_empty() => text.trim().to_owned(),
            Ok(_) => name(&staging)?,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => name(&staging)?,
            Err(error) => return Err(error.into()),
        };
        let inner = Inner { staging, node, stopping: AtomicBool::new(false), held: Mutex::default() };
        Ok(Self { inner: Arc::new(inner) })
    }

    /// The name of this staging folder.
    pub fn node(&self) -> &str {
        &self.inner.node
    }

    /// Where all uploads of this node are staged.
    pub fn staging(&self) -> PathBuf {
        self.inner.staging.clone()
    }

    /// Where an upload is staged on this node.
    pub fn path(&self, id: UploadId) -> PathBuf {
        self.inner.staging.join(id.to_string())
    }

    /// The server ends: every writer keeps what it has and answers.
    pub fn stop(&self) {
        self.inner.stopping.store(true, Ordering::Relaxed);
        for slot in self.inner.held.lock().values() {
            slot.stop.send_replace(true);
        }
    }

    /// Takes the upload over from whoever writes it. Errors: `busy` when he does not let go, `stopping`.
    pub async fn hold(&self, id: UploadId) -> Result<Hold> {
        self.hold_within(id, LET_GO_WITHIN).await
    }

    async fn hold_within(&self, id: UploadId, patience: Duration) -> Result<Hold> {
        let deadline = Instant::now() + patience;
        loop {
            if self.inner.stopping.load(Ordering::Relaxed) {
                return Err(Error::new(Code::Stopping));
            }
            let mut gone = match self.try_hold(id) {
                Ok(hold) => return Ok(hold),
                Err(gone) => gone,
            };
            // Nothing is ever sent: it ends when the sender is dropped.
            if timeout_at(deadline, gone.changed()).await.is_err() {
                return Err(Error::busy(1).detail("the connection before is still ending"));
            }
        }
    }

    /// The hold, or what tells when the one there is has gone; its writer is told to stop.
    fn try_hold(&self, id: UploadId) -> std::result::Result<Hold, watch::Receiver<()>> {
        let mut held = self.inner.held.lock();
        if let Some(slot) = held.get(&id) {
            slot.stop.send_replace(true);
            return Err(slot.gone.clone());
        }
        let (stop, stopped) = watch::channel(false);
        let (sender, gone) = watch::channel(());
        held.insert(id, Slot { stop, gone });
        Ok(Hold { id, uploads: self.clone(), stopped, _gone: sender })
    }
}

/// Gives the folder a name, whole or not at all: the bytes in a folder that has lost its name are sent again.
fn name(staging: &Path) -> Result<String> {
    let node = UploadId::new().to_string();
    let draft = staging.join(format!("{NODE_FILE}-draft"));
    std::fs::write(&draft, &node)?;
    File::open(&draft)?.sync_all()?;
    std::fs::rename(&draft, staging.join(NODE_FILE))?;
    File::open(staging)?.sync_all()?;
    Ok(node)
}

impl Hold {
    /// Ends when somebody else wants the upload, or the server stops.
    pub async fn stopped(&mut self) {
        let closed = self.stopped.wait_for(|stop| *stop).await.is_err();
        if closed {
            std::future::pending::<()>().await;
        }
    }

    /// The same, asked between two steps of long work.
    pub fn is_stopped(&self) -> bool {
        *self.stopped.borrow()
    }

    /// Why the writer was stopped, for its client.
    pub fn reason(&self) -> Error {
        if self.uploads.inner.stopping.load(Ordering::Relaxed) {
            return Error::new(Code::Stopping).retry_after(5);
        }
        Error::conflict("a newer request goes on with this upload")
    }
}

impl Drop for Hold {
    fn drop(&mut self) {
        self.uploads.inner.held.lock().remove(&self.id);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn uploads(name: &str) -> Uploads {
        let folder = std::env::temp_dir().join(format!("suixing-holds-{}-{name}", std::process::id()));
        Uploads::open(&Blobs::new(&folder).unwrap()).unwrap()
    }

    #[tokio::test]
    async fn whoever_comes_anew_takes_over() {
        let uploads = uploads("over");
        let id = UploadId::new();
        let mut old = uploads.hold(id).await.unwrap();
        let other = uploads.hold(UploadId::new()).await.unwrap();
        let writer = tokio::spawn(async move {
            old.stopped().await;
            let reason = old.reason();
            drop(old);
            reason
        });
        let new = uploads.hold(id).await.unwrap();
        assert!(writer.await.unwrap().is(Code::Conflict));
        drop((new, other));
        assert!(uploads.inner.held.lock().is_empty(), "nothing stays locked");
    }

    #[tokio::test]
    async fn a_request_that_is_dropped_lets_go_at_once() {
        let uploads = uploads("dropped");
        let id = UploadId::new();
        let hold = uploads.hold(id).await.unwrap();
        let request = tokio::spawn(async move {
            let _hold = hold;
            std::future::pending::<()>().await;
        });
        request.abort();
        assert!(request.await.is_err());
        assert!(uploads.try_hold(id).is_ok());
    }

    #[tokio::test]
    async fn nobody_waits_for_ever() {
        let uploads = uploads("waits");
        let id = UploadId::new();
        let _stuck = uploads.hold(id).await.unwrap();
        let refused = uploads.hold_within(id, Duration::from_millis(20)).await;
        assert!(refused.err().unwrap().is(Code::Busy));
    }

    #[tokio::test]
    async fn a_server_that_stops_stops_all() {
        let uploads = uploads("stop");
        let mut hold = uploads.hold(UploadId::new()).await.unwrap();
        uploads.stop();
        hold.stopped().await;
        assert!(hold.reason().is(Code::Stopping));
        assert!(uploads.hold(UploadId::new()).await.err().unwrap().is(Code::Stopping));
    }

    #[test]
    fn a_folder_keeps_its_name() {
        assert_eq!(uploads("name").node(), uploads("name").node());
    }
}
