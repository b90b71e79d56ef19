//! `suixing verify`: everything that can be shown offline, without trusting the server.
//!
//! ```text
//! bundle  one archive: file, receipt, every touch, paths, head      heads  heads that somebody kept elsewhere
//! log     a whole log: every entry, subtree and head                items  every item against its touches and receipts
//! files   every original against its hash                           dossier  many items and a timeline in one archive
//! ```
//!
//! Nothing is written and nothing stops at the first thing that does not fit: all of it is named.

mod bundle;
mod dossier;
mod files;
mod heads;
mod holds;
mod items;
mod log;

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use self::heads::Kept;
use super::keys::{CustodyKey, Ring, public_of};
use crate::duty::evidence::store::custody as store;
use crate::duty::evidence::store::custody::raw;
use crate::platform::blobs::Originals;
use crate::platform::db::conn::{self, Role};
use crate::platform::db::{Conn, Target};
use crate::platform::keys::{FileKeySource, Keys};
use crate::words::error::{Error, Result};

/// What does not fit is named up to this many times; beyond it only counted.
const NAMED_MAX: usize = 1_000;

/// What does not fit.
#[derive(Debug, Default)]
pub struct Findings {
    named: BTreeSet<String>,
    /// In the order in which they were found.
    list: Vec<String>,
    more: u64,
}

impl Findings {
    /// Notes one; the same words twice are one.
    pub fn add(&mut self, words: impl Into<String>) {
        let words = words.into();
        if self.named.len() >= NAMED_MAX {
            self.more += 1;
        } else if self.named.insert(words.clone()) {
            self.list.push(words);
        }
    }

    pub fn list(&self) -> &[String] {
        &self.list
    }

    /// How many there are that were not named any more.
    pub fn more(&self) -> u64 {
        self.more
    }
}

/// The outcome.
#[derive(Debug)]
pub struct Report {
    /// What was looked at, in one line.
    pub line: String,
    pub findings: Findings,
}

impl Report {
    pub fn fits(&self) -> bool {
        self.findings.list.is_empty()
    }

    /// All of it as lines of text: the one line when everything fits, otherwise a line for each thing that does not.
    pub fn text(&self) -> String {
        if self.fits() {
            return format!("{}\n", self.line);
        }
        let mut text = String::new();
        for words in &self.findings.list {
            // Writing to a String cannot fail.
            writeln!(text, "does not fit: {words}").ok();
        }
        if self.findings.more > 0 {
            writeln!(text, "does not fit: {} things more", self.findings.more).ok();
        }
        text
    }
}

/// Checks a bundle, a dossier or a data folder, and that it goes on from heads that were kept elsewhere.
///
/// Errors: what cannot be read at all. What can be read and is wrong stands in the report.
pub fn verify(path: &Path, database_url: Option<&str>, kept: Option<&Path>) -> Result<Report> {
    let kept = kept.map(Kept::read).transpose()?;
    if path.is_dir() {
        return data_dir(path, database_url, kept, &Originals::folder(path));
    }
    let mut findings = Findings::default();
    let line = if dossier::is_one(path)? {
        dossier::check(path, kept.as_ref(), &mut findings)?
    } else {
        bundle::check(path, kept.as_ref(), &mut findings)?
    };
    Ok(Report { line, findings })
}

/// [`verify()`] of a data folder whose originals lie elsewhere.
pub fn verify_store(
    folder: &Path,
    database_url: Option<&str>,
    kept: Option<&Path>,
    originals: &Originals,
) -> Result<Report> {
    data_dir(folder, database_url, kept.map(Kept::read).transpose()?, originals)
}

