//! Open looks: those in the log and not in segments yet, by the person shown. Pure bookkeeping.
//!
//! Looks are committed to the log and then taken up here, in that order and by one thread. A round of sealing sets
//! everything aside that is open at its beginning, with the numbers of the rows it is in; chunk by chunk these people's
//! looks are committed as segments, and the commit of the last chunk deletes the rows. What is looked for meanwhile is
//! still found here until its segment is there. A process that dies in a round has the rows still: whoever was sealed
//! already is sealed again, and a look that is thereby found twice is told once, by its id (see [`super::read`]).

use std::cmp::Reverse;
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use uuid::Uuid;

use super::bytes;
use crate::duty::location::access::Look;
use crate::duty::location::store::{AccessRow, LookSegmentRow};
use crate::words::error::{Error, Result};
use crate::words::ids::{PersonId, SegmentId};
use crate::words::time::Timestamp;

/// Open looks at which a round does not wait for its time: some 10 MB here, and 1 MB for a restart to read.
const MOST_OPEN: usize = 20_000;

/// Whose a look is that showed nobody: who asked is known all the same.
pub(super) fn nobody() -> PersonId {
    PersonId::from(Uuid::nil())
}

/// All open looks.
#[derive(Debug, Default)]
pub(super) struct Book {
    fresh: HashMap<PersonId, Vec<Arc<Look>>>,
    fresh_rows: Vec<i64>,
    fresh_looks: usize,
    /// When the first of the fresh came.
    since: Option<Timestamp>,
    leaving: BTreeMap<PersonId, Vec<Arc<Look>>>,
    leaving_rows: Vec<i64>,
}

/// What one commit of a round seals.
#[derive(Debug)]
pub(super) struct Chunk {
    people: Vec<(PersonId, Vec<Arc<Look>>)>,
    /// Rows of the log that are needed no longer: all of the round's with its last chunk.
    pub log_rows: Vec<i64>,
}

impl Book {
    /// The book of what a process before left in the log (number and blob, in order), and the next number.
    pub fn restored(log: Vec<(i64, Vec<u8>)>, now: Timestamp) -> Result<(Self, i64)> {
        let (mut book, mut next) = (Self::default(), 1);
        for (n, body) in log {
            let looks = bytes::decode(&body).map_err(Error::internal)?;
            let looks: Vec<Arc<Look>> = looks.into_iter().map(Arc::new).collect();
            book.take_up(n, &looks, now);
            next = n + 1;
        }
        Ok((book, next))
    }

    /// Takes up the looks of a row of the log that is committed.
    pub fn take_up(&mut self, row: i64, looks: &[Arc<Look>], now: Timestamp) {
        for look in looks {
            let mut shown = false;
            // Nobody is told of his own look.
            for person in look.people.iter().filter(|person| **person != look.row.viewer_id) {
                self.fresh.entry(*person).or_default().push(Arc::clone(look));
                shown = true;
            }
            if !shown {
                self.fresh.entry(nobody()).or_default().push(Arc::clone(look));
            }
        }
        self.fresh_rows.push(row);
        self.fresh_looks += looks.len();
        self.since.get_or_insert(now);
    }

    /// Looks that no round has set aside yet.
    pub fn waiting(&self) -> usize {
        self.fresh_looks
    }

    /// More came than one round should have.
    pub fn is_crowded(&self) -> bool {
        self.fresh_looks >= MOST_OPEN
    }

    /// Begins a round if one is due; true while there is one. `every_s`: seconds a look waits for it.
    pub fn begin(&mut self, now: Timestamp, every_s: i64) -> bool {
        if !self.leaving.is_empty() {
            return true;
        }
        let waited = |since: Timestamp| now.millis_since(since) >= every_s.saturating_mul(1_000);
        let due = self.is_crowded() || self.since.is_some_and(waited);
        if !due {
            return false;
        }
        self.leaving = std::mem::take(&mut self.fresh).into_iter().collect();
        self.leaving_rows = std::mem::take(&mut self.fresh_rows);
        (self.fresh_looks, self.since) = (0, None);
        !self.leaving.is_empty()
    }

    /// The next of the round: so many people at most.
    pub fn next(&self, people: usize) -> Option<Chunk> {
        if self.leaving.is_empty() {
            return None;
        }
        let last = self.leaving.len() <= people;
        Some(Chunk {
            people: self.leaving.iter().take(people).map(|(person, looks)| (*person, looks.clone())).collect(),
            log_rows: if last { self.leaving_rows.clone() } else { Vec::new() },
        })
    }

    /// A chunk is committed.
    pub fn done(&mut self, chunk: &Chunk) {
        for (person, _) in &chunk.people {
            self.leaving.remove(person);
        }
        if self.leaving.is_empty() {
            self.leaving_rows.clear();
        }
    }

    /// Open looks at a person between the bounds, latest first and each once.
    pub fn of_person(&self, person: &PersonId, from: Timestamp, to: Timestamp, most: usize) -> Vec<AccessRow> {
        let open = [self.fresh.get(person), self.leaving.get(person)].into_iter().flatten().flatten();
        let mut open: Vec<&AccessRow> =
            open.map(|look| &look.row).filter(|row| (from..=to).contains(&row.from_at)).collect();
        open.sort_by_key(|row| (Reverse(row.from_at), row.id));
        open.dedup_by_key(|row| row.id);
        open.into_iter().take(most).cloned().collect()
    }

    /// Numbers of the rows that hold what is open.
    #[cfg(test)]
    pub fn rows(&self) -> Vec<i64> {
        self.leaving_rows.iter().chain(&self.fresh_rows).copied().collect()
    }
}

impl Chunk {
    /// One segment for each person.
    pub fn segments(&self) -> Vec<LookSegmentRow> {
        let of_one = |(person, looks): &(PersonId, Vec<Arc<Look>>)| {
            let times = || looks.iter().map(|look| look.row.from_at);
            Some(LookSegmentRow {
                id: SegmentId::new(),
                person_id: *person,
                from_at: times().min()?,
                to_at: times().max()?,
                looks: i64::try_from(looks.len()).unwrap_or(i64::MAX),
                body: bytes::segment(looks),
            })
        };
        self.people.iter().filter_map(of_one).collect()
    }
}
