//! Looks that name single people: who asked who is near, and who read whose track.
//!
//! They come by the thousand and name ten people each, and the answer waits for the commit; a row for every one of them
//! was most of what the question cost. So they go the way fixes go. The [`collector`], one thread, writes ONE row of the
//! log for all that came while the commit before was under way. Open looks lie in memory by person ([`book`]) and serve
//! reads; from time to time they are sealed, one row a person, and the rows of the log go in the same transaction. A
//! restart reads the log. [`read`] puts together what one person is told.

mod book;
mod bytes;
mod collector;
pub(super) mod read;
mod seal;

use std::sync::Arc;
use std::sync::mpsc::{SyncSender, TrySendError, sync_channel};

use parking_lot::Mutex;
use tokio::sync::oneshot;

use super::access::Look;
use super::store::{self, AccessRow};
use crate::platform::db::Db;
use crate::words::error::{Code, Error, Result};
use crate::words::ids::PersonId;
use crate::words::time::{Clock, Timestamp};

use book::Book;
use collector::{Call, Collector};

/// Calls waiting for the collector; beyond, askers are told `busy`.
const QUEUE_CALLS: usize = 8_192;

/// The way in for looks that name people, and what of them is open; clones share both.
#[derive(Clone)]
pub struct Looks {
    queue: SyncSender<Call>,
    book: Arc<Mutex<Book>>,
}

impl Looks {
    /// Takes up what is in the log and starts the collector. Blocking; at start only.
    pub fn open(db: &Db, clock: Clock) -> Result<Self> {
        let log = db.read_blocking(store::look_log_all)?;
        let log_rows = log.len();
        let (book, next_n) = Book::restored(log, clock.now())?;
        tracing::info!(log_rows, looks = book.waiting(), "open looks restored");
        let book = Arc::new(Mutex::new(book));
        let (queue, calls) = sync_channel(QUEUE_CALLS);
        let collector = Collector { db: db.clone(), clock, book: Arc::clone(&book), next_n };
        std::thread::Builder::new().name("looks".to_owned()).spawn(move || collector.run(&calls))?;
        Ok(Self { queue, book })
    }

    /// Writes looks down; answers after the commit.
    ///
    /// Errors: `storage_full`, `busy`, `stopping`; then they are not written, or their asker cannot know.
    pub async fn write(&self, looks: Vec<Arc<Look>>) -> Result<()> {
        let (answer, committed) = oneshot::channel();
        self.queue.try_send(Call { looks, answer }).map_err(|error| match error {
            TrySendError::Full(_) => Error::busy(1).detail("too many looks are waiting to be written"),
            TrySendError::Disconnected(_) => Error::new(Code::Stopping),
        })?;
        committed.await.map_err(|_gone| Error::new(Code::Stopping))?
    }

    /// Looks at a person between the bounds that are not in segments yet, latest first. To be read before the segments:
    /// what is sealed in between is then found in both, not in neither.
    pub(super) fn open_at(&self, person: &PersonId, from: Timestamp, to: Timestamp, most: usize) -> Vec<AccessRow> {
        self.book.lock().of_person(person, from, to, most)
    }
}
