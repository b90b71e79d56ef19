//! Originals and previews in a folder of this machine. Everything here blocks.

use std::fs::File;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::{is_key, preview_name};
use crate::words::error::{Error, Result};

/// The folder beside `staging/`.
const EVIDENCE: &str = "evidence";
/// What the names of half-written previews begin with.
const DRAFT: &str = ".draft-";

/// `data_dir/evidence`; cheap to clone.
#[derive(Clone, Debug)]
pub struct Folder {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    originals: PathBuf,
    previews: PathBuf,
    /// Tells the half-written previews of one process apart.
    drafts: AtomicU64,
}

impl Folder {
    /// The folder below `data_dir`, there or not.
    pub fn below(data_dir: &Path) -> Self {
        let originals = data_dir.join(EVIDENCE);
        let previews = originals.join("previews");
        Self { inner: Arc::new(Inner { originals, previews, drafts: AtomicU64::new(0) }) }
    }

    /// Makes what is missing of it.
    pub fn make(&self) -> Result<()> {
        std::fs::create_dir_all(&self.inner.previews)?;
        sync_folder(&self.inner.originals)
    }

    /// Where the original of this key lies or would lie. A text that is no key names a file that is never there.
    pub fn path(&self, key: &str) -> PathBuf {
        match key.get(..2) {
            Some(first) if is_key(key) => self.inner.originals.join(first).join(key),
            _ => self.inner.originals.join("no-such-key"),
        }
    }

    pub fn size(&self, key: &str) -> Result<Option<u64>> {
        match std::fs::metadata(self.path(key)) {
            Ok(found) => Ok(found.is_file().then_some(found.len())),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    pub fn adopt(&self, staged: &Path, sha256: &str) -> Result<()> {
        let to = self.path(sha256);
        let file = match File::open(staged) {
            Ok(file) => file,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound && to.is_file() => return Ok(()),
            Err(error) => return Err(error.into()),
        };
        file.sync_all()?;
        let folder = to.parent().ok_or_else(|| Error::internal("an original without a folder"))?;
        if !folder.is_dir() {
            std::fs::create_dir_all(folder)?;
            sync_folder(&self.inner.originals)?;
        }
        std::fs::rename(staged, &to)?;
        sync_folder(folder)
    }

    pub fn open(&self, key: &str) -> Result<File> {
        open(&self.path(key), "content")
    }

    pub fn remove(&self, key: &str) -> Result<bool> {
        remove_file(&self.path(key))
    }

    /// Every key that has an original.
    pub fn each_key(&self, each: &mut dyn FnMut(&str)) -> Result<()> {
        if !self.inner.originals.is_dir() {
            return Ok(());
        }
        for folder in std::fs::read_dir(&self.inner.originals)? {
            let folder = folder?;
            if !folder.file_type()?.is_dir() || folder.path() == self.inner.previews {
                continue;
            }
            for file in std::fs::read_dir(folder.path())? {
                if let Some(key) = file?.file_name().to_str().filter(|name| is_key(name)) {
                    each(key);
                }
            }
        }
        Ok(())
    }

    fn preview_path(&self, id: &str, px: &str) -> PathBuf {
        self.inner.previews.join(preview_name(id, px))
    }

    pub fn put_preview(&self, id: &str, px: &str, bytes: &[u8]) -> Result<()> {
        let to = self.preview_path(id, px);
        let n = self.inner.drafts.fetch_add(1, Ordering::Relaxed);
        let draft = self.inner.previews.join(format!("{DRAFT}{}-{n}", std::process::id()));
        let mut file = File::create(&draft)?;
        file.write_all(bytes)?;
        file.sync_all()?;
        std::fs::rename(&draft, &to)?;
        sync_folder(&self.inner.previews)
    }

    pub fn preview(&self, id: &str, px: &str) -> Result<Vec<u8>> {
        let mut bytes = Vec::new();
        std::io::Read::read_to_end(&mut open(&self.preview_path(id, px), "preview")?, &mut bytes)?;
        Ok(bytes)
    }

    pub fn remove_preview(&self, id: &str, px: &str) -> Result<bool> {
        remove_file(&self.preview_path(id, px))
    }

    /// Removes half-written previews that a kill has left; while nobody else writes here.
    pub fn sweep(&self) -> Result<usize> {
        let mut swept = 0;
        for entry in std::fs::read_dir(&self.inner.previews)? {
            let entry = entry?;
            if entry.file_name().as_encoded_bytes().starts_with(DRAFT.as_bytes()) {
                std::fs::remove_file(entry.path())?;
                swept += 1;
            }
        }
        Ok(swept)
    }
}

fn open(path: &Path, what: &str) -> Result<File> {
    match File::open(path) {
        Ok(file) => Ok(file),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Err(Error::not_found(what)),
        Err(error) => Err(error.into()),
    }
}

/// What was copied.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Copied {
    pub files: u64,
    pub bytes: u64,
}

/// Copies the originals and previews of one data folder into another, durably. What is still arriving stays behind:
/// whoever sends it keeps his own until he has a receipt.
///
/// Copy the database before, not after: what its rows name is here by then, and what comes later does no harm.
pub fn copy_kept(from: &Path, to: &Path) -> Result<Copied> {
    let (from, to) = (from.join(EVIDENCE), to.join(EVIDENCE));
    let mut copied = Copied::default();
    if !from.is_dir() {
        return Ok(copied);
    }
    std::fs::create_dir(&to)?;
    for folder in std::fs::read_dir(&from)? {
        let folder = folder?;
        if !folder.file_type()?.is_dir() {
            continue;
        }
        let target = to.join(folder.file_name());
        std::fs::create_dir(&target)?;
        for file in std::fs::read_dir(folder.path())? {
            let file = file?;
            // A preview that is still being written.
            if file.file_name().as_encoded_bytes().starts_with(DRAFT.as_bytes()) {
                continue;
            }
            let copy = target.join(file.file_name());
            match std::fs::copy(file.path(), &copy) {
                Ok(bytes) => copied.bytes += bytes,
                // Lawfully deleted since the folder was listed.
                Err(error) if error.kind() == std::io::ErrorKind::NotFound => continue,
                Err(error) => return Err(error.into()),
            }
            File::open(&copy)?.sync_all()?;
            copied.files += 1;
        }
        sync_folder(&target)?;
    }
    sync_folder(&to)?;
    Ok(copied)
}

/// Makes the names in a folder survive a power loss.
pub fn sync_folder(folder: &Path) -> Result<()> {
    Ok(File::open(folder)?.sync_all()?)
}

/// Removes a file so that a power loss does not bring it back; false when it was not there.
fn remove_file(path: &Path) -> Result<bool> {
    match std::fs::remove_file(path) {
        Ok(()) => {
            path.parent().map_or(Ok(()), sync_folder)?;
            Ok(true)
        }
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error.into()),
    }
}
