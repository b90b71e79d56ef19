//! The data folder belongs to one process for its life.

use std::fs::{File, OpenOptions, TryLockError};
use std::path::Path;

use crate::words::error::{Code, Error, Result};

/// Held for the life of the process; the kernel releases it however the process ends.
pub struct FolderLock {
    _file: File,
}

/// Locks `folder`; a second process is refused with `conflict`.
pub fn folder_lock(folder: &Path) -> Result<FolderLock> {
    std::fs::create_dir_all(folder)?;
    let path = folder.join("suixing.lock");
    let file = OpenOptions::new().create(true).truncate(false).write(true).open(&path)?;
    match file.try_lock() {
        Ok(()) => Ok(FolderLock { _file: file }),
        Err(TryLockError::WouldBlock) => Err(Error::new(Code::Conflict)
            .detail(format!("the data folder {} is in use by another suixing process", folder.display()))),
        Err(TryLockError::Error(error)) => Err(Error::internal(error)),
    }
}
