//! The one thread that writes looks: takes what has come, commits one row for all of it, answers all.

use std::sync::Arc;
use std::sync::mpsc::Receiver;

use parking_lot::Mutex;
use tokio::sync::oneshot;

use super::book::Book;
use super::bytes;
use crate::duty::location::access::Look;
use crate::duty::location::store;
use crate::platform::db::{Db, Priority};
use crate::words::error::{Code, Error, Result};
use crate::words::time::Clock;

/// Looks of one row; bounds the time a commit takes.
const ROW_LOOKS: usize = 2_000;

/// How often a number is tried that another node may have taken.
const NUMBER_TRIES: u32 = 8;

/// Looks whose asker waits for the commit.
pub(super) struct Call {
    pub looks: Vec<Arc<Look>>,
    pub answer: oneshot::Sender<Result<()>>,
}

pub(super) struct Collector {
    pub db: Db,
    pub clock: Clock,
    pub book: Arc<Mutex<Book>>,
    pub next_n: i64,
}

impl Collector {
    pub fn run(mut self, queue: &Receiver<Call>) {
        while let Ok(first) = queue.recv() {
            let mut looks = first.looks.len();
            let mut calls = vec![first];
            while looks < ROW_LOOKS
                && let Ok(call) = queue.try_recv()
            {
                looks += call.looks.len();
                calls.push(call);
            }
            self.commit(calls);
        }
    }

    fn commit(&mut self, calls: Vec<Call>) {
        let looks: Vec<Arc<Look>> = calls.iter().flat_map(|call| call.looks.iter().cloned()).collect();
        match self.write(&looks) {
            Ok(row) => {
                // Before the answer: who was shown can read of it as soon as the asker has seen him.
                self.book.lock().take_up(row, &looks, self.clock.now());
                metrics::counter!("suixing_looks_written_total").increment(looks.len() as u64);
                metrics::counter!("suixing_look_rows_written_total").increment(1);
                for call in calls {
                    drop(call.answer.send(Ok(())));
                }
            }
            Err(error) => {
                tracing::warn!(%error, looks = looks.len(), "looks could not be written; their askers were told");
                // What else went wrong inside is not theirs to know, and the next row may well go through.
                let code = if error.is(Code::Internal) { Code::Busy } else { error.code() };
                let (detail, wait_s) = (error.detail_text(), error.retry_after_s().unwrap_or(1));
                for call in calls {
                    let refusal = Error::new(code).detail(detail.to_owned()).retry_after(wait_s);
                    drop(call.answer.send(Err(refusal)));
                }
            }
        }
    }

    /// Writes one row for all of them and gives its number. An outcome that the database did not tell is looked up. A
    /// number that another node has taken is passed over: only SQLite is sure to have one node.
    fn write(&mut self, looks: &[Arc<Look>]) -> Result<i64> {
        let body = Arc::new(bytes::log(looks));
        let count = i64::try_from(looks.len()).unwrap_or(i64::MAX);
        for _ in 0..NUMBER_TRIES {
            // Whatever becomes of it, a number is not used again.
            let n = self.next_n;
            self.next_n += 1;
            let row = Arc::clone(&body);
            let outcome = self.db.write_blocking(Priority::Normal, move |tx| {
                let now = tx.now;
                store::look_log_insert(tx.conn(), n, count, &row, now)
            });
            let Err(error) = outcome else { return Ok(n) };
            match self.db.ask_outcome(|conn| store::look_log_body(conn, n)).flatten() {
                Some(there) if there == *body => return Ok(n),
                Some(_) => {
                    let newest = self.db.read_blocking(store::look_log_newest)?;
                    self.next_n = self.next_n.max(newest + 1);
                }
                None => return Err(error),
            }
        }
        Err(Error::busy(1).detail("no number is free for a row of looks"))
    }
}
