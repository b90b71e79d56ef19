//! A whole log: every entry against its leaf, every stored subtree and every head against the entries.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use super::super::anchor;
use super::super::entry::{Entry, SALT_LEN};
use super::super::head::TreeHead;
use super::super::keys::Ring;
use super::super::tree::{Edge, Hash};
use super::Findings;
use super::heads::{Kept, Line, Lines};
use super::holds::Holds;
use crate::duty::evidence::store::custody::raw::{self, RawEntry};
use crate::duty::evidence::store::custody::{self as store, HeadRow};
use crate::platform::db::Conn;
use crate::platform::keys::hex;
use crate::words::error::{Error, Result};

/// Entries read at once.
const PAGE: i64 = 4_096;
/// Heads read at once.
const HEADS: i64 = 1_024;

/// What was looked at.
#[derive(Debug)]
pub struct Walked {
    /// Entries with a number.
    pub size: u64,
    /// Hex.
    pub root: String,
    pub waiting: u64,
    pub erased: u64,
    pub heads: u64,
    /// In words: which kept heads it goes on from.
    pub kept: String,
}

/// Goes over all of it once.
pub fn walk(conn: &mut Conn, ring: &Ring, lines: Lines, kept: Option<Kept>, findings: &mut Findings) -> Result<Walked> {
    let size = u64::try_from(store::log_size(conn)?).map_err(Error::internal)?;
    let mut walk = Walk::new(conn, findings);
    let mut stored = Stored::default();
    let mut anchored = Anchored::new(lines);
    let kept = kept.unwrap_or_default();
    let mut elsewhere = kept.heads.iter().peekable();
    loop {
        let row = stored.peek(walk.conn)?.map(TreeHead::from);
        let line = anchored.peek(walk.findings)?;
        let sizes = [row.as_ref(), line.as_ref().map(|(_, head)| head), elsewhere.peek().copied()];
        let Some(at) = sizes.into_iter().flatten().map(|head| head.size).min() else { break };
        let root = walk.root_at(at)?;
        let later = line.is_some();
        let row = row.filter(|head| head.size == at);
        let line = line.filter(|(_, head)| head.size == at);
        let check = Check { ring, at, size, root };
        if let Some(head) = &row {
            check.head(head, "custody_head", walk.findings);
            stored.drop_first();
        }
        check.anchored(row.as_ref(), line.as_ref(), later, walk.findings)?;
        if line.is_some() {
            anchored.drop_first();
        }
        while let Some(head) = elsewhere.next_if(|head| head.size == at) {
            check.head(head, &kept.name, walk.findings);
        }
    }
    if stored.count > 0 && !anchored.lines.is_there() {
        walk.findings.add(format!("{} is not there", anchor::FILE));
    }
    walk.finish()?;
    let waiting = walk.waiting()?;
    walk.holds.check(walk.conn, walk.findings)?;
    let latest = kept.heads.last().map(|head| {
        format!("; it goes on from {} tree heads in {}, the latest over {}", kept.heads.len(), kept.name, head.size)
    });
    Ok(Walked {
        size,
        root: hex(&walk.edge.root()),
        waiting,
        erased: walk.erased,
        heads: stored.count,
        kept: latest.unwrap_or_default(),
    })
}

/// What a head over `at` entries is held against.
struct Check<'a> {
    ring: &'a Ring,
    at: u64,
    /// Entries there are.
    size: u64,
    /// The root over the first `at` of them; none where it cannot be known.
    root: Option<Hash>,
}

impl Check<'_> {
    fn head(&self, head: &TreeHead, place: &str, findings: &mut Findings) {
        let (at, size) = (self.at, self.size);
        match head.check(self.ring) {
            Err(words) => findings.add(format!("{place}: {words}")),
            Ok(_) if at > size => findings.add(format!(
                "{place}: the tree head over {at} is over more than the {size} entries there are: the log was cut"
            )),
            Ok(signed) if self.root.is_some_and(|root| root != signed) => findings
                .add(format!("{place}: the tree head over {at} is not the root of the first {at} entries there are")),
            Ok(_) => {}
        }
    }

    /// The anchoring file has the stored heads to the letter, without a gap. `later`: it goes on to here or beyond.
    fn anchored(
        &self,
        row: Option<&TreeHead>,
        line: Option<&(Line, TreeHead)>,
        later: bool,
        findings: &mut Findings,
    ) -> Result<()> {
        let at = self.at;
        match (row, line) {
            (Some(row), Some((line, head))) if row.line()? != line.text => {
                findings.add(format!(
                    "{}: line {} is not the tree head over {at} that custody_head has",
                    anchor::FILE,
                    line.number
                ));
                self.head(head, anchor::FILE, findings);
            }
            (None, Some((line, head))) => {
                findings.add(format!(
                    "custody_head: the tree head over {at} is missing; line {} of {} has it",
                    line.number,
                    anchor::FILE
                ));
                self.head(head, anchor::FILE, findings);
            }
            (Some(_), None) if later => {
                findings.add(format!("{}: the line of the tree head over {at} is missing", anchor::FILE));
            }
            _ => {}
        }
        Ok(())
    }
}

