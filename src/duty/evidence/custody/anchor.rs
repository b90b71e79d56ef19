//! The anchoring file: every signed head, one line each, for an operator to copy elsewhere.
//!
//! Whoever holds an old copy can show that the log of today begins with the log of then, also against the operator of
//! this server. Each node keeps a whole file of its own; what is missing after a kill is added from the table.

use std::fs::{File, OpenOptions};
use std::io::{Read as _, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};

use super::head::TreeHead;
use super::proof;
use crate::duty::evidence::store::custody as store;
use crate::platform::ctx::Core;
use crate::platform::disk::blocking;
use crate::words::error::{Error, Result};

/// Its name in the data folder.
pub const FILE: &str = "custody-heads.log";

/// Heads added in one go.
const BATCH: i64 = 1_000;
/// Bytes from the end in which the last line is looked for; a line has about 300.
const TAIL: u64 = 8_192;

/// The file and how far it goes.
pub struct Anchor {
    path: PathBuf,
    /// Size of the last head in the file; none before it was looked at.
    last: Option<i64>,
}

impl Anchor {
    pub fn new(data_dir: &Path) -> Self {
        Self { path: data_dir.join(FILE), last: None }
    }

    /// Adds the heads that are not in the file yet.
    pub async fn catch_up(&mut self, core: &Core) -> Result<()> {
        let mut last = match self.last {
            Some(last) => last,
            None => self.begin(core).await?,
        };
        loop {
            let rows = core.db.read(move |conn| store::heads_after(conn, last, BATCH)).await?;
            let Some(newest) = rows.last().map(|row| row.size) else { break };
            let mut lines = String::new();
            for row in &rows {
                lines.push_str(&TreeHead::from(row).line()?);
                lines.push('\n');
            }
            let path = self.path.clone();
            blocking(move || append(&path, lines.as_bytes())).await??;
            last = newest;
            self.last = Some(last);
        }
        self.last = Some(last);
        Ok(())
    }

    /// Mends the end of the file and finds where it stands. A log that does not go on from there is not the one that
    /// was anchored: an older copy was put back, or somebody changed it.
    async fn begin(&self, core: &Core) -> Result<i64> {
        let path = self.path.clone();
        let head = blocking(move || mend(&path)).await??;
        let Some(head) = head else { return Ok(0) };
        let (size, root) = (head.size, head.root());
        let same =
            core.db.read(move |conn| Ok(size <= proof::size(conn)? && Some(proof::root(conn, size)?) == root)).await?;
        if !same {
            tracing::error!(size, "the custody log is not the one that {FILE} ends with; run `suixing verify`");
        }
        i64::try_from(size).map_err(Error::internal)
    }
}

/// Appends and syncs.
fn append(path: &Path, lines: &[u8]) -> Result<()> {
    let fresh = !path.exists();
    let mut file = OpenOptions::new().create(true).append(true).open(path)?;
    file.write_all(lines)?;
    file.sync_data()?;
    if fresh && let Some(folder) = path.parent() {
        File::open(folder)?.sync_all()?;
    }
    Ok(())
}

/// Takes away half a line that a power loss left, and reads the last whole one.
fn mend(path: &Path) -> Result<Option<TreeHead>> {
    let mut file = match OpenOptions::new().read(true).write(true).open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error.into()),
    };
    let length = file.metadata()?.len();
    let from = length.saturating_sub(TAIL);
    file.seek(SeekFrom::Start(from))?;
    let mut tail = Vec::new();
    file.read_to_end(&mut tail)?;
    let Some(end) = tail.iter().rposition(|byte| *byte == b'\n') else {
        if from > 0 {
            return Err(Error::internal(format!("{FILE} does not end in a line of ours")));
        }
        file.set_len(0)?;
        return Ok(None);
    };
    if end + 1 < tail.len() {
        file.set_len(from + end as u64 + 1)?;
        file.sync_all()?;
    }
    let whole = tail.get(..end).unwrap_or_default();
    let line = whole.rsplit(|byte| *byte == b'\n').next().unwrap_or_default();
    serde_json::from_slice(line).map(Some).map_err(|error| Error::internal(format!("{FILE}: its last line: {error}")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::duty::evidence::custody::keys::CustodyKey;
    use crate::duty::evidence::custody::tree;
    use crate::words::time::Timestamp;

    #[test]
    fn half_a_line_goes_and_the_last_whole_one_counts() {
        let path = std::env::temp_dir().join(format!("suixing-anchor-{}", uuid::Uuid::now_v7()));
        assert_eq!(mend(&path).unwrap(), None);
        let key = CustodyKey::make(None, Timestamp::EPOCH).unwrap();
        let heads: Vec<_> = (1..60).map(|n| TreeHead::sign(&key, n, &tree::empty(), Timestamp::EPOCH)).collect();
        for head in &heads {
            append(&path, format!("{}\n", head.line().unwrap()).as_bytes()).unwrap();
        }
        let whole = std::fs::metadata(&path).unwrap().len();
        append(&path, &heads[0].line().unwrap().as_bytes()[..50]).unwrap();
        assert_eq!(mend(&path).unwrap().as_ref(), heads.last());
        assert_eq!(std::fs::metadata(&path).unwrap().len(), whole);
        std::fs::write(&path, "{\"size\":").unwrap();
        assert_eq!(mend(&path).unwrap(), None);
        std::fs::write(&path, "no head\n").unwrap();
        assert!(mend(&path).is_err());
        std::fs::remove_file(&path).unwrap();
    }
}
