//! Reads and inserts that go straight to the database behind the connection.
//!
//! The connection that can be either database writes the text of a statement anew at each use, twice, and looks it up by
//! that text; a plain one knows a prepared statement by its type. On the path of every rung that was a fifth of the
//! writer's time, so what runs there goes through here; everything else has no need to.

use diesel::query_dsl::LoadQuery;
use diesel::query_dsl::methods::ExecuteDsl;
use diesel::{OptionalExtension as _, PgConnection, QueryResult, RunQueryDsl, SqliteConnection};

use super::Conn;

/// The row of a query that has one at most.
pub fn one<'q, Q, T>(conn: &mut Conn, query: Q) -> QueryResult<Option<T>>
where
    Q: RunQueryDsl<SqliteConnection> + RunQueryDsl<PgConnection>,
    Q: LoadQuery<'q, SqliteConnection, T> + LoadQuery<'q, PgConnection, T>,
{
    match conn {
        Conn::Sqlite(c) => RunQueryDsl::<SqliteConnection>::get_result(query, c),
        Conn::Pg(c) => RunQueryDsl::<PgConnection>::get_result(query, c),
    }
    .optional()
}

/// All rows of a query.
pub fn all<'q, Q, T>(conn: &mut Conn, query: Q) -> QueryResult<Vec<T>>
where
    Q: RunQueryDsl<SqliteConnection> + RunQueryDsl<PgConnection>,
    Q: LoadQuery<'q, SqliteConnection, T> + LoadQuery<'q, PgConnection, T>,
{
    match conn {
        Conn::Sqlite(c) => RunQueryDsl::<SqliteConnection>::load(query, c),
        Conn::Pg(c) => RunQueryDsl::<PgConnection>::load(query, c),
    }
}

/// Carries a statement out; rows written.
pub fn execute<Q>(conn: &mut Conn, statement: Q) -> QueryResult<usize>
where
    Q: ExecuteDsl<SqliteConnection> + ExecuteDsl<PgConnection>,
{
    match conn {
        Conn::Sqlite(c) => ExecuteDsl::execute(statement, c),
        Conn::Pg(c) => ExecuteDsl::execute(statement, c),
    }
}
