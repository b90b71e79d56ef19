//! Who stores content and who removes it do not meet: the same bytes may be another item's, or about to be.
//!
//! Originals lie under the hash of their content. Whoever takes a file over holds its hash, together with others, until
//! the row of its item is committed; whoever removes a file holds it alone, and looks whether an item needs it. The data
//! folder belongs to one process, so a lock of this process is enough.

use std::sync::Arc;

use tokio::sync::{OwnedRwLockReadGuard, OwnedRwLockWriteGuard, RwLock};

/// Locks; content is told apart by its first byte, so that a removal keeps few others waiting.
const LOCKS: usize = 256;

/// The locks of one data folder.
pub struct Bytes(Vec<Arc<RwLock<()>>>);

impl Default for Bytes {
    fn default() -> Self {
        Self((0..LOCKS).map(|_| Arc::default()).collect())
    }
}

impl Bytes {
    fn of(&self, sha256: &str) -> Arc<RwLock<()>> {
        let first = sha256.get(..2).and_then(|digits| usize::from_str_radix(digits, 16).ok()).unwrap_or(0);
        self.0.get(first).cloned().unwrap_or_default()
    }

    /// For storing or reading: with others.
    pub async fn shared(&self, sha256: &str) -> OwnedRwLockReadGuard<()> {
        self.of(sha256).read_owned().await
    }

    /// For removing: alone.
    pub async fn alone(&self, sha256: &str) -> OwnedRwLockWriteGuard<()> {
        self.of(sha256).write_owned().await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_removal_waits_for_whoever_stores_the_same() {
        let bytes = Bytes::default();
        let (same, other) = ("ab".repeat(32), "cd".repeat(32));
        let first = bytes.shared(&same).await;
        let second = bytes.shared(&same).await;
        drop(bytes.alone(&other).await);
        assert!(bytes.of(&same).try_write_owned().is_err());
        drop((first, second));
        let _alone = bytes.alone(&same).await;
        assert!(bytes.of(&same).try_read_owned().is_err(), "nobody stores while it is removed");
    }
}
