//! How a staged file goes over to the bucket: at once, or in parts, some of them while the rest is still arriving.

use std::fs::File;
use std::io::{self, ErrorKind};
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::Bytes;
use object_store::path::Path as Key;
use object_store::{ObjectStoreExt as _, PutPayload};

use super::bucket::{Bucket, PUT_WITHIN, READ_WITHIN, no_bucket, within};
use super::key_name;
use super::parts::{Record, Ticket};
use crate::platform::disk::blocking;
use crate::words::error::{Code, Error, Result};

/// Parts an object has at most.
const PARTS_MAX: u64 = 10_000;

impl Bucket {
    /// Puts a staged file as the original of `sha256`, going on with what of it is here. One that has gone was put before.
    pub async fn put_file(&self, staged: &Path, sha256: &str) -> Result<()> {
        let key = self.key(&key_name(sha256))?;
        let (file, length) = match opened(staged.to_owned()).await? {
            Ok(opened) => opened,
            Err(error) if error.kind() == ErrorKind::NotFound && self.size_of(&key).await?.is_some() => return Ok(()),
            Err(error) => return Err(error.into()),
        };
        // Whoever sends parts ahead is through with his, and sends no other.
        let track = self.inner.tracks.call_in(staged);
        let put = {
            let _turn = track.turn.lock().await;
            self.put_rest(staged, &key, &file, length).await
        };
        self.inner.tracks.leave(staged, track);
        put?;
        // The last word before a receipt is given.
        match self.size_of(&key).await? {
            Some(size) if size == length => Ok(()),
            size => Err(Error::internal(format!("{key} was put with {length} bytes and has {size:?}"))),
        }
    }

    /// Puts what of a file is not here yet. The turn is the caller's.
    async fn put_rest(&self, staged: &Path, key: &Key, file: &Arc<File>, length: u64) -> Result<()> {
        let part = self.part_of(length);
        if length <= part {
            let payload = PutPayload::from(self.piece(file, 0, length).await?);
            let put = self.inner.objects.put(key, payload);
            return within(PUT_WITHIN, "put an object", put).await.map(drop).map_err(no_bucket);
        }
        let mut record = self.begun(staged, key, part).await?;
        while record.sent() < length {
            self.put_part(key, &mut record, file, length).await?;
        }
        let complete = self.inner.parts.complete_multipart(key, &record.id, record.parts.clone());
        if let Err(error) = within(PUT_WITHIN, "complete an object", complete).await {
            // It may be that what the record says is not so.
            self.take_back(record);
            return Err(no_bucket(error));
        }
        Ok(record.remove()?)
    }

    /// The right to send parts of a file ahead, until it is whole or its bytes may change.
    pub fn ticket(&self, staged: &Path) -> Ticket {
        self.inner.tracks.ticket(staged)
    }

    /// Sends whole parts of a file of `length` bytes that is still arriving, of which the first `good` are good as long
    /// as the ticket is.
    pub async fn send_ahead(&self, ticket: Ticket, staged: &Path, sha256: &str, good: u64, length: u64) -> Result<()> {
        let (key, part) = (self.key(&key_name(sha256))?, self.part_of(length));
        loop {
            // A turn is one part: whoever has the whole file is not kept waiting.
            let _turn = ticket.track.turn.lock().await;
            if !ticket.is_good() || length <= part {
                return Ok(());
            }
            let known = Record::read(staged)?.filter(|record| record.is_of(key.as_ref(), part));
            if known.map_or(0, |record| record.sent()).saturating_add(part) > good {
                return Ok(());
            }
            let (file, _) = opened(staged.to_owned()).await??;
            let mut record = self.begun(staged, &key, part).await?;
            self.put_part(&key, &mut record, &file, length).await?;
        }
    }

    /// Forgets what was sent of a staged file; its bytes may change or go.
    pub async fn forget(&self, staged: &Path) -> Result<()> {
        let track = self.inner.tracks.call_in(staged);
        let known = {
            let _turn = track.turn.lock().await;
            Record::read(staged).and_then(|known| known.map(|record| record.remove().map(|()| record)).transpose())
        };
        self.inner.tracks.leave(staged, track);
        if let Some(record) = known? {
            self.take_back(record);
        }
        Ok(())
    }

    fn part_of(&self, length: u64) -> u64 {
        self.inner.part.max(length.div_ceil(PARTS_MAX))
    }

    /// What was begun of this object, or a new beginning. The turn is the caller's.
    async fn begun(&self, staged: &Path, key: &Key, part: u64) -> Result<Record> {
        if let Some(record) = Record::read(staged)? {
            if record.is_of(key.as_ref(), part) {
                return Ok(record);
            }
            self.take_back(record);
        }
        let begin = self.inner.parts.create_multipart(key);
        let id = within(PUT_WITHIN, "begin an object", begin).await.map_err(no_bucket)?;
        Ok(Record::begin(staged, key.as_ref(), part, id)?)
    }

    async fn put_part(&self, key: &Key, record: &mut Record, file: &Arc<File>, length: u64) -> Result<()> {
        let (from, n) = (record.sent(), record.parts.len());
        let to = length.min(from.saturating_add(record.part));
        let payload = PutPayload::from(self.piece(file, from, to).await?);
        let put = self.inner.parts.put_part(key, &record.id, n, payload);
        match within(PUT_WITHIN, "put a part", put).await {
            Ok(part) => Ok(record.note(part)?),
            Err(error) => {
                if error.is(Code::NotFound) {
                    // A rule of the bucket has cleared it away: the next begins anew.
                    record.remove()?;
                }
                Err(no_bucket(error))
            }
        }
    }

    /// Gives up what was begun; nobody waits for it. What cannot be taken back now is cleared away by a rule of the bucket.
    fn take_back(&self, record: Record) {
        if let Err(error) = record.remove() {
            tracing::warn!(%error, "the record of an object's parts could not be removed");
        }
        let Ok(key) = Key::parse(&record.key) else { return };
        let parts = Arc::clone(&self.inner.parts);
        self.inner.handle.spawn(async move {
            let abort = parts.abort_multipart(&key, &record.id);
            if let Err(error) = within(READ_WITHIN, "take parts back", abort).await {
                tracing::debug!(%key, %error, "parts of an object are left in the bucket");
            }
        });
    }

    /// A part in memory.
    async fn piece(&self, file: &Arc<File>, from: u64, to: u64) -> Result<Bytes> {
        let file = Arc::clone(file);
        let length = usize::try_from(to.saturating_sub(from)).map_err(Error::internal)?;
        self.inner.buffers.fill(length, move |bytes| file.read_exact_at(bytes, from)).await
    }
}

/// A file and its length.
async fn opened(path: PathBuf) -> Result<io::Result<(Arc<File>, u64)>> {
    let open = move || -> io::Result<(Arc<File>, u64)> {
        let file = File::open(path)?;
        let length = file.metadata()?.len();
        Ok((Arc::new(file), length))
    };
    blocking(open).await
}
