//! The job that makes one file of parts. It goes on where it was: the file grows like any other, by recorded slices.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt as _;
use std::path::PathBuf;
use std::sync::Arc;

use serde::Deserialize;

use super::super::State;
use super::super::holds::Uploads;
use super::super::staging::{Staged, io_error};
use super::finish::finish;
use super::writer::put;
use super::{LEASE_S, fetch, leased, open_staged};
use crate::duty::evidence::store::uploads::{self as store, Progress, UploadRow};
use crate::platform::ctx::Core;
use crate::platform::db::Priority;
use crate::platform::disk::blocking;
use crate::platform::jobs::JobRow;
use crate::words::error::{Code, Error, Result};
use crate::words::ids::UploadId;

/// Bytes between two records.
const SLICE: u64 = 32 << 20;
/// Bytes read at once.
const READ: usize = 256 * 1024;

/// Which file the job is about.
#[derive(Debug, Deserialize)]
struct Args {
    upload_id: UploadId,
}

/// One part and where it lies in the file.
struct Part {
    path: PathBuf,
    from: u64,
    to: u64,
}

/// Joins, hashes, and makes evidence of the file; a hash that is not the declared one ends it with its parts.
pub async fn run_concat(core: &Arc<Core>, job: &JobRow) -> Result<()> {
    let Args { upload_id: id } = serde_json::from_str(&job.args)?;
    let hold = core.part::<Uploads>()?.hold(id).await?;
    let row = match fetch(core, id).await {
        Err(error) if error.is(Code::NotFound) => return Ok(()),
        other => other?,
    };
    if row.state != State::Verifying {
        return Ok(());
    }
    let mut row = leased(core, row).await?;
    let parts = Arc::new(parts(core, &row).await?);
    let mut staged = open_staged(core, &mut row).await?;
    while staged.at() < row.length.cast_unsigned() {
        if hold.is_stopped() {
            return Err(hold.reason());
        }
        let from = Arc::clone(&parts);
        let (back, copied) = blocking(move || {
            let copied = copy(&mut staged, &from, SLICE).and_then(|()| staged.file().sync_data());
            (staged, copied)
        })
        .await?;
        staged = back;
        copied.map_err(io_error)?;
        let progress = Progress {
            id,
            lease_gen: row.lease_gen,
            from: State::Verifying,
            to: State::Verifying,
            synced: staged.at().cast_signed(),
            pieces: staged.take_pieces(),
            ttl_s: core.config.evidence.upload_ttl_s,
            lease_s: LEASE_S,
        };
        put(core, progress, Priority::Background).await?;
    }
    row.synced = row.length;
    let sha256 = staged.hex();
    match finish(core, row, sha256).await {
        // The upload has ended and says why.
        Err(error) if [Code::ChecksumMismatch, Code::Erased].contains(&error.code()) => Ok(()),
        other => other.map(drop),
    }
}

/// The parts in the order of the file.
async fn parts(core: &Core, row: &UploadRow) -> Result<Vec<Part>> {
    let ids = row.parts()?;
    let asked = ids.clone();
    let rows = core.db.read(move |conn| store::uploads_fetch(conn, &asked)).await?;
    let uploads = core.part::<Uploads>()?;
    let mut parts = Vec::with_capacity(ids.len());
    let mut from = 0;
    for id in ids {
        let part = rows.iter().find(|part| part.id == id).ok_or_else(|| Error::internal("a part is missing"))?;
        let to = from + part.length.cast_unsigned();
        parts.push(Part { path: uploads.path(id), from, to });
        from = to;
    }
    Ok(parts)
}

/// Appends at most `most` bytes of what comes next.
fn copy(staged: &mut Staged, parts: &[Part], most: u64) -> io::Result<()> {
    let end = staged.at() + most;
    let mut buffer = vec![0; READ];
    for part in parts.iter().filter(|part| part.from < part.to) {
        let until = part.to.min(end);
        if staged.at() >= until {
            continue;
        }
        let file = File::open(&part.path)?;
        while staged.at() < until {
            let left = usize::try_from(until - staged.at()).unwrap_or(READ).min(READ);
            let piece = buffer.get_mut(..left).unwrap_or_default();
            file.read_exact_at(piece, staged.at() - part.from)?;
            staged.append(piece)?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::platform::keys::sha256_hex;

    #[test]
    fn parts_become_one_file_in_order_and_in_slices() {
        let folder = std::env::temp_dir().join(format!("suixing-join-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let texts: [&[u8]; 4] = [b"first part, ", b"", b"second part, ", b"third"];
        let mut parts = Vec::new();
        let mut from = 0;
        for (n, text) in texts.iter().enumerate() {
            let path = folder.join(n.to_string());
            if !text.is_empty() {
                std::fs::write(&path, text).unwrap();
            }
            let to = from + text.len() as u64;
            parts.push(Part { path, from, to });
            from = to;
        }
        let path = folder.join("whole");
        let whole = texts.concat();
        let mut at = 0;
        while at < whole.len() as u64 {
            // Every slice may be another process.
            let mut staged = Staged::open(&path, at, None).unwrap();
            copy(&mut staged, &parts, 7).unwrap();
            assert_eq!(staged.at(), (at + 7).min(whole.len() as u64));
            at = staged.at();
            assert_eq!(staged.hex(), sha256_hex(&whole[..usize::try_from(at).unwrap()]));
        }
        assert_eq!(std::fs::read(&path).unwrap(), whole);
        std::fs::remove_dir_all(&folder).unwrap();
    }
}
