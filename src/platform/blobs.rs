//! Where files stay: originals by their content, previews by the name of their item, uploads while they arrive.
//!
//! ```text
//! data_dir/staging/                          what is arriving, one file each, named by whoever stages it
//! data_dir/evidence/<aa>/<sha256>            originals: the same content twice is one file
//! data_dir/evidence/previews/<id>.<px>.jpg   derived, can be made again
//! ```
//!
//! All three lie on one file system, so that taking a staged file over is a rename. Everything here blocks: call it from
//! a blocking thread.

use std::fmt::Display;
use std::fs::File;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::words::error::{Error, Result};

/// Hex digits of a SHA-256.
const KEY_LEN: usize = 64;
/// What the names of half-written previews begin with.
const DRAFT: &str = ".draft-";

/// The folder of one installation; cheap to clone.
#[derive(Clone, Debug)]
pub struct Blobs {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    originals: PathBuf,
    previews: PathBuf,
    staging: PathBuf,
    /// Tells the half-written previews of one process apart.
    drafts: AtomicU64,
}

impl Blobs {
    /// Opens the folders below `data_dir`, making what is missing.
    pub fn new(data_dir: &Path) -> Result<Self> {
        let originals = data_dir.join("evidence");
        let previews = originals.join("previews");
        let staging = data_dir.join("staging");
        for folder in [&previews, &staging] {
            std::fs::create_dir_all(folder)?;
        }
        sync_folder(data_dir)?;
        sync_folder(&originals)?;
        Ok(Self { inner: Arc::new(Inner { originals, previews, staging, drafts: AtomicU64::new(0) }) })
    }

    /// Where files lie while they arrive.
    pub fn staging(&self) -> &Path {
        &self.inner.staging
    }

    /// Where the original of this key lies or would lie. A text that is no key names a file that is never there.
    pub fn path(&self, key: &str) -> PathBuf {
        match key.get(..2) {
            Some(first) if is_key(key) => self.inner.originals.join(first).join(key),
            _ => self.inner.originals.join("no-such-key"),
        }
    }

    /// Whether the original is here.
    pub fn has(&self, key: &str) -> bool {
        self.path(key).is_file()
    }

