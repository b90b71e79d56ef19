//! Open segments: the fixes of the last hour or 512, per device and author, held encoded in memory and served from it.
//!
//! Pure bookkeeping; the collector owns it through a lock and is the only writer. A flush goes in three steps:
//! [`History::plan`] decides what becomes a segment row and what goes into the log, the collector commits both in one
//! transaction, and [`History::apply`] takes the plan up in memory. A crash between commit and apply is healed by the
//! log. A log row may be trimmed once every open segment began after it; `sealed_log` tells a replay which rows of a key
//! are already in segments.

use std::collections::{BTreeMap, HashMap, HashSet, VecDeque};

use super::codec::SegmentWriter;
use super::fix::Fix;
use super::log::{self, Key};

/// Fixes at which an open segment is sealed.
pub const MAX_OPEN_FIXES: u32 = 512;

/// Fixes at which it is sealed even if many are: those who signed on together fill theirs together.
const MOST_OPEN_FIXES: u32 = 2 * MAX_OPEN_FIXES;

/// Longest an open segment stays open, milliseconds.
pub const MAX_OPEN_MS: i64 = 3_600_000;

/// Segments sealed in one flush, more only of those that can hold no more: keeps the flush short.
const MAX_SEALS_PER_FLUSH: usize = 64;

/// Milliseconds in a day.
pub const DAY_MS: i64 = 86_400_000;

/// A segment that is still being written.
#[derive(Debug, Clone)]
pub struct Open {
    writer: SegmentWriter,
    first_log: i64,
    opened_ms: i64,
    min_at: i64,
    max_at: i64,
}

impl Open {
    fn new(first_log: i64, opened_ms: i64) -> Self {
        Self { writer: SegmentWriter::default(), first_log, opened_ms, min_at: i64::MAX, max_at: i64::MIN }
    }

    fn push(&mut self, fix: &Fix) {
        self.writer.push(fix);
        self.min_at = self.min_at.min(fix.at);
        self.max_at = self.max_at.max(fix.at);
    }
}

/// A segment as it goes into its row.
#[derive(Debug, Clone)]
pub struct Sealed {
    /// Device and author.
    pub key: Key,
    /// Day of receipt, days since the epoch.
    pub day: i64,
    /// Oldest device time in it, µs.
    pub from_at: i64,
    /// Newest device time in it, µs.
    pub to_at: i64,
    /// Number of fixes.
    pub fixes: u32,
    /// The codec's bytes.
    pub body: Vec<u8>,
}

/// One flush, ready to be committed.
#[derive(Debug, Default)]
pub struct Plan {
    /// Number of the log row.
    pub n: i64,
    /// The log row's blob; `None` if everything went into segments.
    pub log: Option<Vec<u8>>,
    /// Segment rows to insert.
    pub sealed: Vec<Sealed>,
    /// Log rows below this number are no longer needed.
    pub trim_before: Option<i64>,
    logged: Vec<(Key, Vec<Fix>)>,
    replaced: Vec<Key>,
}

/// All open segments and the log's bookkeeping.
#[derive(Debug, Default)]
pub struct History {
    open: HashMap<Key, Open>,
    by_device: HashMap<super::DeviceId, HashSet<Key>>,
    log_rows: VecDeque<(i64, u64)>,
    log_fixes: u64,
    next_n: i64,
    max_log_fixes: u64,
}

impl History {
    /// Nothing open; the log is kept below `max_log_fixes` by sealing what began first.
    pub fn new(max_log_fixes: u64) -> Self {
        Self { max_log_fixes, next_n: 1, ..Self::default() }
    }

    /// Continues numbering after `n`.
    pub fn continue_after(&mut self, n: i64) {
        self.next_n = self.next_n.max(n + 1);
    }

    /// Number of fixes a restart would replay.
    pub fn log_fixes(&self) -> u64 {
        self.log_fixes
    }

