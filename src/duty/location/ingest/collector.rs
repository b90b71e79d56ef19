//! The one thread that judges and writes fixes: takes what is queued, commits once, answers all.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::Duration;

use parking_lot::RwLock;

use super::{Call, Receipt};
use crate::duty::location::codec;
use crate::duty::location::fix::Fix;
use crate::duty::location::history::{History, Plan};
use crate::duty::location::judge::{DeviceState, Filed};
use crate::duty::location::live::{Live, Update};
use crate::duty::location::log::Key;
use crate::duty::location::store::{self, SegmentRow, TailRow};
use crate::platform::bugs::{self, Bug};
use crate::platform::db::{Db, Priority};
use crate::words::error::{Code, Error, Result};
use crate::words::ids::{DeviceId, PersonId, SegmentId};
use crate::words::time::{Clock, Timestamp};

/// Fixes of one flush; bounds the time a commit takes.
const FLUSH_FIXES: usize = 20_000;

/// With nothing arriving, segments that are due are sealed this often.
const IDLE: Duration = Duration::from_secs(5);

/// How often an outcome the database did not tell is asked for, 100 ms apart.
const OUTCOME_TRIES: u32 = 50;

pub(super) struct Collector {
    pub db: Db,
    pub live: Live,
    pub clock: Clock,
    pub history: Arc<RwLock<History>>,
    pub devices: HashMap<DeviceId, DeviceState>,
    pub waiting: Arc<AtomicUsize>,
}

/// What one flush decided, before it is committed.
struct Flush {
    plan: Plan,
    states: Vec<(DeviceId, DeviceState)>,
    updates: Vec<Update>,
    receipts: Vec<Receipt>,
}

/// The rows of a flush, shared with a recipe that may be repeated.
struct Rows {
    n: i64,
    log: Option<Vec<u8>>,
    logged: i64,
    segments: Vec<SegmentRow>,
    tails: Vec<TailRow>,
    trim_before: Option<i64>,
}

impl Collector {
    pub fn run(mut self, queue: &Receiver<Call>) {
        loop {
            let mut calls = Vec::new();
            match queue.recv_timeout(IDLE) {
                Ok(call) => calls.push(call),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return,
            }
            let mut fixes: usize = calls.iter().map(|call| call.fixes.len()).sum();
            while fixes < FLUSH_FIXES
                && let Ok(call) = queue.try_recv()
            {
                fixes += call.fixes.len();
                calls.push(call);
            }
            self.waiting.fetch_sub(fixes, Ordering::Relaxed);
            self.flush(calls);
        }
    }

    fn flush(&mut self, mut calls: Vec<Call>) {
        let now = self.clock.now();
        let decided = self.decide(&calls, now);
        if bugs::has(Bug::AckBeforeCommit) && !calls.is_empty() {
            calls.drain(..).for_each(|call| call.done(&Ok(Receipt::default())));
            std::thread::sleep(Duration::from_millis(100));
        }
        let outcome = decided.and_then(|flush| {
            if !flush.plan.is_empty() {
                self.commit(&flush, now)?;
            }
            Ok(flush)
        });
        match outcome {
            Ok(flush) => {
                self.history.write().apply(&flush.plan, now.as_micros() / 1000);
                self.devices.extend(flush.states);
                let stored: u32 = flush.receipts.iter().map(|receipt| receipt.stored).sum();
                metrics::counter!("suixing_fixes_stored_total").increment(u64::from(stored));
                metrics::counter!("suixing_fix_segments_sealed_total").increment(flush.plan.sealed.len() as u64);
                self.live.apply(flush.updates);
                for (call, receipt) in calls.into_iter().zip(flush.receipts) {
                    call.done(&Ok(receipt));
                }
            }
            Err(error) => {
                tracing::warn!(%error, calls = calls.len(), "fixes could not be written; their senders were told");
                let code = if error.is(Code::Internal) { Code::Busy } else { error.code() };
                for call in calls {
                    call.done(&Err(code));
                }
            }
        }
    }

    fn decide(&self, calls: &[Call], now: Timestamp) -> Result<Flush> {
        let mut receipts = vec![Receipt::default(); calls.len()];
        let mut by_device: HashMap<DeviceId, (usize, Vec<Filed>)> = HashMap::new();
        for (index, call) in calls.iter().enumerate() {
            if call.fixes.is_empty() {
                continue;
            }
            let (last, filed) = by_device.entry(call.bearer.device).or_default();
            *last = index;
            filed.extend(call.fixes.iter().map(|(author, fix)| Filed { author: *author, call: index, fix: *fix }));
        }
        let mut groups: BTreeMap<Key, Vec<Fix>> = BTreeMap::new();
        let (mut states, mut updates) = (Vec::new(), Vec::new());
        for (device, (last, mut filed)) in by_device {
            let mut state = self.devices.get(&device).cloned().unwrap_or_default();
            self.drop_duplicates(device, &state, &mut filed, &mut receipts)?;
            let before = state.marker;
            state.judge(&mut filed);
            for Filed { author, call, fix } in filed {
                groups.entry(Key { device, author }).or_default().push(fix);
                if let Some(receipt) = receipts.get_mut(call) {
                    receipt.count(fix.flags);
                }
            }
            if let Some(fix) = state.marker.filter(|_| state.marker != before)
                && let Some(call) = calls.get(last)
            {
                updates.push(Update {
                    device,
                    kind: Some(call.bearer.device_kind),
                    unit: Some(call.bearer.unit.clone()),
                    person: state.marker_author,
                    fix,
                });
            }
            states.push((device, state));
        }
        let plan = self.history.read().plan(groups, now.as_micros() / 1000);
        Ok(Flush { plan, states, updates, receipts })
    }

