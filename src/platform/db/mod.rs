//! `Db::read` and `Db::write`: the only two ways to a connection.
//!
//! Reads run on a pool of blocking threads. Writes are *recipes*: repeatable
//! closures over a [`Tx`] without I/O besides SQL. On SQLite one writer thread
//! runs them in savepoints of one transaction and commits once for all
//! ([`writer`]); on PostgreSQL each runs in a transaction of its own and is
//! repeated on a serialization failure.

mod checkpoint;
pub mod conn;
pub mod kept;
pub mod lock;
#[cfg(test)]
pub mod memory;
pub mod migrate;
pub mod schema;
pub mod straight;
#[cfg(test)]
mod tests;
mod tx;
pub mod types;
mod writer;

use std::sync::Arc;
use std::time::Duration;

use diesel::Connection;
use diesel::connection::SimpleConnection;
use parking_lot::RwLock;

pub use conn::{Backend, Conn, Target};
pub use tx::{Hot, React, Tx};
pub use writer::Priority;

use crate::words::error::{Code, Error, Result};
use crate::words::time::Clock;

/// How long a read waits for a pooled connection before it is told `busy`.
const READ_ACQUIRE_TIMEOUT: Duration = Duration::from_secs(3);
/// How often an outcome the database did not tell is asked for, and how far apart: a restart of it takes seconds.
const OUTCOME_TRIES: u32 = 50;
const OUTCOME_PAUSE: Duration = Duration::from_millis(100);
/// How often a PostgreSQL recipe is repeated on a serialization failure.
const REPEATS_MAX: usize = 8;

/// Runs one expression on the backend's own connection type: for upserts and
/// batches, which the shared type cannot express. Both arms are the same tokens.
#[macro_export]
macro_rules! per_backend {
    ($conn:expr, |$c:ident| $body:expr) => {
        match $conn {
            $crate::platform::db::Conn::Pg($c) => $body,
            $crate::platform::db::Conn::Sqlite($c) => $body,
        }
    };
}

/// The row of a table with this id, if any, locked until the transaction ends: by an update that changes nothing on
/// PostgreSQL; SQLite's one writer has the whole database already. The table has a `version`.
#[macro_export]
macro_rules! lock_row {
    ($conn:expr, $table:ident, $id:expr) => {{
        let conn: &mut $crate::platform::db::Conn = $conn;
        let row = $table::table.find($id);
        match conn {
            $crate::platform::db::Conn::Sqlite(_) => $crate::platform::db::straight::one(conn, row),
            $crate::platform::db::Conn::Pg(_) => diesel::update(row)
                .set($table::version.eq($table::version))
                .returning($table::all_columns)
                .get_result(conn)
                .optional(),
        }
    }};
}

/// Handle to the database; cheap to clone.
#[derive(Clone)]
pub struct Db {
    inner: Arc<DbInner>,
}

struct DbInner {
    target: Target,
    readers: r2d2::Pool<conn::Manager>,
    writer: WriterKind,
    clock: Clock,
    react: RwLock<Option<React>>,
}

enum WriterKind {
    /// SQLite: the writer thread.
    Thread(writer::Writer),
    /// PostgreSQL: a pool of its own, so that reads cannot starve writes.
    Pool(r2d2::Pool<conn::Manager>),
}

impl Db {
    /// Opens the database, without migrating it.
    pub fn open(target: Target, readers: u32, clock: Clock) -> Result<Self> {
        let read_pool = conn::pool(target.clone(), conn::Role::Reader, readers, READ_ACQUIRE_TIMEOUT)?;
        let writer = match target.backend() {
            Backend::Sqlite => WriterKind::Thread(writer::Writer::start(&target, clock.clone())?),
            Backend::Postgres => {
                WriterKind::Pool(conn::pool(target.clone(), conn::Role::Writer, 8, READ_ACQUIRE_TIMEOUT)?)
            }
        };
        Ok(Self { inner: Arc::new(DbInner { target, readers: read_pool, writer, clock, react: RwLock::new(None) }) })
    }

    /// Installs the reactions table; events emitted before that go nowhere.
    pub fn set_reactions(&self, react: React) {
        *self.inner.react.write() = Some(react);
    }

    pub fn backend(&self) -> Backend {
        self.inner.target.backend()
    }

    pub fn target(&self) -> &Target {
        &self.inner.target
    }

    /// Runs a read on a pooled connection; `busy` when none is free in 3 s.
    pub async fn read<T, F>(&self, f: F) -> Result<T>
    where
        T: Send + 'static,
        F: FnOnce(&mut Conn) -> Result<T> + Send + 'static,
    {
        let inner = Arc::clone(&self.inner);
        tokio::task::spawn_blocking(move || {
            let mut conn = inner.readers.get().map_err(|_timeout| Error::busy(1).detail("no reader is free"))?;
            f(&mut conn)
        })
        .await
        .map_err(Error::internal)?
    }

    /// Runs a read whose statements all see the database at one instant; for an answer put together from several, which
    /// otherwise shows what one write did in one part of it and not in another. `busy` as [`Db::read`].
    pub async fn snapshot<T, F>(&self, f: F) -> Result<T>
    where
        T: Send + 'static,
        F: FnOnce(&mut Conn) -> Result<T> + Send + 'static,
    {
        self.read(|conn| {
            conn.transaction(|conn| {
                // PostgreSQL's default gives each statement its own instant; SQLite's transaction has one anyway.
                if let Conn::Pg(plain) = conn {
                    plain.batch_execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")?;
                }
                f(conn)
            })
        })
        .await
    }