/// The heads of the table, one after the other.
#[derive(Default)]
struct Stored {
    page: VecDeque<HeadRow>,
    /// Size of the last one read; none before the first.
    last: Option<i64>,
    done: bool,
    count: u64,
}

impl Stored {
    fn peek(&mut self, conn: &mut Conn) -> Result<Option<&HeadRow>> {
        if self.page.is_empty() && !self.done {
            let rows = store::heads_after(conn, self.last.unwrap_or(i64::MIN), HEADS)?;
            self.done = rows.is_empty();
            self.last = rows.last().map(|row| row.size);
            self.page = rows.into();
        }
        Ok(self.page.front())
    }

    fn drop_first(&mut self) {
        self.page.pop_front();
        self.count += 1;
    }
}

/// The lines of the anchoring file that hold heads, one after the other.
struct Anchored {
    lines: Lines,
    next: Option<(Line, TreeHead)>,
    last: u64,
}

impl Anchored {
    fn new(lines: Lines) -> Self {
        Self { lines, next: None, last: 0 }
    }

    /// The next one; names lines that hold none.
    fn peek(&mut self, findings: &mut Findings) -> Result<Option<(Line, TreeHead)>> {
        while self.next.is_none() {
            let Some(line) = self.lines.line()? else { break };
            match &line.head {
                Err(words) => findings.add(format!("{}: line {} {words}", anchor::FILE, line.number)),
                Ok(head) if head.size <= self.last => {
                    findings.add(format!("{}: line {} goes back to {}", anchor::FILE, line.number, head.size));
                }
                Ok(head) => {
                    self.last = head.size;
                    self.next = Some((line.clone(), head.clone()));
                }
            }
        }
        Ok(self.next.clone())
    }

    fn drop_first(&mut self) {
        self.next = None;
    }
}

/// The entries, one after the other.
struct Walk<'a> {
    conn: &'a mut Conn,
    findings: &'a mut Findings,
    edge: Edge,
    page: VecDeque<RawEntry>,
    /// The last number read.
    after: i64,
    /// Subtrees filled since they were last compared: level, number, hash.
    filled: Vec<(u32, u64, Hash)>,
    /// Subtrees filled in all.
    nodes: i64,
    /// A number is missing: roots and subtrees from there on cannot be known.
    broken: bool,
    erased: u64,
    holds: Holds,
}

impl<'a> Walk<'a> {
    fn new(conn: &'a mut Conn, findings: &'a mut Findings) -> Self {
        Self {
            conn,
            findings,
            edge: Edge::default(),
            page: VecDeque::new(),
            after: i64::MIN,
            filled: Vec::new(),
            nodes: 0,
            broken: false,
            erased: 0,
            holds: Holds::default(),
        }
    }

    /// Goes on to the first `at` entries; their root, if it can be known.
    fn root_at(&mut self, at: u64) -> Result<Option<Hash>> {
        while !self.broken && self.edge.size() < at {
            let Some(row) = self.next()? else { break };
            self.take(&row)?;
        }
        Ok((self.edge.size() == at).then(|| self.edge.root()))
    }

    /// Goes to the end.
    fn finish(&mut self) -> Result<()> {
        while let Some(row) = self.next()? {
            self.take(&row)?;
        }
        self.compare()?;
        let rows = raw::nodes_count(self.conn)?;
        if !self.broken && rows != self.nodes {
            let nodes = self.nodes;
            self.findings.add(format!("custody_node has {rows} rows; the entries fill {nodes} subtrees"));
        }
        Ok(())
    }

    fn next(&mut self) -> Result<Option<RawEntry>> {
        if self.page.is_empty() {
            self.compare()?;
            let rows = self.read()?;
            if let Some(n) = rows.last().and_then(|row| row.n) {
                self.after = n;
            }
            self.items_are_there(&rows)?;
            self.page = rows.into();
        }
        Ok(self.page.pop_front())
    }

    /// The next page. One row that cannot be read must not hide the others before it.
    fn read(&mut self) -> Result<Vec<RawEntry>> {
        if let Ok(rows) = raw::entries_after(self.conn, self.after, PAGE) {
            return Ok(rows);
        }
        raw::entries_after(self.conn, self.after, 1).or_else(|error| {
            let after = self.edge.size();
            self.findings.add(format!("custody_entry: what follows the first {after} entries cannot be read: {error}"));
            self.broken = true;
            Ok(Vec::new())
        })
    }

