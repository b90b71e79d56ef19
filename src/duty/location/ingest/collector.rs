//! The one thread that judges and writes fixes: takes what is queued, commits once, answers all.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::{Duration, Instant};

use parking_lot::RwLock;

use super::flush::{self, Brought, Flush, Moved};
use super::{Call, Receipt};
use crate::duty::location::history::History;
use crate::duty::location::judge::DeviceState;
use crate::duty::location::live::{Live, Update};
use crate::duty::location::store;
use crate::platform::bugs::{self, Bug};
use crate::platform::db::{Db, Priority};
use crate::words::error::{Code, Result};
use crate::words::ids::DeviceId;
use crate::words::time::{Clock, Timestamp};

/// Fixes of one flush; bounds the time a commit takes.
const FLUSH_FIXES: usize = 20_000;

/// Flushes begin at least this far apart. A commit costs about the same for one fix as for a hundred, so single fixes
/// that arrive by the thousand are written some at a time; the first one after a pause is written at once. A tenth of
/// what the acknowledgement of a fix may take.
const PACE: Duration = Duration::from_millis(5);

/// With nothing arriving, segments that are due are sealed this often.
const IDLE: Duration = Duration::from_secs(5);

pub(super) struct Collector {
    pub db: Db,
    pub live: Live,
    pub clock: Clock,
    pub history: Arc<RwLock<History>>,
    pub devices: HashMap<DeviceId, DeviceState>,
    pub waiting: Arc<AtomicUsize>,
}

impl Collector {
    pub fn run(mut self, queue: &Receiver<Call>) {
        let mut next = Instant::now();
        loop {
            let mut calls = Vec::new();
            match queue.recv_timeout(IDLE) {
                Ok(call) => calls.push(call),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return,
            }
            let mut fixes: usize = calls.iter().map(|call| call.fixes.len()).sum();
            // Takes what is queued even when it is time already: with nothing left to wait for it does not wait.
            while fixes < FLUSH_FIXES
                && let Ok(call) = queue.recv_timeout(next.saturating_duration_since(Instant::now()))
            {
                fixes += call.fixes.len();
                calls.push(call);
            }
            next = Instant::now() + PACE;
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
                self.live.apply(flush.moved.into_iter().filter_map(|moved| update(&calls, moved)).collect());
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
        let brought: Vec<Brought<'_>> =
            calls.iter().map(|call| Brought { device: call.bearer.device, fixes: &call.fixes }).collect();
        flush::decide(&self.history.read(), &self.devices, &brought, now, |device, from, to| {
            self.db.read_blocking(|conn| store::segments_of_device(conn, &device, from, to))
        })
    }

    /// Writes the plan in one transaction. An outcome that the database did not tell is looked up, so that a plan is
    /// neither lost nor written twice.
    fn commit(&self, flush: &Flush, now: Timestamp) -> Result<()> {
        let rows = Arc::new(flush::rows(flush, &self.devices, now));
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
        let segment = rows.segments.first().map(|row| row.id);
        if self.db.ask_outcome(|conn| store::flush_exists(conn, rows.n, segment.as_ref())) == Some(true) {
            return Ok(());
        }
        // Whatever became of it, its number is not used again.
        self.history.write().continue_after(rows.n);
        Err(error)
    }
}

/// A moved marker as the live view takes it: home and kind are the bearer's.
fn update(calls: &[Call], moved: Moved) -> Option<Update> {
    let bearer = &calls.get(moved.call)?.bearer;
    Some(Update {
        device: moved.device,
        kind: Some(bearer.device_kind),
        unit: Some(bearer.unit.clone()),
        person: moved.author,
        fix: moved.fix,
    })
}
