//! The local file of one upload while its bytes arrive. Everything here blocks: call it from a blocking thread.
//!
//! The hash grows with the file, and at the edge of each piece of 8 MiB its state is noted. Who records how far the
//! file is good records the state there too; after a kill the hash goes on from the last one and reads again what lies
//! between, less than a piece.

use std::fs::{File, OpenOptions};
use std::io::{self, ErrorKind};
use std::os::unix::fs::FileExt as _;
use std::path::Path;
use std::sync::Arc;

use super::hash::WholeHash;
use crate::platform::disk;
use crate::words::error::Error;

/// Bytes of a sealed piece.
pub const PIECE: u64 = 8 << 20;
/// Bytes read at once when a file is read again.
const READ: usize = 256 * 1024;
/// Seconds after which a client may find room on a full disk.
const FULL_RETRY_S: u32 = 30;

/// The hash's state at a place in the file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Piece {
    /// Counted from 0; sealed when `to_byte` is its end, the last of an upload otherwise.
    pub n: i64,
    pub to_byte: i64,
    pub state: Vec<u8>,
}

/// A file and its hash, both as far as [`Staged::at`].
pub struct Staged {
    file: Arc<File>,
    hash: WholeHash,
    at: u64,
    /// Pieces whose edge was passed and which nobody has taken yet.
    sealed: Vec<Piece>,
}

/// A place to come back to.
pub struct Mark {
    hash: WholeHash,
    at: u64,
}

impl Mark {
    pub fn at(&self) -> u64 {
        self.at
    }
}

/// Bytes of the file; 0 when there is none.
pub fn length(path: &Path) -> io::Result<u64> {
    match std::fs::metadata(path) {
        Ok(found) => Ok(found.len()),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(0),
        Err(error) => Err(error),
    }
}

/// Removes the file; gone is gone.
pub fn remove(path: &Path) -> io::Result<()> {
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

/// What a failure of the file means to the client.
pub fn io_error(error: io::Error) -> Error {
    disk::refused(error, FULL_RETRY_S)
}

impl Staged {
    /// Opens the file as far as `synced`, which it must have; what lies behind was never acknowledged and is cut off.
    /// `known` is a state at or before that place.
    pub fn open(path: &Path, synced: u64, known: Option<&Piece>) -> io::Result<Self> {
        let (hash, at) = known.and_then(|piece| restore(piece, synced)).unwrap_or_default();
        let mut staged = Self { file: Arc::new(open_or_make(path)?), hash, at, sealed: Vec::new() };
        if staged.file.metadata()?.len() < synced {
            // It would be filled with zeroes.
            return Err(ErrorKind::UnexpectedEof.into());
        }
        staged.file.set_len(synced)?;
        staged.read_again(synced)?;
        Ok(staged)
    }

    /// Bytes in the file and in the hash.
    pub fn at(&self) -> u64 {
        self.at
    }

    /// The file, for syncing it beside the writing.
    pub fn file(&self) -> Arc<File> {
        Arc::clone(&self.file)
    }

    /// SHA-256 of the file so far, lower-case hex.
    pub fn hex(&self) -> String {
        self.hash.hex()
    }

    /// Appends; what was written before a failure counts.
    pub fn append(&mut self, mut bytes: &[u8]) -> io::Result<()> {
        while !bytes.is_empty() {
            let (now, _) = bytes.split_at(bytes.len().min(self.room()));
            match self.file.write_at(now, self.at) {
                Ok(0) => return Err(ErrorKind::WriteZero.into()),
                Ok(written) => {
                    let (done, rest) = bytes.split_at(written.min(bytes.len()));
                    self.advance(done);
                    bytes = rest;
                }
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// This place, for [`Staged::take_back`].
    pub fn mark(&self) -> Mark {
        Mark { hash: self.hash.clone(), at: self.at }
    }

    /// Forgets what came after the mark, in the file and in the hash.
    pub fn take_back(&mut self, mark: &Mark) -> io::Result<()> {
        self.hash = mark.hash.clone();
        self.at = mark.at;
        self.sealed.retain(|piece| piece.to_byte.cast_unsigned() <= mark.at);
        self.file.set_len(mark.at)
    }

    /// The states to be recorded with this place: of the pieces sealed since the last call, and of this place.
    pub fn take_pieces(&mut self) -> Vec<Piece> {
        let mut pieces = std::mem::take(&mut self.sealed);
        if !self.at.is_multiple_of(PIECE) {
            pieces.push(self.piece(self.at / PIECE));
        }
        pieces
    }

    /// Bytes up to the edge of the piece.
    fn room(&self) -> usize {
        usize::try_from(PIECE - self.at % PIECE).unwrap_or(usize::MAX)
    }

    /// Bytes that are in the file now, of one piece.
    fn advance(&mut self, bytes: &[u8]) {
        self.hash.update(bytes);
        self.at += bytes.len() as u64;
        if self.at.is_multiple_of(PIECE) && !bytes.is_empty() {
            self.sealed.push(self.piece(self.at / PIECE - 1));
        }
    }

    fn piece(&self, n: u64) -> Piece {
        Piece { n: n.cast_signed(), to_byte: self.at.cast_signed(), state: self.hash.state() }
    }

    fn read_again(&mut self, to: u64) -> io::Result<()> {
        let mut buffer = vec![0; READ];
        while self.at < to {
            let most = (to - self.at).min(READ as u64);
            let most = usize::try_from(most).unwrap_or(READ).min(self.room());
            let part = buffer.get_mut(..most).unwrap_or_default();
            self.file.read_exact_at(part, self.at)?;
            let part = &*part;
            self.advance(part);
        }
        Ok(())
    }
}

fn restore(piece: &Piece, synced: u64) -> Option<(WholeHash, u64)> {
    let at = u64::try_from(piece.to_byte).ok().filter(|at| *at <= synced)?;
    Some((WholeHash::restore(&piece.state)?, at))
}

/// A file that was just made is durable by name before it has bytes.
fn open_or_make(path: &Path) -> io::Result<File> {
    match OpenOptions::new().read(true).write(true).open(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => {}
        other => return other,
    }
    let file = OpenOptions::new().read(true).write(true).create_new(true).open(path)?;
    if let Some(folder) = path.parent() {
        File::open(folder)?.sync_all()?;
    }
    Ok(file)
}