fn data_dir(folder: &Path, database_url: Option<&str>, kept: Option<Kept>, originals: &Originals) -> Result<Report> {
    let mut findings = Findings::default();
    originals.probe_blocking()?;
    let mut conn = match database_url {
        Some(url) => open(&Target::parse(url)?)?,
        None => open(&Target::Sqlite(folder.join("suixing.db")))?,
    };
    // Read up to where it is now: what is added later is of heads that this snapshot does not have.
    let anchored = heads::Lines::open(folder)?;
    raw::begin(&mut conn)?;
    for table in raw::TABLES {
        match raw::damage(&mut conn, table) {
            Ok(damage) => damage.into_iter().for_each(|words| findings.add(format!("table {table}: {words}"))),
            Err(error) => findings.add(format!("table {table} cannot be read: {error}")),
        }
    }
    let ring = ring(&mut conn, folder, &mut findings)?;
    let log = log::walk(&mut conn, &ring, anchored, kept, &mut findings)?;
    let items = items::check(&mut conn, &ring, &mut findings)?;
    let files = files::check(&mut conn, originals, &mut findings)?;
    let mut line = format!(
        "fits: {} items, {} originals of {} bytes in {:.1} s ({:.2} GB/s), {} touches ({} waiting for a number, \
         {} erased), {} tree heads{}; the root over {} is {}",
        items.items,
        files.files,
        files.bytes,
        files.seconds,
        files.gigabytes_a_second(),
        log.size + log.waiting,
        log.waiting,
        log.erased,
        log.heads,
        log.kept,
        log.size,
        log.root,
    );
    // What came and was not recorded before a kill, or is being recorded now.
    if files.strays > 0 {
        write!(line, "; {} originals in {} belong to no item", files.strays, originals.name()).ok();
    }
    Ok(Report { line, findings })
}

/// The signing keys of a store. Where the installation's secret lies beside them, also their private halves.
fn ring(conn: &mut Conn, folder: &Path, findings: &mut Findings) -> Result<Ring> {
    let master = folder.join("master.key");
    let secret = if master.is_file() { Some(Keys::open(&FileKeySource { path: &master })?) } else { None };
    let mut public = Vec::new();
    for (number, text) in store::keys_all(conn)?.iter().enumerate() {
        match public_of(text) {
            Ok(key) => public.push(key),
            Err(error) => findings.add(format!("signing key number {number} cannot be read: {error}")),
        }
        if let Some(Err(error)) = secret.as_ref().map(|secret| CustodyKey::open(text, secret)) {
            findings.add(format!("signing key number {number} does not open: {error}"));
        }
    }
    let (ring, wrong) = Ring::of(&public);
    wrong.into_iter().for_each(|words| findings.add(words));
    Ok(ring)
}

/// Opens a database for reading only. Without a journal beside it no server has it open: then it is taken as it lies,
/// also from a medium that cannot be written, and is not even given the files that go with it.
fn open(target: &Target) -> Result<Conn> {
    let Target::Sqlite(path) = target else { return conn::establish(target, Role::Reader) };
    if !path.is_file() {
        return Err(Error::bad(format!("{} is not there; for PostgreSQL name it by --database-url", path.display())));
    }
    let journal = ["wal", "journal"].iter().any(|end| PathBuf::from(format!("{}-{end}", path.display())).exists());
    let uri = format!("{}?mode=ro{}", uri_of(path)?, if journal { "" } else { "&immutable=1" });
    let mut conn = conn::establish(&Target::Sqlite(PathBuf::from(uri)), Role::Reader)?;
    // A database of an older version has no log; better said at once.
    store::log_size(&mut conn)?;
    Ok(conn)
}

/// A path as SQLite takes it in a URI.
fn uri_of(path: &Path) -> Result<String> {
    let path = path.to_str().ok_or_else(|| Error::bad("the database's path is not UTF-8"))?;
    let mut uri = "file:".to_owned();
    for c in path.chars() {
        match c {
            '%' => uri.push_str("%25"),
            '?' => uri.push_str("%3f"),
            '#' => uri.push_str("%23"),
            c => uri.push(c),
        }
    }
    Ok(uri)
}

#[cfg(test)]
mod bundle_tests;
#[cfg(test)]
mod fixture;
#[cfg(test)]
mod store_tests;
