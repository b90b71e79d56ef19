//! Every original against its hashes, on all cores.

use std::collections::HashSet;
use std::io::Read;
use std::sync::mpsc::{self, Receiver, SyncSender};
use std::time::Instant;

use aws_lc_rs::digest;
use parking_lot::Mutex;
use sm3::{Digest as _, Sm3};

use super::super::tree::{self, Hash};
use super::Findings;
use crate::duty::evidence::store::custody::raw;
use crate::platform::blobs::{self, Originals};
use crate::platform::db::Conn;
use crate::platform::disk::each_piece;
use crate::platform::keys::hex;
use crate::words::error::{Code, Error, Result};

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
    /// Originals that no item names.
    pub strays: u64,
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
pub fn check(conn: &mut Conn, originals: &Originals, findings: &mut Findings) -> Result<Hashed> {
    let begun = Instant::now();
    let threads = std::thread::available_parallelism().map_or(1, |n| n.get());
    let (sender, receiver) = mpsc::sync_channel(threads * 2);
    let receiver = Mutex::new(receiver);
    let done = Mutex::new(Hashed::default());
    let fed = std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| work(&receiver, originals, &done));
        }
        // The workers end when the sender is gone.
        feed(conn, sender)
    });
    let named = fed?;
    let mut hashed = done.into_inner();
    hashed.seconds = begun.elapsed().as_secs_f64();
    originals.each_key(&mut |key| {
        let known = tree::parse_hash(key).is_some_and(|hash| named.contains(&hash));
        hashed.strays += u64::from(!known);
    })?;
    hashed.wrong.sort();
    hashed.wrong.drain(..).for_each(|words| findings.add(words));
    Ok(hashed)
}

/// Hands out each content once, however many items have it. All that there are.
fn feed(conn: &mut Conn, sender: SyncSender<Job>) -> Result<HashSet<Hash>> {
    let mut named = HashSet::new();
    let hand_out = |job: Job| sender.send(job).map_err(|_gone| Error::internal("nobody reads the originals any more"));
    let mut job = Job { sha256: String::new(), items: Vec::new() };
    let mut last = (String::new(), String::new());
    loop {
        let rows = raw::files_after(conn, &last.0, &last.1, PAGE)?;
        let Some((sha256, item, ..)) = rows.last() else { break };
        last = (sha256.clone(), item.clone());
        for (sha256, item, size, sm3) in rows {
            if sha256 != job.sha256 {
                named.extend(tree::parse_hash(&sha256));
                let whole = std::mem::replace(&mut job, Job { sha256, items: Vec::new() });
                if !whole.items.is_empty() {
                    hand_out(whole)?;
                }
            }
            job.items.push((item, size, sm3));
        }
    }
    if !job.items.is_empty() {
        hand_out(job)?;
    }
    Ok(named)
}

fn work(jobs: &Mutex<Receiver<Job>>, originals: &Originals, done: &Mutex<Hashed>) {
    let mut piece = vec![0; PIECE];
    loop {
        let job = { jobs.lock().recv() };
        let Ok(job) = job else { return };
        let mut wrong = Vec::new();
        let bytes = check_file(originals, &job, &mut piece, &mut wrong);
        let mut done = done.lock();
        done.files += 1;
        done.bytes += bytes;
        done.wrong.append(&mut wrong);
    }
}

/// Reads one file; bytes read.
fn check_file(originals: &Originals, job: &Job, piece: &mut [u8], wrong: &mut Vec<String>) -> u64 {
    let each = |wrong: &mut Vec<String>, words: &str| {
        wrong.extend(job.items.iter().map(|(item, ..)| format!("evidence {item}: {words}")));
    };
    if tree::parse_hash(&job.sha256).is_none() {
        each(wrong, "its sha256 is no hash");
        return 0;
    }
    let place = originals.place(&job.sha256);
    let wants_sm3 = job.items.iter().any(|(_, _, sm3)| sm3.is_some());
    let (length, sha256, sm3) = match hashes_of(originals, &job.sha256, wants_sm3, piece) {
        Ok(found) => found,
        Err(error) if error.is(Code::NotFound) => {
            each(wrong, &format!("its original {place} is missing"));
            return 0;
        }
        Err(error) => {
            each(wrong, &format!("its original {place} cannot be read: {error}"));
            return 0;
        }
    };
    if sha256 != job.sha256 {
        each(wrong, &format!("its original {place} was changed: its SHA-256 is {sha256}"));
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

fn hashes_of(
    originals: &Originals,
    key: &str,
    wants_sm3: bool,
    piece: &mut [u8],
) -> Result<(u64, String, Option<String>)> {
    read_through(&mut originals.open(key)?, wants_sm3, piece).map_err(blobs::cause)
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
