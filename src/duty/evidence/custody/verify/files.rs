//! Every original against its hashes, on all cores.

use std::fs::File;
use std::io::{ErrorKind, Read};
use std::path::{Path, PathBuf};
use std::sync::mpsc::{self, Receiver, SyncSender};
use std::time::Instant;

use aws_lc_rs::digest;
use parking_lot::Mutex;
use sm3::{Digest as _, Sm3};

use super::super::tree;
use super::Findings;
use crate::duty::evidence::store::custody::raw;
use crate::platform::db::Conn;
use crate::platform::disk::each_piece;
use crate::platform::keys::hex;
use crate::words::error::{Error, Result};

/// Rows read at once.
const PAGE: i64 = 2_048;
/// Bytes read at once.
pub const PIECE: usize = 1024 * 1024;

/// What was read.
#[derive(Debug, Default)]
pub struct Hashed {
    pub files: u64,
    pub bytes: u64,
    pub seconds: f64,
    wrong: Vec<String>,
}

impl Hashed {
    pub fn gigabytes_a_second(&self) -> f64 {
        if self.seconds > 0.0 { self.bytes as f64 / 1e9 / self.seconds } else { 0.0 }
    }
}

/// One file and the items that are its content.
struct Job {
    sha256: String,
    /// Item, length, the second hash.
    items: Vec<(String, i64, Option<String>)>,
}

/// Reads all of them.
pub fn check(conn: &mut Conn, folder: &Path, findings: &mut Findings) -> Result<Hashed> {
    let begun = Instant::now();
    let threads = std::thread::available_parallelism().map_or(1, |n| n.get());
    let (sender, receiver) = mpsc::sync_channel(threads * 2);
    let receiver = Mutex::new(receiver);
    let done = Mutex::new(Hashed::default());
    let fed = std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| work(&receiver, folder, &done));
        }
        // The workers end when the sender is gone.
        feed(conn, sender)
    });
    fed?;
    let mut hashed = done.into_inner();
    hashed.seconds = begun.elapsed().as_secs_f64();
    hashed.wrong.sort();
    hashed.wrong.drain(..).for_each(|words| findings.add(words));
    Ok(hashed)
}

/// Hands out each content once, however many items have it.
fn feed(conn: &mut Conn, sender: SyncSender<Job>) -> Result<()> {
    let hand_out = |job: Job| sender.send(job).map_err(|_gone| Error::internal("nobody reads the originals any more"));
    let mut job = Job { sha256: String::new(), items: Vec::new() };
    let mut last = (String::new(), String::new());
    loop {
        let rows = raw::files_after(conn, &last.0, &last.1, PAGE)?;
        let Some((sha256, item, ..)) = rows.last() else { break };
        last = (sha256.clone(), item.clone());
        for (sha256, item, size, sm3) in rows {
            if sha256 != job.sha256 {
                let whole = std::mem::replace(&mut job, Job { sha256, items: Vec::new() });
                if !whole.items.is_empty() {
                    hand_out(whole)?;
                }
            }
            job.items.push((item, size, sm3));
        }
    }
    if job.items.is_empty() { Ok(()) } else { hand_out(job) }
}

fn work(jobs: &Mutex<Receiver<Job>>, folder: &Path, done: &Mutex<Hashed>) {
    let mut piece = vec![0; PIECE];
    loop {
        let job = { jobs.lock().recv() };
        let Ok(job) = job else { return };
        let mut wrong = Vec::new();
        let bytes = check_file(folder, &job, &mut piece, &mut wrong);
        let mut done = done.lock();
        done.files += 1;
        done.bytes += bytes;
        done.wrong.append(&mut wrong);
    }
}

/// Where the original of this hash lies, seen from the data folder.
fn place_of(sha256: &str) -> Option<PathBuf> {
    tree::parse_hash(sha256)?;
    Some(Path::new("evidence").join(sha256.get(..2)?).join(sha256))
}

/// Reads one file; bytes read.
fn check_file(folder: &Path, job: &Job, piece: &mut [u8], wrong: &mut Vec<String>) -> u64 {
    let each = |wrong: &mut Vec<String>, words: &str| {
        wrong.extend(job.items.iter().map(|(item, ..)| format!("evidence {item}: {words}")));
    };
    let Some(place) = place_of(&job.sha256) else {
        each(wrong, "its sha256 is no hash");
        return 0;
    };
    let wants_sm3 = job.items.iter().any(|(_, _, sm3)| sm3.is_some());
    let (length, sha256, sm3) = match hashes_of(&folder.join(&place), wants_sm3, piece) {
        Ok(found) => found,
        Err(error) if error.kind() == ErrorKind::NotFound => {
            each(wrong, &format!("its original {} is missing", place.display()));
            return 0;
        }
        Err(error) => {
            each(wrong, &format!("its original {} cannot be read: {error}", place.display()));
            return 0;
        }
    };
    if sha256 != job.sha256 {
        each(wrong, &format!("its original {} was changed: its SHA-256 is {sha256}", place.display()));
    }
    for (item, size, known) in &job.items {
        if u64::try_from(*size) != Ok(length) {
            wrong.push(format!("evidence {item}: its size is {size}, its original has {length} bytes"));
        }
        if known.is_some() && *known != sm3 && sha256 == job.sha256 {
            wrong.push(format!("evidence {item}: its sm3 is not that of its original"));
        }
    }
    length
}

fn hashes_of(path: &Path, wants_sm3: bool, piece: &mut [u8]) -> std::io::Result<(u64, String, Option<String>)> {
    read_through(&mut File::open(path)?, wants_sm3, piece)
}

/// Reads to the end: length, SHA-256, and SM3 if it is wanted.
pub fn read_through(
    input: &mut dyn Read,
    wants_sm3: bool,
    piece: &mut [u8],
) -> std::io::Result<(u64, String, Option<String>)> {
    let mut sha256 = digest::Context::new(&digest::SHA256);
    let mut sm3 = Sm3::new();
    let length = each_piece(input, piece, |bytes| {
        sha256.update(bytes);
        if wants_sm3 {
            sm3.update(bytes);
        }
    })?;
    Ok((length, hex(sha256.finish().as_ref()), wants_sm3.then(|| hex(&sm3.finalize()))))
}
