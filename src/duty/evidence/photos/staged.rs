//! One photo while it arrives: written to a file and hashed, never held in memory. Blocking.

use std::fs::{File, OpenOptions};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use aws_lc_rs::digest::{Context, SHA256};

use super::sniff;
use crate::platform::disk;
use crate::platform::keys::hex;
use crate::words::error::{Error, Result};
use crate::words::ids::UploadId;

/// Seconds after which a handset may try again: a photo is small, and wanted now.
const FULL_RETRY_S: u32 = 5;
/// What our files in the staging folder are called, so that nobody takes them for an upload that can be resumed.
const PREFIX: &str = "photo-";

/// A file that is being written.
pub struct Staged {
    file: File,
    scrap: Scrap,
    hash: Context,
    size: u64,
    head: Vec<u8>,
}

/// A file that has all its bytes; it goes with this value. The blobs have it by then, or nobody wants it.
pub struct Sealed {
    scrap: Scrap,
    pub size: u64,
    /// Lower-case hex.
    pub sha256: String,
    /// Its first bytes.
    pub head: Vec<u8>,
}

/// Removes the file with the last that knows of it: a client that hangs up leaves nothing behind.
struct Scrap(PathBuf);

impl Drop for Scrap {
    fn drop(&mut self) {
        let path = std::mem::take(&mut self.0);
        // Gone already once the blobs have it.
        let remove = move || drop(std::fs::remove_file(path));
        match tokio::runtime::Handle::try_current() {
            Ok(runtime) => drop(runtime.spawn_blocking(remove)),
            Err(_outside) => remove(),
        }
    }
}

impl Staged {
    /// A new file in the folder where uploads arrive.
    pub fn create(folder: &Path) -> Result<Self> {
        let path = folder.join(format!("{PREFIX}{}", UploadId::new()));
        let file = OpenOptions::new().write(true).create_new(true).open(&path).map_err(refused)?;
        Ok(Self { file, scrap: Scrap(path), hash: Context::new(&SHA256), size: 0, head: Vec::new() })
    }

    pub fn append(&mut self, bytes: &[u8]) -> Result<()> {
        let wanted = sniff::HEAD_LEN.saturating_sub(self.head.len());
        self.head.extend(bytes.iter().take(wanted));
        self.file.write_all(bytes).map_err(refused)?;
        self.hash.update(bytes);
        self.size = self.size.saturating_add(bytes.len() as u64);
        Ok(())
    }

    /// No more bytes will come. The blobs make it durable when they take it over.
    pub fn seal(self) -> Sealed {
        let sha256 = hex(self.hash.finish().as_ref());
        Sealed { scrap: self.scrap, size: self.size, sha256, head: self.head }
    }
}

impl Sealed {
    pub fn path(&self) -> &Path {
        &self.scrap.0
    }
}

/// Removes what a kill has left behind; before the door opens, when every photo that was arriving has broken off.
pub fn sweep(folder: &Path) -> Result<usize> {
    let mut swept = 0;
    for entry in std::fs::read_dir(folder)? {
        let entry = entry?;
        if entry.file_name().to_str().is_some_and(|name| name.starts_with(PREFIX)) {
            std::fs::remove_file(entry.path())?;
            swept += 1;
        }
    }
    Ok(swept)
}

fn refused(error: io::Error) -> Error {
    disk::refused(error, FULL_RETRY_S)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::platform::keys::sha256_hex;

    #[test]
    fn a_file_is_hashed_as_it_comes_and_goes_with_its_owner() {
        let folder = std::env::temp_dir().join(format!("suixing-staged-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let bytes: Vec<u8> = (0..10_000_u32).map(|n| n.to_le_bytes()[0]).collect();
        let mut staged = Staged::create(&folder).unwrap();
        for piece in bytes.chunks(777) {
            staged.append(piece).unwrap();
        }
        let sealed = staged.seal();
        assert_eq!((sealed.size, &sealed.sha256), (10_000, &sha256_hex(&bytes)));
        assert_eq!(sealed.head, bytes[..sniff::HEAD_LEN]);
        assert_eq!(std::fs::read(sealed.path()).unwrap(), bytes);
        drop(sealed);
        drop(Staged::create(&folder).unwrap());
        assert_eq!(std::fs::read_dir(&folder).unwrap().count(), 0, "nothing stays behind");
        for name in ["photo-1", "photo-2", "an-upload"] {
            std::fs::write(folder.join(name), b"left by a kill").unwrap();
        }
        assert_eq!(sweep(&folder).unwrap(), 2);
        std::fs::remove_file(folder.join("an-upload")).unwrap();
        std::fs::remove_dir(&folder).unwrap();
    }
}
