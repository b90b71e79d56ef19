//! Where files stay: originals by their content, previews by the name of their item, uploads while they arrive.
//!
//! ```text
//! data_dir/staging/                what is arriving, one file each, named by whoever stages it
//! evidence/<aa>/<sha256>           originals: the same content twice is one
//! evidence/previews/<id>.<px>.jpg  derived, can be made again
//! ```
//!
//! Staging is always in the data folder. `evidence/` lies beside it, on the same file system, so that taking a staged
//! file over is a rename (`folder`), or below a prefix in a bucket that speaks S3 (`bucket`), by the same names: one is
//! copied into the other with any tool. What is not `async` here blocks: call it from a blocking thread.
//!
//! A bucket may be away. Then what needs it fails with [`is_unreachable`], 503 for a client, and is done later by
//! whoever wanted it; what is staged stays staged.

mod bucket;
mod buffers;
mod folder;
mod original;
mod parts;
mod put;
#[cfg(test)]
mod tests;

use std::fmt::Display;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::Bytes;
use serde_json::Value;

pub use bucket::Bucket;
pub use folder::{Copied, Folder, copy_kept};
pub use original::{Local, Original, cause};

use crate::platform::config::{Evidence, Store};
use crate::platform::disk::blocking;
use crate::words::error::{Error, Result};

/// Hex digits of a SHA-256.
const KEY_LEN: usize = 64;
/// Seconds after which a bucket that was away may be there again.
const AWAY_RETRY_S: u32 = 5;
/// The member of an error that says the store is away.
const STORE: &str = "store";

/// The files of one installation; cheap to clone.
#[derive(Clone, Debug)]
pub struct Blobs {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    staging: PathBuf,
    originals: Originals,
}

/// Where originals and previews lie. Opening it writes nothing.
#[derive(Clone, Debug)]
pub enum Originals {
    Folder(Folder),
    Bucket(Bucket),
}

impl Blobs {
    /// Everything below `data_dir`; makes what is missing.
    pub fn new(data_dir: &Path) -> Result<Self> {
        Self::over(data_dir, Originals::folder(data_dir))
    }

    /// Staging below `data_dir`, originals and previews where the settings say. A bucket need not answer yet.
    ///
    /// Errors: settings or credentials of the bucket that cannot be.
    pub fn configured(data_dir: &Path, settings: &Evidence) -> Result<Self> {
        Self::over(data_dir, Originals::configured(data_dir, settings)?)
    }

    fn over(data_dir: &Path, originals: Originals) -> Result<Self> {
        let staging = data_dir.join("staging");
        std::fs::create_dir_all(&staging)?;
        if let Originals::Folder(folder) = &originals {
            folder.make()?;
        }
        folder::sync_folder(data_dir)?;
        Ok(Self { inner: Arc::new(Inner { staging, originals }) })
    }

    /// Where files lie while they arrive.
    pub fn staging(&self) -> &Path {
        &self.inner.staging
    }

    /// Where originals and previews lie.
    pub fn originals(&self) -> &Originals {
        &self.inner.originals
    }

    /// Whether the original is here.
    pub fn has(&self, key: &str) -> Result<bool> {
        Ok(self.size(key)?.is_some())
    }

    /// Bytes of the original, if it is here.
    pub fn size(&self, key: &str) -> Result<Option<u64>> {
        match &self.inner.originals {
            Originals::Folder(folder) => folder.size(key),
            Originals::Bucket(bucket) => bucket.wait(bucket.size(key)),
        }
    }

    /// Takes a complete staged file over as the original of `sha256`, durably. The caller has computed the hash.
    ///
    /// What of that content was there before is replaced by the bytes that were hashed a moment ago. From a folder the
    /// staged file has gone then; a bucket has a copy, and the staged file stays until the caller, who has committed
    /// what names it, removes it. Again after a kill in between: done. After a failure the next goes on with what a
    /// bucket has by then, or the caller says [`Blobs::forget`].
    pub async fn take_in(&self, staged: &Path, sha256: &str) -> Result<()> {
        checked(sha256)?;
        let (staged, sha256) = (staged.to_owned(), sha256.to_owned());
        match &self.inner.originals {
            Originals::Folder(folder) => {
                let folder = folder.clone();
                blocking(move || folder.adopt(&staged, &sha256)).await?
            }
            Originals::Bucket(bucket) => {
                bucket.run(move |bucket| async move { bucket.put_file(&staged, &sha256).await }).await
            }
        }
    }

