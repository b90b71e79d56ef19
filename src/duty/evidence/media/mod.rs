//! Recordings: how long one is, when it began, what is in it; read from its container, never decoded.
//!
//! ```text
//! job     the durable job behind both doors      facts    what is learnt, what is believed of it, what does not fit
//! pieces  a file read in pieces, within limits   boxes    one box of a container and the fields in it
//! mp4     MP4, MOV, 3GP, M4A, fragmented too     wav      RIFF/WAVE
//! ```
//!
//! A walker of our own and no crate: of a shift's recording of eight gigabytes some hundred bytes are wanted. Those that
//! read MP4 (`mp4`, `mp4parse`, `re_mp4`) take every sample table and every fragment into memory and refuse a file whose
//! last box was cut off with its camera's battery, which is when it matters most. Whatever else a camera may write
//! (Matroska, AVI, transport streams) is kept and called unknown: no length is better than a guessed one.

mod boxes;
pub mod facts;
pub mod job;
mod mp4;
mod pieces;
#[cfg(test)]
mod samples;
#[cfg(test)]
mod tests;
mod wav;

use std::io::{self, Read, Seek};
use std::time::Instant;

use facts::{Container, Facts};
use pieces::Pieces;

use super::rules::UNKNOWN_TYPE;

/// What the container of a stored file says. `media_type` is as its first bytes have told it; the walk ends at `until`
/// with what it has found by then.
///
/// Errors: those of the disk only.
pub fn read<R: Read + Seek>(source: R, length: u64, media_type: &str, until: Instant) -> io::Result<Facts> {
    let mut pieces = Pieces::new(source, length, until);
    match media_type {
        "video/mp4" | "video/quicktime" | "video/3gpp" | "audio/mp4" => mp4::read(&mut pieces, true),
        "audio/wav" => wav::read(&mut pieces),
        // QuickTime files need not begin with their brand.
        UNKNOWN_TYPE => mp4::read(&mut pieces, false),
        _ => Ok(Facts::of(Container::Unknown)),
    }
}
