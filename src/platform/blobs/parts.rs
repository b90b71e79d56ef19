//! What a bucket has of a staged file before it has the whole: a record beside the file, and whose turn it is.
//!
//! The record says under which name the object was begun and which parts are over there, a line each, so that after a
//! kill or a bucket that was away only the rest goes over. It is not synced: a line that a power loss took costs that
//! part once more. It must go before staged bytes that may be over there are changed.

use std::collections::HashMap;
use std::fmt::Write as _;
use std::fs::File;
use std::io::{self, ErrorKind, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use object_store::MultipartId;
use object_store::multipart::PartId;
use parking_lot::Mutex;

/// What records in the staging folder are called, before the name of their file.
const RECORD: &str = "parts-";

/// The staged files that are on their way.
#[derive(Default)]
pub struct Tracks {
    open: Mutex<HashMap<PathBuf, Arc<Track>>>,
}

/// The way of one staged file. Who moves something on it has the turn.
#[derive(Default)]
pub struct Track {
    pub turn: tokio::sync::Mutex<()>,
    /// Counts how often all tickets were called in.
    round: AtomicU64,
}

/// The right to send parts of a file ahead, until it is called in.
pub struct Ticket {
    pub track: Arc<Track>,
    round: u64,
}

impl Tracks {
    fn of(&self, staged: &Path) -> Arc<Track> {
        Arc::clone(self.open.lock().entry(staged.to_owned()).or_default())
    }

    pub fn ticket(&self, staged: &Path) -> Ticket {
        let track = self.of(staged);
        let round = track.round.load(Ordering::Acquire);
        Ticket { track, round }
    }

    /// Calls in all tickets there are: who has one and waits for his turn does nothing more.
    pub fn call_in(&self, staged: &Path) -> Arc<Track> {
        let track = self.of(staged);
        track.round.fetch_add(1, Ordering::AcqRel);
        track
    }

    /// Lets go of a track that nobody else has.
    pub fn leave(&self, staged: &Path, track: Arc<Track>) {
        let mut open = self.open.lock();
        // This one, and the one in the table.
        if Arc::strong_count(&track) <= 2 {
            open.remove(staged);
        }
    }
}

impl Ticket {
    /// Asked when one has the turn.
    pub fn is_good(&self) -> bool {
        self.track.round.load(Ordering::Acquire) == self.round
    }
}

/// An object that was begun.
pub struct Record {
    path: PathBuf,
    /// The object's name.
    pub key: String,
    /// Bytes of a part.
    pub part: u64,
    pub id: MultipartId,
    /// Those that are there, from the first on.
    pub parts: Vec<PartId>,
}

impl Record {
    /// The record beside a staged file; none that cannot be made sense of.
    pub fn read(staged: &Path) -> io::Result<Option<Self>> {
        let Some(path) = beside(staged) else { return Ok(None) };
        let text = match std::fs::read(&path) {
            Ok(bytes) => String::from_utf8_lossy(&bytes).into_owned(),
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error),
        };
        // The last line may be half a line.
        let whole = text.rsplit_once('\n').map_or("", |(whole, _)| whole);
        let mut lines = whole.split('\n');
        let Some((key, part, id)) = lines.next().and_then(head) else { return Ok(None) };
        let (key, id) = (key.to_owned(), id.to_owned());
        let parts = lines.zip(1_usize..).map_while(|(line, n)| {
            let (number, tag) = line.split_once(' ')?;
            (number == n.to_string()).then(|| PartId { content_id: tag.to_owned() })
        });
        let parts = parts.collect();
        Ok(Some(Self { path, key, part, id, parts }))
    }

    /// Begins one, in place of what is there.
    pub fn begin(staged: &Path, key: &str, part: u64, id: MultipartId) -> io::Result<Self> {
        let path = beside(staged).ok_or(ErrorKind::InvalidInput)?;
        let record = Self { path, key: key.to_owned(), part, id, parts: Vec::new() };
        record.write()?;
        Ok(record)
    }

    /// Notes the next part.
    pub fn note(&mut self, part: PartId) -> io::Result<()> {
        self.parts.push(part);
        self.write()
    }

    /// All of it, whole or not at all.
    fn write(&self) -> io::Result<()> {
        let draft = self.path.with_extension("draft");
        let mut text = format!("{} {} {}\n", self.key, self.part, self.id);
        for (n, part) in (1_usize..).zip(&self.parts) {
            // Writing to a String cannot fail.
            writeln!(text, "{n} {}", part.content_id).ok();
        }
        File::create(&draft)?.write_all(text.as_bytes())?;
        std::fs::rename(&draft, &self.path)
    }

    /// Whether it is about this object in parts of this size.
    pub fn is_of(&self, key: &str, part: u64) -> bool {
        self.key == key && self.part == part
    }

    /// Bytes of the file that are over there.
    pub fn sent(&self) -> u64 {
        self.part.saturating_mul(self.parts.len() as u64)
    }

    /// It is no longer so; gone is gone.
    pub fn remove(&self) -> io::Result<()> {
        match std::fs::remove_file(&self.path) {
            Err(error) if error.kind() != ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }
}

/// Name, bytes of a part, and the bucket's own name of what was begun.
fn head(line: &str) -> Option<(&str, u64, &str)> {
    let (key, rest) = line.split_once(' ')?;
    let (part, id) = rest.split_once(' ')?;
    Some((key, part.parse().ok().filter(|part| *part > 0)?, id))
}

fn beside(staged: &Path) -> Option<PathBuf> {
    let name = staged.file_name()?.to_str()?;
    Some(staged.with_file_name(format!("{RECORD}{name}")))
}

/// Removes records whose file is no longer there, and half-written ones; while nobody else writes here.
pub fn sweep(staging: &Path) -> io::Result<usize> {
    let mut swept = 0;
    for entry in std::fs::read_dir(staging)? {
        let path = entry?.path();
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        let Some(of) = name.strip_prefix(RECORD) else { continue };
        if !staging.join(of).exists() {
            std::fs::remove_file(&path)?;
            swept += 1;
        }
    }
    Ok(swept)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tags(record: &Record) -> Vec<&str> {
        record.parts.iter().map(|part| part.content_id.as_str()).collect()
    }

    #[test]
    fn a_record_is_read_as_far_as_it_was_written() {
        let folder = std::env::temp_dir().join(format!("suixing-parts-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let staged = folder.join("upload");
        assert!(Record::read(&staged).unwrap().is_none());
        let mut record = Record::begin(&staged, "a/b", 8, "id of theirs/==".to_owned()).unwrap();
        for tag in ["\"first\"", "\"second\"", "\"third\""] {
            record.note(PartId { content_id: tag.to_owned() }).unwrap();
        }
        let read = Record::read(&staged).unwrap().unwrap();
        assert_eq!((read.key.as_str(), read.part, read.id.as_str()), ("a/b", 8, "id of theirs/=="));
        assert_eq!((tags(&read), read.sent()), (vec!["\"first\"", "\"second\"", "\"third\""], 24));
        let path = folder.join("parts-upload");
        let text = std::fs::read_to_string(&path).unwrap();
        // Cut anywhere, it says less, never anything else.
        for end in 0..text.len() {
            std::fs::write(&path, &text[..end]).unwrap();
            if let Some(read) = Record::read(&staged).unwrap() {
                assert!(tags(&record).starts_with(&tags(&read)), "{end}");
                assert_eq!((read.key.as_str(), read.id.as_str()), ("a/b", "id of theirs/=="));
            }
        }
        std::fs::write(&path, b"\0\0\0\0\n\0\n").unwrap();
        assert!(Record::read(&staged).unwrap().is_none());
        File::create(&staged).unwrap();
        assert_eq!(sweep(&folder).unwrap(), 0);
        std::fs::remove_file(&staged).unwrap();
        assert_eq!((sweep(&folder).unwrap(), sweep(&folder).unwrap()), (1, 0));
        record.remove().unwrap();
        std::fs::remove_dir(&folder).unwrap();
    }

    #[test]
    fn a_ticket_is_good_until_it_is_called_in() {
        let (tracks, name) = (Tracks::default(), Path::new("a"));
        let early = tracks.ticket(name);
        assert!(early.is_good());
        let track = tracks.call_in(name);
        let late = tracks.ticket(name);
        assert!(!early.is_good() && late.is_good());
        assert!(Arc::ptr_eq(&early.track, &track) && Arc::ptr_eq(&late.track, &track), "one turn for all of them");
        tracks.leave(name, track);
        assert!(Arc::ptr_eq(&late.track, &tracks.of(name)), "somebody has it still");
        drop(early);
        let Ticket { track, .. } = late;
        tracks.leave(name, track);
        assert!(tracks.open.lock().is_empty());
    }
}
