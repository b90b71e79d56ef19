//! A file read in pieces from wherever the walk leads, within limits of bytes, boxes and time.

use std::io::{self, Read, Seek, SeekFrom};
use std::time::Instant;

/// Bytes read at once: a fragment's own boxes lie beside each other.
const PIECE: u64 = 4 * 1024;
/// Bytes read of one file at most: a shift of eight hours in fragments of a second takes 118 MB of its 8 GB.
pub const BYTES_MAX: u64 = 256 * 1024 * 1024;
/// Boxes looked at in one file at most: that shift has some 300,000.
pub const BOXES_MAX: u32 = 1_000_000;

/// Why a walk ended before its end.
#[derive(Debug)]
pub enum Stop {
    /// The file is shorter than what it says of itself.
    End,
    /// The limits are reached.
    Spent,
    Disk(io::Error),
}

impl From<io::Error> for Stop {
    fn from(error: io::Error) -> Self {
        Self::Disk(error)
    }
}

/// The file, the piece of it that is held, and what may still be read.
pub struct Pieces<R> {
    source: R,
    length: u64,
    from: u64,
    held: Vec<u8>,
    bytes_left: u64,
    boxes_left: u32,
    until: Instant,
}

impl<R: Read + Seek> Pieces<R> {
    pub fn new(source: R, length: u64, until: Instant) -> Self {
        Self { source, length, from: 0, held: Vec::new(), bytes_left: BYTES_MAX, boxes_left: BOXES_MAX, until }
    }

    /// Bytes of the file.
    pub const fn length(&self) -> u64 {
        self.length
    }

    /// The bytes at a place.
    pub fn bytes<const N: usize>(&mut self, at: u64) -> Result<[u8; N], Stop> {
        let end = at.checked_add(N as u64).filter(|end| *end <= self.length).ok_or(Stop::End)?;
        if at < self.from || end > self.from + self.held.len() as u64 {
            self.load(at)?;
        }
        let skip = usize::try_from(at - self.from).unwrap_or(usize::MAX);
        let found = self.held.get(skip..).and_then(|rest| rest.first_chunk::<N>());
        // Shorter than its length was a moment ago.
        found.copied().ok_or(Stop::End)
    }

    /// One more box is looked at.
    pub fn count(&mut self) -> Result<(), Stop> {
        self.boxes_left = self.boxes_left.checked_sub(1).ok_or(Stop::Spent)?;
        Ok(())
    }

    fn load(&mut self, at: u64) -> Result<(), Stop> {
        if Instant::now() >= self.until {
            return Err(Stop::Spent);
        }
        self.bytes_left = self.bytes_left.checked_sub(PIECE).ok_or(Stop::Spent)?;
        self.held.clear();
        self.from = at;
        self.source.seek(SeekFrom::Start(at))?;
        self.source.by_ref().take(PIECE).read_to_end(&mut self.held)?;
        Ok(())
    }
}