    /// What sends parts of a file that is still arriving ahead to a bucket; nothing where there is none. Of `length` bytes
    /// the first `good` may go: from this call on they stay as they are until [`Blobs::forget`]. `sha256` is what the whole
    /// will be, or it comes to nothing.
    pub fn send_ahead(
        &self,
        staged: &Path,
        sha256: &str,
        good: u64,
        length: u64,
    ) -> Option<impl Future<Output = Result<()>> + Send + 'static> {
        let Originals::Bucket(bucket) = &self.inner.originals else { return None };
        let (ticket, bucket) = (bucket.ticket(staged), bucket.clone());
        let (staged, sha256) = (staged.to_owned(), sha256.to_owned());
        Some(async move {
            checked(&sha256)?;
            let send = |bucket: Bucket| async move { bucket.send_ahead(ticket, &staged, &sha256, good, length).await };
            bucket.run(send).await
        })
    }

    /// Forgets what was sent of a staged file to a bucket. Always before bytes are changed that may have been sent, and
    /// when the file comes to nothing.
    pub async fn forget(&self, staged: &Path) -> Result<()> {
        let Originals::Bucket(bucket) = &self.inner.originals else { return Ok(()) };
        let staged = staged.to_owned();
        bucket.run(move |bucket| async move { bucket.forget(&staged).await }).await
    }

    /// The original, for reading. Errors: `not_found` when its bytes are not here.
    pub async fn find(&self, key: &str) -> Result<Original> {
        let (originals, key) = (self.inner.originals.clone(), key.to_owned());
        match originals {
            Originals::Folder(_) => blocking(move || originals.open(&key)).await?,
            Originals::Bucket(bucket) => bucket.run(move |bucket| async move { bucket.open(&key).await }).await,
        }
    }

    /// [`Blobs::find`] for whoever may block.
    pub fn open(&self, key: &str) -> Result<Original> {
        self.inner.originals.open(key)
    }

    /// The original as a file of this machine, for who reads it all over; `None` when it would have to be fetched and
    /// has more than `most` bytes. Errors: `not_found`.
    pub fn local(&self, key: &str, most: u64) -> Result<Option<Local>> {
        match &self.inner.originals {
            Originals::Folder(folder) => {
                folder.open(key)?;
                Ok(Some(Local::lies(folder.path(key))))
            }
            Originals::Bucket(_) => {
                let original = self.open(key)?;
                if original.len() > most { Ok(None) } else { Local::fetched(original, &self.inner.staging).map(Some) }
            }
        }
    }

    /// Removes an original after a lawful deletion; false when it was gone already. A bucket that keeps versions keeps
    /// this one, too: see README.md.
    pub fn remove(&self, key: &str) -> Result<bool> {
        match &self.inner.originals {
            Originals::Folder(folder) => folder.remove(key),
            Originals::Bucket(bucket) => bucket.wait(bucket.remove(key)),
        }
    }

    /// Stores a preview, whole or not at all; one that was there is replaced.
    pub fn put_preview(&self, id: impl Display, px: impl Display, bytes: impl AsRef<[u8]>) -> Result<()> {
        let (id, px) = (id.to_string(), px.to_string());
        match &self.inner.originals {
            Originals::Folder(folder) => folder.put_preview(&id, &px, bytes.as_ref()),
            Originals::Bucket(bucket) => {
                let bytes = Bytes::copy_from_slice(bytes.as_ref());
                bucket.wait(bucket.put_preview(&preview_name(&id, &px), bytes))
            }
        }
    }

    /// The bytes of a preview. Errors: `not_found`.
    pub async fn preview(&self, id: impl Display, px: impl Display) -> Result<Bytes> {
        let (id, px) = (id.to_string(), px.to_string());
        match &self.inner.originals {
            Originals::Folder(folder) => {
                let folder = folder.clone();
                blocking(move || folder.preview(&id, &px).map(Bytes::from)).await?
            }
            Originals::Bucket(bucket) => {
                let name = preview_name(&id, &px);
                bucket.run(move |bucket| async move { bucket.preview(&name).await }).await
            }
        }
    }

    /// Removes a preview; false when there was none.
    pub fn remove_preview(&self, id: impl Display, px: impl Display) -> Result<bool> {
        let (id, px) = (id.to_string(), px.to_string());
        match &self.inner.originals {
            Originals::Folder(folder) => folder.remove_preview(&id, &px),
            Originals::Bucket(bucket) => bucket.wait(bucket.remove_preview(&preview_name(&id, &px))),
        }
    }

    /// Removes what a kill has left half done; while nobody else writes here.
    pub fn sweep(&self) -> Result<usize> {
        let fetched = Local::sweep(&self.inner.staging)? + parts::sweep(&self.inner.staging)?;
        match &self.inner.originals {
            Originals::Folder(folder) => Ok(folder.sweep()? + fetched),
            Originals::Bucket(_) => Ok(fetched),
        }
    }
}

