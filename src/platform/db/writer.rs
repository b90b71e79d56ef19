//! The SQLite writer: one thread, a bounded priority queue, group commit.
//!
//! It takes what is queued (at most [`GROUP_MAX`] recipes or [`GROUP_TIME`] of
//! work), runs each in a savepoint of one `BEGIN IMMEDIATE`, commits once and
//! only then answers everybody and runs the after-commit hooks. A recipe that
//! fails rolls back alone. Nothing is acknowledged before the commit.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};

use diesel::connection::{SimpleConnection, TransactionManager};
use parking_lot::{Condvar, Mutex};
use tokio::sync::oneshot;

use super::checkpoint;
use super::conn::{self, Conn, Target};
use super::tx::{Hook, React, Tx};
use crate::words::error::{Code, Error, Result};
use crate::words::time::Clock;

/// Recipes in one commit; bounds how long the first of them waits for its answer.
const GROUP_MAX: usize = 256;
/// Work in one commit, for the same reason: a rung of an assignment takes about 1 ms, so several share one sync.
const GROUP_TIME: Duration = Duration::from_millis(5);
/// The same when as many wait as were done: they would need a sync of their own, which takes as long as several rungs.
const GROUP_TIME_DEEP: Duration = Duration::from_millis(20);
/// Who rides along in every commit, one for each so many recipes in it and one at least, however busy the room is: a
/// terminal that comes back (its hello ranks with receipts), somebody who signs in, everybody's positions (one recipe
/// carries them all), a job. When more is sent than one core commits, those behind would otherwise wait until that ends.
const RIDING_ALONG: [(Priority, usize); 4] =
    [(Priority::Receipt, 2), (Priority::Normal, 8), (Priority::Fix, GROUP_MAX), (Priority::Background, GROUP_MAX)];
/// Waiting recipes per priority; beyond it callers are told `busy`. At 7,000
/// lone commits a second this is about half a second of work.
const QUEUE_MAX: usize = 4096;
/// How long a commit that meets a passing lock (a backup tool) is repeated.
const LOCKED_PATIENCE: Duration = Duration::from_secs(5);

/// Who goes first when recipes wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Priority {
    /// Backup and assignments.
    Urgent,
    /// Receipts and rungs.
    Receipt,
    /// Position fixes.
    Fix,
    /// Everything a person waits for.
    Normal,
    /// Audit, jobs, retention.
    Background,
}

/// Lanes of the queue, in the order they are served.
const LANES: usize = 5;

impl Priority {
    const fn lane(self) -> usize {
        match self {
            Self::Urgent => 0,
            Self::Receipt => 1,
            Self::Normal => 2,
            Self::Fix => 3,
            Self::Background => 4,
        }
    }
}