    /// Plans a flush of these fixes (each group sorted by time) received at `now_ms`. An empty flush only seals.
    pub fn plan(&self, groups: BTreeMap<Key, Vec<Fix>>, now_ms: i64) -> Plan {
        let mut plan = Plan { n: self.next_n, ..Plan::default() };
        let due = self.due(now_ms);
        for key in due.iter().filter(|key| !groups.contains_key(key)) {
            if let Some(open) = self.open.get(key) {
                plan.seal(*key, open, now_ms);
                plan.replaced.push(*key);
            }
        }
        for (key, fixes) in groups {
            let most = if plan.sealed.len() < MAX_SEALS_PER_FLUSH { MAX_OPEN_FIXES } else { MOST_OPEN_FIXES };
            self.plan_group(&mut plan, key, fixes, if due.contains(&key) { 0 } else { most }, now_ms);
        }
        if !plan.logged.is_empty() {
            plan.log = Some(log::encode(plan.logged.iter().map(|(key, fixes)| (*key, fixes.as_slice()))));
        }
        if !plan.replaced.is_empty() {
            plan.trim_before = Some(self.trim_bound(&plan));
        }
        plan
    }

    /// Adds a group's fixes to its segment, which is sealed when that makes `most` or more.
    fn plan_group(&self, plan: &mut Plan, key: Key, fixes: Vec<Fix>, most: u32, now_ms: i64) {
        let open = self.open.get(&key);
        let have = open.map_or(0, |o| o.writer.count());
        if (have as usize).saturating_add(fixes.len()) < most as usize {
            plan.logged.push((key, fixes));
            return;
        }
        let mut filling = open.cloned().unwrap_or_else(|| Open::new(plan.n, now_ms));
        let mut rest = Vec::new();
        for fix in fixes {
            filling.push(&fix);
            rest.push(fix);
            if filling.writer.count() >= MAX_OPEN_FIXES {
                plan.seal(key, &filling, now_ms);
                filling = Open::new(plan.n, now_ms);
                rest.clear();
            }
        }
        plan.replaced.push(key);
        if most == 0 && filling.writer.count() > 0 {
            plan.seal(key, &filling, now_ms);
        } else if !rest.is_empty() {
            plan.logged.push((key, rest));
        }
    }

    /// Those open too long, or in the way of trimming a log that has grown too long; oldest first.
    fn due(&self, now_ms: i64) -> HashSet<Key> {
        let must_go = self.log_pressure();
        let mut due: Vec<(i64, Key)> = self
            .open
            .iter()
            .filter(|(_, o)| now_ms - o.opened_ms >= MAX_OPEN_MS || must_go.is_some_and(|n| o.first_log <= n))
            .map(|(key, o)| (o.first_log, *key))
            .collect();
        if due.len() > MAX_SEALS_PER_FLUSH {
            due.sort_unstable();
            due.truncate(MAX_SEALS_PER_FLUSH);
        }
        due.into_iter().map(|(_, key)| key).collect()
    }

    /// With the log too long: the last row of its older half.
    fn log_pressure(&self) -> Option<i64> {
        if self.log_fixes <= self.max_log_fixes {
            return None;
        }
        let mut seen = 0;
        self.log_rows.iter().find_map(|(n, fixes)| {
            seen += fixes;
            (seen * 2 >= self.log_fixes).then_some(*n)
        })
    }

    fn trim_bound(&self, plan: &Plan) -> i64 {
        let replaced: HashSet<&Key> = plan.replaced.iter().collect();
        let kept = self.open.iter().filter(|(key, _)| !replaced.contains(key)).map(|(_, o)| o.first_log);
        kept.min().unwrap_or(plan.n).min(plan.n)
    }