impl Originals {
    /// In a data folder, there or not.
    pub fn folder(data_dir: &Path) -> Self {
        Self::Folder(Folder::below(data_dir))
    }

    /// Where the settings say.
    pub fn configured(data_dir: &Path, settings: &Evidence) -> Result<Self> {
        match settings.store {
            Store::Folder => Ok(Self::folder(data_dir)),
            Store::S3 => Ok(Self::Bucket(Bucket::configured(&settings.s3)?)),
        }
    }

    /// The name of the whole, for people: the bucket, or the folder within the data folder.
    pub fn name(&self) -> String {
        match self {
            Self::Folder(_) => "evidence/".to_owned(),
            Self::Bucket(bucket) => bucket.name().to_owned(),
        }
    }

    /// Where the original of this key lies or would lie, for people.
    pub fn place(&self, key: &str) -> String {
        match self {
            Self::Folder(_) => format!("evidence/{}", key_name(key)),
            Self::Bucket(bucket) => bucket.place(key),
        }
    }

    /// The original, for reading. Errors: `not_found` when its bytes are not here.
    pub fn open(&self, key: &str) -> Result<Original> {
        match self {
            Self::Folder(folder) => Original::file(folder.open(key)?),
            Self::Bucket(bucket) => bucket.wait(bucket.open(key)),
        }
    }

    /// Every key that has an original, in no order.
    pub fn each_key(&self, each: &mut dyn FnMut(&str)) -> Result<()> {
        match self {
            Self::Folder(folder) => folder.each_key(each),
            Self::Bucket(bucket) => bucket.wait(bucket.each_key(each)),
        }
    }

    /// Whether a bucket answers and lets us in. Errors: it does not.
    pub async fn probe(&self) -> Result<()> {
        match self {
            Self::Folder(_) => Ok(()),
            Self::Bucket(bucket) => bucket.run(|bucket| async move { bucket.probe().await }).await,
        }
    }

    /// [`Originals::probe`] for whoever may block.
    pub fn probe_blocking(&self) -> Result<()> {
        match self {
            Self::Folder(_) => Ok(()),
            Self::Bucket(bucket) => bucket.wait(bucket.probe()),
        }
    }
}

/// Whether something failed because the bucket is away: it is as good as not tried.
pub fn is_unreachable(error: &Error) -> bool {
    error.members().contains_key(STORE)
}

/// The bucket is away or refuses us: 503, and the reason in the log.
fn unreachable(doing: &str, cause: &dyn Display) -> Error {
    metrics::counter!("suixing_evidence_store_failures_total").increment(1);
    tracing::warn!(doing, error = %cause, "the evidence store cannot be reached");
    Error::busy(AWAY_RETRY_S)
        .detail("the evidence store cannot be reached; nothing is lost, try again")
        .with(STORE, Value::from("unreachable"))
}

/// A key within `evidence/`; a text that is no key names an object that is never there.
fn key_name(key: &str) -> String {
    match key.get(..2) {
        Some(first) if is_key(key) => format!("{first}/{key}"),
        _ => "no-such-key".to_owned(),
    }
}

fn preview_name(id: &str, px: &str) -> String {
    format!("{id}.{px}.jpg")
}

fn checked(sha256: &str) -> Result<()> {
    if is_key(sha256) { Ok(()) } else { Err(Error::internal("not a SHA-256 in lower-case hex")) }
}

fn is_key(text: &str) -> bool {
    text.len() == KEY_LEN && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}
