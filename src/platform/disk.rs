//! Work that waits for a disk or keeps a processor busy, off the workers; and what a refusing disk means to a client.

use std::io::{self, ErrorKind, Read};

use crate::words::error::{Code, Error, Result};

/// Runs `work` on a thread for that; an error here is a panic of `work`.
pub async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T> {
    tokio::task::spawn_blocking(work).await.map_err(Error::internal)
}

/// A full disk is told as what it is: `storage_full`, worth another try after `retry_s` seconds.
pub fn refused(error: io::Error, retry_s: u32) -> Error {
    match error.kind() {
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded | ErrorKind::FileTooLarge | ErrorKind::ReadOnlyFilesystem => {
            tracing::error!(%error, "the disk refuses what arrives");
            Error::new(Code::ReadOnly).retry_after(retry_s).detail("the disk refuses writes")
        }
        _ => Error::internal(error),
    }
}

/// Reads to the end, as much as `piece` holds at once; gives how many bytes there were. Blocks.
pub fn each_piece(input: &mut dyn Read, piece: &mut [u8], mut take: impl FnMut(&[u8])) -> io::Result<u64> {
    let mut length = 0;
    loop {
        let read = match input.read(piece) {
            Ok(read) => read,
            Err(error) if error.kind() == ErrorKind::Interrupted => continue,
            Err(error) => return Err(error),
        };
        let Some(bytes) = piece.get(..read).filter(|bytes| !bytes.is_empty()) else { return Ok(length) };
        length += read as u64;
        take(bytes);
    }
}
