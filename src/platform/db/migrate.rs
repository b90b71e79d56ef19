//! Embedded migrations: the same names for both databases, run under a lock.

use diesel::QueryableByName;
use diesel::migration::{Migration, MigrationSource};
use diesel::prelude::*;
use diesel_migrations::{EmbeddedMigrations, MigrationHarness, embed_migrations};

use super::{Conn, Target, batch, conn};
use crate::words::error::{Error, Result};

const SQLITE: EmbeddedMigrations = embed_migrations!("migrations/sqlite");
const POSTGRES: EmbeddedMigrations = embed_migrations!("migrations/postgres");

/// Key of PostgreSQL's advisory lock for migrations; any fixed number of ours.
const ADVISORY_KEY: i64 = 0x5375_6978;

/// What [`run`] found and did.
#[derive(Debug, serde::Serialize)]
pub struct Report {
    pub applied: Vec<String>,
}

/// Brings the schema to this version. SQLite is covered by the data folder's lock.
pub fn run(target: &Target) -> Result<Report> {
    with_lock(target, up)
}

/// Brings the database behind this connection to this version; the caller holds the lock.
pub(super) fn up(conn: &mut Conn) -> Result<Report> {
    let applied = match conn {
        Conn::Sqlite(c) => c.run_pending_migrations(SQLITE).map(|v| names(&v)),
        Conn::Pg(c) => c.run_pending_migrations(POSTGRES).map(|v| names(&v)),
    }
    .map_err(Error::internal)?;
    Ok(Report { applied })
}

/// Takes every migration back; for tests and `suixing migrate --down-all`.
pub fn revert_all(target: &Target) -> Result<Report> {
    with_lock(target, |conn| {
        let applied = match conn {
            Conn::Sqlite(c) => c.revert_all_migrations(SQLITE).map(|v| names(&v)),
            Conn::Pg(c) => c.revert_all_migrations(POSTGRES).map(|v| names(&v)),
        }
        .map_err(Error::internal)?;
        Ok(Report { applied })
    })
}

/// Migrations this build knows and the database has not seen.
pub fn pending(target: &Target) -> Result<Vec<String>> {
    with_lock(target, |conn| match conn {
        Conn::Sqlite(c) => pending_of(c.pending_migrations(SQLITE)),
        Conn::Pg(c) => pending_of(c.pending_migrations(POSTGRES)),
    })
}

type Boxed<DB> = Vec<Box<dyn Migration<DB>>>;

fn pending_of<DB: diesel::backend::Backend>(
    found: std::result::Result<Boxed<DB>, Box<dyn std::error::Error + Send + Sync>>,
) -> Result<Vec<String>> {
    Ok(found.map_err(Error::internal)?.iter().map(|m| m.name().to_string()).collect())
}

fn names(versions: &[diesel::migration::MigrationVersion<'_>]) -> Vec<String> {
    versions.iter().map(ToString::to_string).collect()
}

fn with_lock<T>(target: &Target, f: impl FnOnce(&mut Conn) -> Result<T>) -> Result<T> {
    let mut conn = conn::establish(target, conn::Role::Writer)?;
    match &mut conn {
        // Table rebuilds need foreign keys off; PostgreSQL alters in place.
        Conn::Sqlite(_) => batch(&mut conn, "PRAGMA foreign_keys=OFF")?,
        Conn::Pg(_) => batch(
            &mut conn,
            &format!("SET lock_timeout = 0; SET statement_timeout = 0; SELECT pg_advisory_lock({ADVISORY_KEY})"),
        )?,
    }
    // Closing the connection releases the advisory lock, also when `f` fails.
    f(&mut conn)
}

/// Names of all migrations in this build, for the parity test.
pub fn all_names() -> Result<(Vec<String>, Vec<String>)> {
    let sqlite = MigrationSource::<diesel::sqlite::Sqlite>::migrations(&SQLITE).map_err(Error::internal)?;
    let postgres = MigrationSource::<diesel::pg::Pg>::migrations(&POSTGRES).map_err(Error::internal)?;
    let mut a: Vec<_> = sqlite.iter().map(|m| m.name().to_string()).collect();
    let mut b: Vec<_> = postgres.iter().map(|m| m.name().to_string()).collect();
    a.sort();
    b.sort();
    Ok((a, b))
}

#[derive(QueryableByName)]
struct Micros {
    #[diesel(sql_type = diesel::sql_types::BigInt)]
    micros: i64,
}

/// The database's own clock; what leases and due times are compared with.
pub fn database_now(conn: &mut Conn) -> Result<crate::words::time::Timestamp> {
    let sql = match conn {
        Conn::Pg(_) => "SELECT (extract(epoch FROM clock_timestamp()) * 1000000)::bigint AS micros",
        // SQLite has no clock of its own: the process's is the database's.
        Conn::Sqlite(_) => "SELECT CAST((julianday('now') - 2440587.5) * 86400000.0 AS INTEGER) * 1000 AS micros",
    };
    let found: Micros = diesel::sql_query(sql).get_result(conn)?;
    Ok(crate::words::time::Timestamp::from_micros(found.micros))
}

/// The newest instant anything was written at, as far as an index tells: the clock was there once.
pub fn newest_written(conn: &mut Conn) -> Result<crate::words::time::Timestamp> {
    let newest = ["message", "idempotency"].map(|table| format!("SELECT max(created_at) AS at FROM {table}"));
    let sql = format!("SELECT coalesce(max(at), 0) AS micros FROM ({}) AS newest", newest.join(" UNION ALL "));
    let found: Micros = diesel::sql_query(sql).get_result(conn)?;
    Ok(crate::words::time::Timestamp::from_micros(found.micros))
}