    /// Takes a complete staged file over as the original of `sha256`, durably. The caller has computed the hash.
    ///
    /// A file of that content that was there before is replaced by the one whose bytes were hashed a moment ago. Again
    /// after a kill in between, when the staged file has gone already: done.
    pub fn adopt(&self, staged: impl AsRef<Path>, sha256: &str) -> Result<()> {
        let staged = staged.as_ref();
        if !is_key(sha256) {
            return Err(Error::internal("not a SHA-256 in lower-case hex"));
        }
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

    /// Opens an original for reading. Errors: `not_found` when its bytes are not here.
    pub fn open(&self, key: &str) -> Result<File> {
        match File::open(self.path(key)) {
            Ok(file) => Ok(file),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Err(Error::not_found("content")),
            Err(error) => Err(error.into()),
        }
    }

    /// Removes an original after a lawful deletion; false when it was gone already.
    pub fn remove(&self, key: &str) -> Result<bool> {
        remove_file(&self.path(key))
    }

    /// Where the preview of an item in one size lies or would lie.
    pub fn preview_path(&self, id: impl Display, px: impl Display) -> PathBuf {
        self.inner.previews.join(format!("{id}.{px}.jpg"))
    }

    /// Stores a preview, whole or not at all; one that was there is replaced.
    pub fn put_preview(&self, id: impl Display, px: impl Display, bytes: impl AsRef<[u8]>) -> Result<()> {
        let to = self.preview_path(id, px);
        let n = self.inner.drafts.fetch_add(1, Ordering::Relaxed);
        let draft = self.inner.previews.join(format!("{DRAFT}{}-{n}", std::process::id()));
        let mut file = File::create(&draft)?;
        file.write_all(bytes.as_ref())?;
        file.sync_all()?;
        std::fs::rename(&draft, &to)?;
        sync_folder(&self.inner.previews)
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

    /// Opens a preview for reading. Errors: `not_found`.
    pub fn open_preview(&self, id: impl Display, px: impl Display) -> Result<File> {
        match File::open(self.preview_path(id, px)) {
            Ok(file) => Ok(file),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Err(Error::not_found("preview")),
            Err(error) => Err(error.into()),
        }
    }

    /// Removes a preview; false when there was none.
    pub fn remove_preview(&self, id: impl Display, px: impl Display) -> Result<bool> {
        remove_file(&self.preview_path(id, px))
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
    let (from, to) = (from.join("evidence"), to.join("evidence"));
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
fn sync_folder(folder: &Path) -> Result<()> {
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

fn is_key(text: &str) -> bool {
    text.len() == KEY_LEN && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::platform::keys::sha256_hex;
    use crate::words::error::Code;
    use std::io::Read as _;

    /// A folder that goes with its test.
    struct Scratch(PathBuf);

    impl Scratch {
        fn new(name: &str) -> Self {
            let folder = std::env::temp_dir().join(format!("suixing-blobs-{}-{name}", std::process::id()));
            let _ = std::fs::remove_dir_all(&folder);
            std::fs::create_dir_all(&folder).unwrap();
            Self(folder)
        }
    }

    impl Drop for Scratch {
        fn drop(&mut self) {
            let _ = std::fs::remove_dir_all(&self.0);
        }
    }

    #[test]
    fn a_staged_file_is_adopted_once_and_again() {
        let scratch = Scratch::new("adopt");
        let blobs = Blobs::new(&scratch.0).unwrap();
        let key = sha256_hex(b"bytes");
        for name in ["one", "two"] {
            let staged = blobs.staging().join(name);
            std::fs::write(&staged, b"bytes").unwrap();
            blobs.adopt(&staged, &key).unwrap();
            assert!(!staged.exists());
            // After a kill between the rename and the row it is asked for again.
            blobs.adopt(&staged, &key).unwrap();
        }
        let mut text = String::new();
        blobs.open(&key).unwrap().read_to_string(&mut text).unwrap();
        assert_eq!(text, "bytes");
        assert!(blobs.remove(&key).unwrap() && !blobs.remove(&key).unwrap());
        assert!(blobs.open(&key).unwrap_err().is(Code::NotFound));
    }

    #[test]
    fn what_is_no_key_names_no_file_outside() {
        let scratch = Scratch::new("keys");
        let blobs = Blobs::new(&scratch.0).unwrap();
        for bad in ["", "..", "../../master.key", "AB", &"A".repeat(64), &"é".repeat(32)] {
            assert!(!blobs.has(bad) && blobs.open(bad).is_err(), "{bad}");
            assert!(blobs.adopt(scratch.0.join("x"), bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_copy_has_what_is_kept_and_nothing_that_is_on_its_way() {
        let scratch = Scratch::new("copy");
        let (from, to) = (scratch.0.join("from"), scratch.0.join("to"));
        std::fs::create_dir_all(&from).unwrap();
        std::fs::create_dir_all(&to).unwrap();
        assert_eq!(copy_kept(&from, &to).unwrap(), Copied::default(), "an older folder has no evidence");
        let blobs = Blobs::new(&from).unwrap();
        let key = sha256_hex(b"bytes");
        std::fs::write(blobs.staging().join("one"), b"bytes").unwrap();
        blobs.adopt(blobs.staging().join("one"), &key).unwrap();
        blobs.put_preview("a", 320, b"preview").unwrap();
        std::fs::write(blobs.staging().join("two"), b"half").unwrap();
        std::fs::write(from.join("evidence/previews/.draft-1-0"), b"half").unwrap();
        assert_eq!(copy_kept(&from, &to).unwrap(), Copied { files: 2, bytes: 12 });
        let copy = Blobs::new(&to).unwrap();
        assert!(copy.has(&key) && copy.open_preview("a", 320).is_ok());
        assert_eq!(std::fs::read_dir(to.join("evidence/previews")).unwrap().count(), 1);
        assert_eq!(std::fs::read_dir(copy.staging()).unwrap().count(), 0);
        assert!(copy_kept(&from, &to).is_err(), "never over what is there");
    }

    #[test]
    fn a_preview_is_replaced_whole() {
        let scratch = Scratch::new("previews");
        let blobs = Blobs::new(&scratch.0).unwrap();
        blobs.put_preview("a", 320, b"first").unwrap();
        blobs.put_preview("a", 320, b"2nd").unwrap();
        assert_eq!(std::fs::read(blobs.preview_path("a", 320)).unwrap(), b"2nd");
        std::fs::write(scratch.0.join("evidence/previews/.draft-1-0"), b"left by a kill").unwrap();
        assert_eq!((blobs.sweep().unwrap(), blobs.sweep().unwrap()), (1, 0));
        assert!(blobs.open_preview("a", 320).is_ok());
        assert!(blobs.open_preview("a", 1600).unwrap_err().is(Code::NotFound));
    }
}