    fn take(&mut self, row: &RawEntry) -> Result<()> {
        self.check(row)?;
        if self.broken {
            return Ok(());
        }
        let due = self.edge.size();
        if row.n.and_then(|n| u64::try_from(n).ok()) != Some(due) {
            let n = row.n.unwrap_or_default();
            self.findings.add(format!("custody_entry: entry number {due} is missing; the next one there is is {n}"));
            self.broken = true;
            return Ok(());
        }
        let Ok(leaf) = Hash::try_from(row.leaf.as_slice()) else {
            self.findings.add(format!("custody_entry {} (number {due}): its leaf is no hash", row.id));
            self.broken = true;
            return Ok(());
        };
        let filled = &mut self.filled;
        self.edge.push(leaf, |level, n, hash| filled.push((level, n, hash)));
        Ok(())
    }

    /// One entry by itself: what it says must be what its leaf stands for.
    fn check(&mut self, row: &RawEntry) -> Result<()> {
        let number = row.n.map_or_else(|| "waiting".to_owned(), |n| format!("number {n}"));
        let name = format!("custody_entry {} ({number})", row.id);
        match (&row.detail, &row.salt) {
            (Some(detail), Some(salt)) => {
                let entry = Entry {
                    id: &row.id,
                    evidence_id: row.evidence_id.as_deref(),
                    kind: &row.kind,
                    actor_id: row.actor_id.as_deref(),
                    device_id: row.device_id.as_deref(),
                    at: row.at,
                    detail,
                };
                if salt.len() != SALT_LEN || entry.leaf(salt).as_slice() != row.leaf.as_slice() {
                    self.findings.add(format!("{name}: what it says is not what its leaf stands for"));
                }
                self.holds.note(row, detail);
            }
            (None, None) => {
                self.erased += 1;
                let lawful = match &row.evidence_id {
                    Some(item) => raw::is_deleted_after(self.conn, item, row.n)?,
                    None => false,
                };
                if !lawful {
                    let item = row.evidence_id.as_deref().unwrap_or("its item");
                    self.findings.add(format!("{name} was erased, and no later entry says that {item} was deleted"));
                }
            }
            _ => self.findings.add(format!("{name} is half erased")),
        }
        Ok(())
    }

    /// Whatever was touched has a row, deleted or not.
    fn items_are_there(&mut self, rows: &[RawEntry]) -> Result<()> {
        let named: BTreeSet<&String> = rows.iter().filter_map(|row| row.evidence_id.as_ref()).collect();
        let named: Vec<String> = named.into_iter().cloned().collect();
        let known: BTreeSet<String> = raw::evidence_known(self.conn, &named)?.into_iter().collect();
        for item in named.iter().filter(|item| !known.contains(*item)) {
            self.findings.add(format!("evidence {item} is in the log and has no row"));
        }
        Ok(())
    }

    /// The subtrees filled since the last time against those stored.
    fn compare(&mut self) -> Result<()> {
        let mut levels: BTreeMap<u32, Vec<(u64, Hash)>> = BTreeMap::new();
        for (level, n, hash) in self.filled.drain(..) {
            self.nodes += 1;
            levels.entry(level).or_default().push((n, hash));
        }
        for (level, filled) in levels {
            let number = |n: u64| i64::try_from(n).map_err(Error::internal);
            let (Some((first, _)), Some((last, _))) = (filled.first(), filled.last()) else { continue };
            let row = i32::try_from(level).map_err(Error::internal)?;
            let stored = raw::nodes_between(self.conn, row, number(*first)?, number(*last)?)?;
            let stored: BTreeMap<i64, Vec<u8>> = stored.into_iter().map(|node| (node.n, node.hash)).collect();
            for (n, hash) in filled {
                let words = match stored.get(&number(n)?) {
                    Some(known) if known.as_slice() == hash.as_slice() => continue,
                    Some(_) => "is not the hash over",
                    None => "is missing; it is over",
                };
                let (from, to) = (n << level, ((n + 1) << level) - 1);
                self.findings.add(format!("custody_node ({level}, {n}) {words} entries {from} to {to}"));
            }
        }
        Ok(())
    }

    /// Entries that wait for a number. Returns how many.
    fn waiting(&mut self) -> Result<u64> {
        let (mut count, mut after) = (0, String::new());
        loop {
            let rows = raw::entries_unnumbered(self.conn, &after, PAGE)?;
            let Some(last) = rows.last() else { return Ok(count) };
            after.clone_from(&last.id);
            self.items_are_there(&rows)?;
            for row in &rows {
                self.check(row)?;
                count += 1;
            }
        }
    }
}
