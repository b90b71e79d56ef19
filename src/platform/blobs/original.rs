//! Reading an original, wherever it lies, in bounded pieces.

use std::fs::File;
use std::io::{self, ErrorKind, Read, Seek, SeekFrom};
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::Bytes;
use futures_util::stream::{self, BoxStream, StreamExt as _};

use super::bucket::Object;
use crate::words::error::{Code, Error, Result};

/// Bytes of a file in memory for one client.
const FILE_PIECE: u64 = 128 * 1024;
/// The same of an object: larger, since each costs a way to the bucket and back.
const OBJECT_PIECE: u64 = 512 * 1024;
/// What a reader asks a bucket for first: mostly it wants a head. Each time it goes on it asks for twice as much.
const FIRST: u64 = 64 * 1024;
/// What it asks for at most.
const MOST: u64 = 1024 * 1024;
/// What fetched files in the staging folder are called.
const FETCHED: &str = "fetched-";

/// An original that was there when it was opened. Reading and seeking block.
pub struct Original {
    from: Source,
    len: u64,
}

enum Source {
    File(File),
    Object(Reader),
}

impl Original {
    pub(super) fn file(file: File) -> Result<Self> {
        let len = file.metadata()?.len();
        Ok(Self { from: Source::File(file), len })
    }

    pub(super) fn object(object: Object, len: u64) -> Self {
        let reader = Reader { object, len, at: 0, held: Bytes::new(), held_from: 0, next: FIRST };
        Self { from: Source::Object(reader), len }
    }

    /// Bytes of it.
    pub fn len(&self) -> u64 {
        self.len
    }

    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The bytes from `first` up to `end`, one piece in memory at a time, each read when the one before was taken.
    pub fn pieces(self, first: u64, end: u64) -> BoxStream<'static, io::Result<Bytes>> {
        match self.from {
            Source::File(file) => file_pieces(file, first, end).boxed(),
            Source::Object(reader) => object_pieces(reader.object, first, end).boxed(),
        }
    }
}

fn file_pieces(file: File, first: u64, end: u64) -> impl stream::Stream<Item = io::Result<Bytes>> {
    stream::try_unfold((Arc::new(file), first), move |(file, at)| async move {
        let length = usize::try_from(end.saturating_sub(at).min(FILE_PIECE)).unwrap_or(0);
        if length == 0 {
            return Ok(None);
        }
        let own = Arc::clone(&file);
        let read = move || -> io::Result<Bytes> {
            let mut piece = vec![0_u8; length];
            own.read_exact_at(&mut piece, at)?;
            Ok(Bytes::from(piece))
        };
        let piece = tokio::task::spawn_blocking(read).await.map_err(io::Error::other)??;
        Ok::<_, io::Error>(Some((piece, (file, at.saturating_add(length as u64)))))
    })
}

fn object_pieces(object: Object, first: u64, end: u64) -> impl stream::Stream<Item = io::Result<Bytes>> {
    stream::try_unfold((object, first), move |(object, at)| async move {
        let to = end.min(at.saturating_add(OBJECT_PIECE));
        if at >= to {
            return Ok(None);
        }
        let piece = object.fetch(at, to).await.map_err(as_io)?;
        Ok::<_, io::Error>(Some((piece, (object, to))))
    })
}

impl Read for Original {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        match &mut self.from {
            Source::File(file) => file.read(out),
            Source::Object(reader) => reader.read(out),
        }
    }
}

impl Seek for Original {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        match &mut self.from {
            Source::File(file) => file.seek(to),
            Source::Object(reader) => reader.seek(to),
        }
    }
}

/// Reads an object like a file: what is held covers `held_from` and what follows.
struct Reader {
    object: Object,
    len: u64,
    at: u64,
    held: Bytes,
    held_from: u64,
    /// Bytes to ask for next.
    next: u64,
}

impl Reader {
    /// What is held from here on; nothing at the end.
    fn ahead(&mut self) -> io::Result<&[u8]> {
        let held_to = self.held_from.saturating_add(self.held.len() as u64);
        if self.at < self.held_from || self.at >= held_to {
            if self.at >= self.len {
                return Ok(&[]);
            }
            let goes_on = self.at == held_to && held_to > 0;
            self.next = if goes_on { (self.next * 2).min(MOST) } else { FIRST };
            let to = self.len.min(self.at.saturating_add(self.next));
            self.held = self.object.fetch_blocking(self.at, to).map_err(as_io)?;
            self.held_from = self.at;
        }
        let from = usize::try_from(self.at.saturating_sub(self.held_from)).unwrap_or(usize::MAX);
        Ok(self.held.get(from..).unwrap_or_default())
    }
}

impl Read for Reader {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        if out.is_empty() {
            return Ok(0);
        }
        // A slice of bytes is a reader, too.
        let read = self.ahead()?.read(out)?;
        self.at = self.at.saturating_add(read as u64);
        Ok(read)
    }
}

impl Seek for Reader {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let at = match to {
            SeekFrom::Start(at) => Some(at),
            SeekFrom::Current(by) => self.at.checked_add_signed(by),
            SeekFrom::End(by) => self.len.checked_add_signed(by),
        };
        self.at = at.ok_or_else(|| io::Error::from(ErrorKind::InvalidInput))?;
        Ok(self.at)
    }
}

/// An error of ours on its way through a reader.
fn as_io(error: Error) -> io::Error {
    let kind = if error.is(Code::NotFound) { ErrorKind::NotFound } else { ErrorKind::Other };
    io::Error::new(kind, error)
}

/// The error of ours that a reader brought, or an internal one.
pub fn cause(error: io::Error) -> Error {
    match error.downcast::<Error>() {
        Ok(ours) => ours,
        Err(other) => other.into(),
    }
}

/// An original as a file of this machine. One that was fetched goes with this value.
#[derive(Debug)]
pub struct Local {
    path: PathBuf,
    fetched: bool,
}

impl Local {
    pub(super) fn lies(path: PathBuf) -> Self {
        Self { path, fetched: false }
    }

    pub(super) fn fetched(mut original: Original, folder: &Path) -> Result<Self> {
        let path = folder.join(format!("{FETCHED}{}", uuid::Uuid::now_v7()));
        let mut file = File::options().write(true).create_new(true).open(&path)?;
        // From here on the file is removed, whatever happens.
        let local = Self { path, fetched: true };
        let copied = io::copy(&mut original, &mut file).map_err(cause)?;
        if copied == original.len() { Ok(local) } else { Err(Error::internal("an original ended before its end")) }
    }

    /// Opens it; each time from its beginning.
    pub fn open(&self) -> io::Result<File> {
        File::open(&self.path)
    }

    /// Removes what a kill has left.
    pub(super) fn sweep(folder: &Path) -> Result<usize> {
        let mut swept = 0;
        for entry in std::fs::read_dir(folder)? {
            let entry = entry?;
            if entry.file_name().as_encoded_bytes().starts_with(FETCHED.as_bytes()) {
                std::fs::remove_file(entry.path())?;
                swept += 1;
            }
        }
        Ok(swept)
    }
}

impl Drop for Local {
    fn drop(&mut self) {
        if self.fetched
            && let Err(error) = std::fs::remove_file(&self.path)
        {
            tracing::warn!(%error, path = %self.path.display(), "a fetched original could not be removed");
        }
    }
}