    /// Sorts by time and takes out what the device has delivered before, in this flush, in memory or in segments.
    fn drop_duplicates(
        &self,
        device: DeviceId,
        state: &DeviceState,
        filed: &mut Vec<Filed>,
        receipts: &mut [Receipt],
    ) -> Result<()> {
        filed.sort_by_key(|f| f.fix.at);
        let (Some(first), Some(last)) = (filed.first().map(|f| f.fix.at), filed.last().map(|f| f.fix.at)) else {
            return Ok(());
        };
        let known = if state.is_beyond(first) { HashSet::new() } else { self.known_times(device, first, last)? };
        let mut previous = None;
        filed.retain(|f| {
            let duplicate = previous == Some(f.fix.at) || known.contains(&f.fix.at);
            previous = Some(f.fix.at);
            if duplicate && let Some(receipt) = receipts.get_mut(f.call) {
                receipt.duplicates += 1;
            }
            !duplicate
        });
        Ok(())
    }

    fn known_times(&self, device: DeviceId, from: i64, to: i64) -> Result<HashSet<i64>> {
        let mut known: HashSet<i64> = self.history.read().times_of_device(device, from, to).into_iter().collect();
        let segments = self.db.read_blocking(|conn| store::segments_of_device(conn, &device, from, to))?;
        for body in segments {
            let fixes = codec::decode(&body).map_err(Error::internal)?;
            known.extend(fixes.iter().map(|fix| fix.at).filter(|at| (from..=to).contains(at)));
        }
        Ok(known)
    }

    /// Writes the plan in one transaction. An outcome that the database did not tell is looked up, so that a plan is
    /// neither lost nor written twice.
    fn commit(&self, flush: &Flush, now: Timestamp) -> Result<()> {
        let rows = Arc::new(self.rows(flush, now));
        let recipe_rows = Arc::clone(&rows);
        let outcome = self.db.write_blocking(Priority::Fix, move |tx| {
            let rows = &recipe_rows;
            store::segments_insert(tx.conn(), &rows.segments)?;
            if let Some(log) = &rows.log {
                store::log_insert(tx.conn(), rows.n, rows.logged, log, now)?;
            }
            store::tails_put(tx.conn(), &rows.tails)?;
            if let Some(bound) = rows.trim_before {
                store::log_trim(tx.conn(), bound)?;
            }
            Ok(())
        });
        let Err(error) = outcome else { return Ok(()) };
        for _ in 0..OUTCOME_TRIES {
            let segment = rows.segments.first().map(|row| row.id);
            match self.db.read_blocking(|conn| store::flush_exists(conn, rows.n, segment.as_ref())) {
                Ok(true) => return Ok(()),
                Ok(false) => break,
                Err(_unreachable) => std::thread::sleep(Duration::from_millis(100)),
            }
        }
        // Whatever became of it, its number is not used again.
        self.history.write().continue_after(rows.n);
        Err(error)
    }

    fn rows(&self, flush: &Flush, now: Timestamp) -> Rows {
        let plan = &flush.plan;
        let states: HashMap<DeviceId, &DeviceState> = flush.states.iter().map(|(d, s)| (*d, s)).collect();
        let segments = plan
            .sealed
            .iter()
            .map(|sealed| SegmentRow {
                id: SegmentId::new(),
                device_id: sealed.key.device,
                person_id: sealed.key.author,
                received_day: sealed.day,
                from_at: sealed.from_at,
                to_at: sealed.to_at,
                fixes: i64::from(sealed.fixes),
                body: sealed.body.clone(),
                sealed_at: now,
            })
            .collect();
        let keys: HashSet<Key> = plan.sealed.iter().map(|sealed| sealed.key).collect();
        let tails = keys
            .into_iter()
            .map(|key| {
                let state = states.get(&key.device).copied().or_else(|| self.devices.get(&key.device));
                let marker = state.filter(|s| s.marker_author == key.author).and_then(|s| s.marker);
                TailRow {
                    device_id: key.device,
                    author: author_text(key.author),
                    sealed_log: plan.n - 1,
                    newest_at: state.and_then(|s| s.newest_at).unwrap_or(0),
                    live: marker.map(|fix| codec::encode(&[fix])),
                    updated_at: now,
                }
            })
            .collect();
        Rows {
            n: plan.n,
            log: plan.log.clone(),
            logged: plan.logged_fixes(),
            segments,
            tails,
            trim_before: plan.trim_before,
        }
    }
}

/// The tail's author column: empty for nobody.
pub(super) fn author_text(author: Option<PersonId>) -> String {
    author.map(|person| person.to_string()).unwrap_or_default()
}