    /// Takes up a committed plan.
    pub fn apply(&mut self, plan: &Plan, now_ms: i64) {
        for key in &plan.replaced {
            self.open.remove(key);
            if let Some(keys) = self.by_device.get_mut(&key.device) {
                keys.remove(key);
            }
        }
        let mut count = 0;
        for (key, fixes) in &plan.logged {
            count += fixes.len() as u64;
            self.append(*key, fixes, plan.n, now_ms);
        }
        if plan.log.is_some() {
            self.logged_row(plan.n, count);
        }
        if let Some(bound) = plan.trim_before {
            while let Some((_, fixes)) = self.log_rows.front().copied().filter(|(n, _)| *n < bound) {
                self.log_rows.pop_front();
                self.log_fixes -= fixes;
            }
        }
        self.continue_after(plan.n);
    }

    /// Takes up a log row of an earlier life; `keep` says which of its groups are not in segments yet.
    pub fn replay(&mut self, n: i64, groups: &[(Key, Vec<Fix>)], keep: impl Fn(&Key) -> bool) {
        let total = groups.iter().map(|(_, fixes)| fixes.len() as u64).sum();
        for (key, fixes) in groups.iter().filter(|(key, _)| keep(key)) {
            let opened_ms = fixes.first().map_or(0, |fix| fix.received_ms);
            self.append(*key, fixes, n, opened_ms);
        }
        self.logged_row(n, total);
        self.continue_after(n);
    }

    fn append(&mut self, key: Key, fixes: &[Fix], n: i64, opened_ms: i64) {
        let open = self.open.entry(key).or_insert_with(|| Open::new(n, opened_ms));
        fixes.iter().for_each(|fix| open.push(fix));
        self.by_device.entry(key.device).or_default().insert(key);
    }

    fn logged_row(&mut self, n: i64, fixes: u64) {
        self.log_rows.push_back((n, fixes));
        self.log_fixes += fixes;
    }

    /// Device times between the bounds (inclusive, µs) that are open for the device.
    pub fn times_of_device(&self, device: super::DeviceId, from: i64, to: i64) -> Vec<i64> {
        self.overlapping(self.by_device.get(&device).into_iter().flatten(), from, to).map(|(_, fix)| fix.at).collect()
    }

    /// Fixes of the person between the bounds (inclusive, µs) that are not in segment rows yet.
    pub fn of_person(&self, person: super::PersonId, from: i64, to: i64) -> Vec<(super::DeviceId, Fix)> {
        let keys = self.open.keys().filter(|key| key.author == Some(person));
        self.overlapping(keys, from, to).map(|(key, fix)| (key.device, fix)).collect()
    }

    fn overlapping<'a>(
        &'a self,
        keys: impl Iterator<Item = &'a Key> + 'a,
        from: i64,
        to: i64,
    ) -> impl Iterator<Item = (Key, Fix)> + 'a {
        keys.filter_map(|key| self.open.get(key).map(|open| (*key, open)))
            .filter(move |(_, open)| open.min_at <= to && open.max_at >= from)
            .flat_map(|(key, open)| open.writer.read().into_iter().map(move |fix| (key, fix)))
            .filter(move |(_, fix)| (from..=to).contains(&fix.at))
    }
}

impl Plan {
    fn seal(&mut self, key: Key, open: &Open, now_ms: i64) {
        if open.writer.count() == 0 {
            return;
        }
        self.sealed.push(Sealed {
            key,
            day: now_ms.div_euclid(DAY_MS),
            from_at: open.min_at,
            to_at: open.max_at,
            fixes: open.writer.count(),
            body: open.writer.to_bytes(),
        });
    }

    /// Fixes in the log row.
    pub fn logged_fixes(&self) -> i64 {
        self.logged.iter().map(|(_, fixes)| i64::try_from(fixes.len()).unwrap_or(0)).sum()
    }

    /// Nothing to write.
    pub fn is_empty(&self) -> bool {
        self.log.is_none() && self.sealed.is_empty()
    }
}

#[cfg(test)]
#[path = "history_tests.rs"]
mod tests;
