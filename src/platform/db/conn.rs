//! Connections to both databases behind one type, chosen by the URL's scheme.

use std::fmt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use diesel::connection::{InstrumentationEvent, SimpleConnection};
use diesel::{Connection, PgConnection, SqliteConnection};

use crate::platform::bugs::{self, Bug};
use crate::words::error::{Error, Result};

pub use multi::{Conn, MultiBackend};

mod multi {
    //! The derive's own impls carry no documentation.
    /// A connection to either database.
    #[derive(diesel::MultiConnection)]
    pub enum Conn {
        Pg(diesel::PgConnection),
        Sqlite(diesel::SqliteConnection),
    }
}

/// Which database is behind the connections.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Backend {
    Sqlite,
    Postgres,
}

/// Where the data lives.
#[derive(Clone)]
pub enum Target {
    Sqlite(PathBuf),
    Postgres(String),
}

impl Target {
    /// Reads `sqlite:PATH` or `postgres://…`; anything else is an error that says so.
    pub fn parse(url: &str) -> Result<Self> {
        if let Some(path) = url.strip_prefix("sqlite:") {
            let path = path.strip_prefix("//").unwrap_or(path);
            if path.is_empty() {
                return Err(Error::bad("database url: sqlite: needs a file path"));
            }
            return Ok(Self::Sqlite(PathBuf::from(path)));
        }
        if url.starts_with("postgres://") || url.starts_with("postgresql://") {
            return Ok(Self::Postgres(url.to_owned()));
        }
        let scheme: String = url.chars().take_while(|c| *c != ':').take(16).collect();
        Err(Error::bad(format!(
            "database url: unknown scheme {scheme:?}; use sqlite:PATH or postgres://USER@HOST/NAME"
        )))
    }

    pub fn backend(&self) -> Backend {
        match self {
            Self::Sqlite(_) => Backend::Sqlite,
            Self::Postgres(_) => Backend::Postgres,
        }
    }

    pub fn sqlite_path(&self) -> Option<&Path> {
        match self {
            Self::Sqlite(path) => Some(path),
            Self::Postgres(_) => None,
        }
    }
}

impl fmt::Debug for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sqlite(path) => write!(f, "sqlite:{}", path.display()),
            // The URL may carry a password.
            Self::Postgres(_) => write!(f, "postgres"),
        }
    }
}

/// What a connection is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    Reader,
    Writer,
}

impl Role {
    fn sqlite_pragmas(self) -> &'static str {
        match self {
            // Readers may never write: the writer thread is the only one.
            Self::Reader => {
                "PRAGMA busy_timeout=5000; PRAGMA query_only=ON; PRAGMA foreign_keys=ON; \
                 PRAGMA mmap_size=268435456;"
            }
            // FULL: a commit survives power loss. The checkpoint size bounds the log's growth. Every recipe is a
            // savepoint, whose journal would otherwise be a file of its own; 32 MB hold the pages that rungs touch.
            Self::Writer => {
                "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA busy_timeout=5000; \
                 PRAGMA foreign_keys=ON; PRAGMA wal_autocheckpoint=4000; PRAGMA mmap_size=268435456; \
                 PRAGMA journal_size_limit=67108864; PRAGMA fullfsync=ON; \
                 PRAGMA temp_store=MEMORY; PRAGMA cache_size=-32768;"
            }
        }
    }
}

/// Opens one connection for a role.
pub fn establish(target: &Target, role: Role) -> Result<Conn> {
    match target {
        Target::Sqlite(path) => {
            let path = path.to_str().ok_or_else(|| Error::bad("database path is not UTF-8"))?;
            let mut conn = SqliteConnection::establish(path)
                .map_err(|error| Error::internal(format!("cannot open {path}: {error}")))?;
            conn.batch_execute(role.sqlite_pragmas())?;
            if bugs::has(Bug::SyncOff) {
                conn.batch_execute("PRAGMA synchronous=OFF; PRAGMA fullfsync=OFF;")?;
            }
            tell_statements(&mut conn);
            Ok(Conn::Sqlite(conn))
        }
        Target::Postgres(url) => {
            let mut conn = PgConnection::establish(url)
                .map_err(|error| Error::internal(format!("cannot reach PostgreSQL: {error}")))?;
            conn.batch_execute(match role {
                Role::Reader => "SET default_transaction_read_only = on; SET statement_timeout = '15s'",
                Role::Writer => "SET lock_timeout = '5s'; SET statement_timeout = '30s'",
            })?;
            tell_statements(&mut conn);
            Ok(Conn::Pg(conn))
        }
    }
}

/// With `SUIXING_LOG=suixing::sql=trace` at the start, every statement is logged without its values (they are people's):
/// what a slow recipe asks, how often, and the microseconds each took.
fn tell_statements(conn: &mut impl Connection) {
    if tracing::enabled!(target: "suixing::sql", tracing::Level::TRACE) {
        let mut begun = Instant::now();
        conn.set_instrumentation(move |event: InstrumentationEvent<'_>| match event {
            InstrumentationEvent::StartQuery { .. } => begun = Instant::now(),
            InstrumentationEvent::FinishQuery { query, .. } => {
                let us = begun.elapsed().as_micros();
                let text = query.to_string();
                let statement = text.split(" -- binds").next().unwrap_or_default();
                tracing::trace!(target: "suixing::sql", us, statement);
            }
            _ => {}
        });
    }
}

/// Makes pooled connections; the scheme decides, never trial and error.
pub struct Manager {
    target: Target,
    role: Role,
}

impl r2d2::ManageConnection for Manager {
    type Connection = Conn;
    type Error = Error;

    fn connect(&self) -> Result<Conn> {
        establish(&self.target, self.role)
    }

    fn is_valid(&self, conn: &mut Conn) -> Result<()> {
        conn.batch_execute("SELECT 1").map_err(Error::from)
    }

    fn has_broken(&self, conn: &mut Conn) -> bool {
        use diesel::connection::TransactionManager as _;
        std::thread::panicking()
            || match conn {
                Conn::Pg(c) => diesel::r2d2::R2D2Connection::is_broken(c),
                Conn::Sqlite(c) => diesel::connection::AnsiTransactionManager::is_broken_transaction_manager(c),
            }
    }
}

/// A pool of connections for a role.
pub fn pool(target: Target, role: Role, size: u32, acquire: Duration) -> Result<r2d2::Pool<Manager>> {
    let check = target.backend() == Backend::Postgres;
    r2d2::Pool::builder()
        .max_size(size)
        .min_idle(Some(1))
        .connection_timeout(acquire)
        // A local file cannot go away under us; a server can.
        .test_on_check_out(check)
        .build(Manager { target, role })
        .map_err(|error| Error::internal(format!("cannot open the database: {error}")))
}