/// A recipe with its answer channel, erased so that one queue holds all.
trait Work: Send {
    /// Runs the recipe inside the open savepoint; keeps its result for later.
    fn run(&mut self, tx: &mut Tx<'_>) -> Result<()>;
    fn react(&self) -> Option<&React>;
    /// Tells the caller: its own result, or why the group could not commit.
    fn answer(self: Box<Self>, committed: Result<()>);
    /// The caller has gone away, so nobody would hear the answer.
    fn abandoned(&self) -> bool;
}

enum Answer<T> {
    Async(oneshot::Sender<Result<T>>),
    Blocking(std::sync::mpsc::SyncSender<Result<T>>),
}

struct Job<T, F> {
    recipe: F,
    react: Option<React>,
    result: Option<Result<T>>,
    answer: Answer<T>,
}

impl<T, F> Work for Job<T, F>
where
    T: Send,
    F: Fn(&mut Tx<'_>) -> Result<T> + Send,
{
    fn run(&mut self, tx: &mut Tx<'_>) -> Result<()> {
        match (self.recipe)(tx).and_then(|value| tx.settle().map(|()| value)) {
            Ok(value) => {
                self.result = Some(Ok(value));
                Ok(())
            }
            Err(error) => {
                self.result = Some(Err(error));
                Err(Error::new(Code::Conflict))
            }
        }
    }

    fn react(&self) -> Option<&React> {
        self.react.as_ref()
    }

    fn answer(self: Box<Self>, committed: Result<()>) {
        let result = match (self.result, committed) {
            // A recipe's own refusal stands whatever became of the group.
            (Some(Err(error)), _) => Err(error),
            (Some(result), Ok(())) => result,
            (_, Err(error)) => Err(error),
            (None, Ok(())) => Err(Error::internal("recipe did not run")),
        };
        // A caller that went away has its own retry; the commit stands.
        match self.answer {
            Answer::Async(channel) => drop(channel.send(result)),
            Answer::Blocking(channel) => drop(channel.send(result)),
        }
    }

    fn abandoned(&self) -> bool {
        match &self.answer {
            Answer::Async(channel) => channel.is_closed(),
            Answer::Blocking(_) => false,
        }
    }
}

#[derive(Default)]
struct Queue {
    lanes: [VecDeque<Box<dyn Work>>; LANES],
    closed: bool,
}

impl Queue {
    fn len(&self) -> usize {
        self.lanes.iter().map(VecDeque::len).sum()
    }

    fn pop(&mut self) -> Option<Box<dyn Work>> {
        self.lanes.iter_mut().find_map(VecDeque::pop_front)
    }

    /// What still belongs into a commit of so many recipes so far, after so much work.
    fn next(&mut self, done: usize, took: Duration) -> Option<Box<dyn Work>> {
        let time = if self.len() >= done { GROUP_TIME_DEEP } else { GROUP_TIME };
        if done < GROUP_MAX && took < time { self.pop() } else { None }
    }

    fn pop_from(&mut self, priority: Priority) -> Option<Box<dyn Work>> {
        self.lanes.get_mut(priority.lane()).and_then(VecDeque::pop_front)
    }
}

#[derive(Default)]
struct Shared {
    queue: Mutex<Queue>,
    filled: Condvar,
}

/// Handle to the writer thread; dropping the last one lets it finish its queue and end.
pub(super) struct Writer {
    shared: Arc<Shared>,
    thread: Option<std::thread::JoinHandle<()>>,
    /// Its thread ends with us.
    _checkpoints: std::sync::mpsc::Sender<()>,
}

impl Writer {
    pub(super) fn start(target: &Target, clock: Clock) -> Result<Self> {
        let conn = conn::establish(target, conn::Role::Writer)?;
        let checkpoints = checkpoint::start(target)?;
        let shared = Arc::new(Shared::default());
        let seen = Arc::clone(&shared);
        let thread = std::thread::Builder::new()
            .name("db-writer".to_owned())
            .spawn(move || serve(&seen, conn, &clock))
            .map_err(Error::internal)?;
        Ok(Self { shared, thread: Some(thread), _checkpoints: checkpoints })
    }

    pub(super) fn depth(&self) -> usize {
        self.shared.queue.lock().len()
    }

    pub(super) async fn submit<T, F>(&self, priority: Priority, recipe: F, react: Option<React>) -> Result<T>
    where
        T: Send + 'static,
        F: Fn(&mut Tx<'_>) -> Result<T> + Send + 'static,
    {
        let (sender, receiver) = oneshot::channel();
        self.push(priority, Box::new(Job { recipe, react, result: None, answer: Answer::Async(sender) }))?;
        receiver.await.map_err(|_gone| Error::new(Code::Stopping))?
    }

    pub(super) fn submit_blocking<T, F>(&self, priority: Priority, recipe: F, react: Option<React>) -> Result<T>
    where
        T: Send + 'static,
        F: Fn(&mut Tx<'_>) -> Result<T> + Send + 'static,
    {
        let (sender, receiver) = std::sync::mpsc::sync_channel(1);
        self.push(priority, Box::new(Job { recipe, react, result: None, answer: Answer::Blocking(sender) }))?;
        receiver.recv().map_err(|_gone| Error::new(Code::Stopping))?
    }

    fn push(&self, priority: Priority, work: Box<dyn Work>) -> Result<()> {
        let mut queue = self.shared.queue.lock();
        if queue.closed {
            return Err(Error::new(Code::Stopping));
        }
        let lane = queue.lanes.get_mut(priority.lane()).ok_or_else(|| Error::new(Code::Internal))?;
        if lane.len() >= QUEUE_MAX {
            return Err(Error::busy(1).detail("the write queue is full"));
        }
        lane.push_back(work);
        drop(queue);
        self.shared.filled.notify_one();
        Ok(())
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        self.shared.queue.lock().closed = true;
        self.shared.filled.notify_all();
        // The last handle may be dropped by a hook on the writer thread itself, which cannot join itself.
        if let Some(thread) = self.thread.take()
            && thread.thread().id() != std::thread::current().id()
            && thread.join().is_err()
        {
            tracing::error!("the writer thread panicked");
        }
    }
}

fn serve(shared: &Shared, mut conn: Conn, clock: &Clock) {
    loop {
        let first = {
            let mut queue = shared.queue.lock();
            loop {
                if let Some(work) = queue.pop() {
                    break work;
                }
                if queue.closed {
                    return;
                }
                shared.filled.wait(&mut queue);
            }
        };
        commit_group(shared, &mut conn, clock, first);
    }
}

/// One `BEGIN IMMEDIATE … COMMIT` over as many recipes as are waiting.
fn commit_group(shared: &Shared, conn: &mut Conn, clock: &Clock, first: Box<dyn Work>) {
    let begun = Instant::now();
    let mut group: Vec<Box<dyn Work>> = Vec::new();
    if let Err(error) = begin(conn) {
        first.answer(Err(error));
        return;
    }
    let mut hooks: Vec<Hook> = Vec::new();
    let mut next = Some(first);
    while let Some(mut work) = next {
        run_in_savepoint(conn, clock, work.as_mut(), &mut hooks);
        group.push(work);
        next = shared.queue.lock().next(group.len(), begun.elapsed());
    }
    let so_far = group.len();
    for (priority, each) in RIDING_ALONG {
        for _ in 0..(so_far / each).max(1) {
            let Some(mut work) = ({ shared.queue.lock().pop_from(priority) }) else { break };
            run_in_savepoint(conn, clock, work.as_mut(), &mut hooks);
            group.push(work);
        }
    }
    let committed = commit(conn);
    metrics::histogram!("suixing_db_group_size").record(group.len() as f64);
    metrics::histogram!("suixing_db_commit_seconds").record(begun.elapsed().as_secs_f64());
    match committed {
        Ok(()) => {
            for hook in hooks {
                hook();
            }
            for work in group {
                work.answer(Ok(()));
            }
        }
        Err(error) => {
            tracing::error!(%error, recipes = group.len(), "a group could not be committed");
            let (code, text) = (error.code(), error.detail_text().to_owned());
            for work in group {
                work.answer(Err(Error::new(code).detail(text.clone()).retry_after(5)));
            }
        }
    }
}

fn run_in_savepoint(conn: &mut Conn, clock: &Clock, work: &mut dyn Work, hooks: &mut Vec<Hook>) {
    use diesel::Connection as _;
    if work.abandoned() {
        return;
    }
    let react = work.react().cloned();
    let now = clock.now();
    let mut mine = Vec::new();
    let outcome = conn.transaction(|c| {
        let mut tx = Tx::begin(c, now, react.as_ref());
        let outcome = work.run(&mut tx);
        mine = tx.into_hooks();
        outcome
    });
    match outcome {
        Ok(()) => hooks.append(&mut mine),
        // The recipe's own refusal is already kept in the job; anything else broke the savepoint.
        Err(error) if error.is(Code::Conflict) => {}
        Err(error) => tracing::error!(%error, "a savepoint failed"),
    }
}

/// Opens the group's transaction, waiting out a passing lock of another process.
fn begin(conn: &mut Conn) -> Result<()> {
    let since = Instant::now();
    loop {
        let outcome = match conn {
            Conn::Sqlite(c) => diesel::connection::AnsiTransactionManager::begin_transaction_sql(c, "BEGIN IMMEDIATE"),
            Conn::Pg(c) => diesel::connection::AnsiTransactionManager::begin_transaction(c),
        };
        match outcome.map_err(Error::from) {
            Err(error) if error.is_repeatable() && since.elapsed() < LOCKED_PATIENCE => {}
            Err(error) if error.is_repeatable() => return Err(Error::busy(1).detail("the database is locked")),
            other => return other,
        }
    }
}

/// Commits; on failure makes sure that nothing of the group remains open.
fn commit(conn: &mut Conn) -> Result<()> {
    let outcome = match conn {
        Conn::Sqlite(c) => diesel::connection::AnsiTransactionManager::commit_transaction(c),
        Conn::Pg(c) => diesel::connection::AnsiTransactionManager::commit_transaction(c),
    };
    if let Err(error) = outcome {
        // SQLite keeps the transaction open after SQLITE_FULL on commit; the manager has already
        // tried to roll back, and a second ROLLBACK outside a transaction is harmless.
        if let Err(second) = conn.batch_execute("ROLLBACK") {
            tracing::debug!(%second, "nothing left to roll back");
        }
        return Err(Error::from(error));
    }
    Ok(())
}