    /// Runs a recipe in a transaction and answers after the commit.
    ///
    /// Errors: whatever the recipe answered (it is then rolled back alone),
    /// `busy` when the queue is full, `storage_full` when the disk is.
    pub async fn write<T, F>(&self, priority: Priority, recipe: F) -> Result<T>
    where
        T: Send + 'static,
        F: Fn(&mut Tx<'_>) -> Result<T> + Send + 'static,
    {
        match &self.inner.writer {
            WriterKind::Thread(thread) => {
                let react = self.inner.react.read().clone();
                thread.submit(priority, recipe, react).await
            }
            WriterKind::Pool(pool) => {
                let pool = pool.clone();
                let clock = self.inner.clock.clone();
                let react = self.inner.react.read().clone();
                tokio::task::spawn_blocking(move || run_pooled(&pool, &clock, react.as_ref(), &recipe))
                    .await
                    .map_err(Error::internal)?
            }
        }
    }

    /// Runs a recipe from a plain thread (start-up, commands); never from async code.
    pub fn write_blocking<T, F>(&self, priority: Priority, recipe: F) -> Result<T>
    where
        T: Send + 'static,
        F: Fn(&mut Tx<'_>) -> Result<T> + Send + 'static,
    {
        match &self.inner.writer {
            WriterKind::Thread(thread) => thread.submit_blocking(priority, recipe, self.inner.react.read().clone()),
            WriterKind::Pool(pool) => {
                run_pooled(pool, &self.inner.clock, self.inner.react.read().clone().as_ref(), &recipe)
            }
        }
    }

    /// Runs a read from a plain thread (start-up, commands).
    pub fn read_blocking<T>(&self, f: impl FnOnce(&mut Conn) -> Result<T>) -> Result<T> {
        let mut conn = self.inner.readers.get().map_err(|_timeout| Error::busy(1))?;
        f(&mut conn)
    }

    /// Asks, from a plain thread, what became of a write whose outcome the database did not tell; `None` when it does not
    /// answer within [`OUTCOME_TRIES`] either.
    pub fn ask_outcome<T>(&self, ask: impl Fn(&mut Conn) -> Result<T>) -> Option<T> {
        for _ in 0..OUTCOME_TRIES {
            match self.read_blocking(&ask) {
                Ok(outcome) => return Some(outcome),
                Err(_unreachable) => std::thread::sleep(OUTCOME_PAUSE),
            }
        }
        None
    }

    /// Writes queued and not yet begun; 0 on PostgreSQL.
    pub fn queue_depth(&self) -> usize {
        match &self.inner.writer {
            WriterKind::Thread(thread) => thread.depth(),
            WriterKind::Pool(_) => 0,
        }
    }

    /// Whether no connection for reads is left: the database cannot be reached.
    pub fn is_cut_off(&self) -> bool {
        self.inner.readers.state().connections == 0
    }

    /// Which durability is in force, in words for `/readyz`.
    pub fn durability(&self) -> Result<String> {
        match self.backend() {
            Backend::Sqlite => Ok("sqlite wal synchronous=full".to_owned()),
            Backend::Postgres => self.read_blocking(|conn| {
                use diesel::prelude::*;
                #[derive(QueryableByName)]
                struct Setting {
                    #[diesel(sql_type = diesel::sql_types::Text)]
                    value: String,
                }
                let found: Setting = diesel::sql_query(
                    "SELECT current_setting('synchronous_commit') || ', standbys: ' \
                     || coalesce(nullif(current_setting('synchronous_standby_names'), ''), 'none') AS value",
                )
                .get_result(conn)?;
                Ok(format!("postgres synchronous_commit={}", found.value))
            }),
        }
    }
}

/// One attempt per loop: begin, recipe, commit; the hooks run after the commit.
fn run_pooled<T, F>(pool: &r2d2::Pool<conn::Manager>, clock: &Clock, react: Option<&React>, recipe: &F) -> Result<T>
where
    F: Fn(&mut Tx<'_>) -> Result<T>,
{
    let mut conn = pool.get().map_err(|_timeout| Error::busy(1).detail("no writer is free"))?;
    let mut attempt = 0;
    loop {
        attempt += 1;
        let now = clock.now();
        let mut hooks = Vec::new();
        let outcome = conn.transaction(|c| {
            let mut tx = Tx::begin(c, now, react);
            let value = recipe(&mut tx)?;
            tx.settle()?;
            hooks = tx.into_hooks();
            Ok::<T, Error>(value)
        });
        match outcome {
            Ok(value) => {
                for hook in hooks {
                    hook();
                }
                return Ok(value);
            }
            Err(error) if error.is_repeatable() && attempt < REPEATS_MAX => {
                // Spread the contenders; a recipe is short, so a few milliseconds suffice.
                std::thread::sleep(Duration::from_millis(2 * attempt as u64));
            }
            Err(error) if error.is_repeatable() => {
                return Err(Error::new(Code::Busy).retry_after(1).detail("too much contention"));
            }
            Err(error) => return Err(error),
        }
    }
}

/// Runs statements that take no parameters.
pub fn batch(conn: &mut Conn, sql: &str) -> Result<()> {
    conn.batch_execute(sql).map_err(Error::from)
}
