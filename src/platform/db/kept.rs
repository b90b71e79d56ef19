//! UPDATEs and upserts that stay prepared.
//!
//! Diesel prepares them anew at every use, because it cannot know how many different texts a changeset will make.
//! Ours are few and fixed; on the path of every rung their preparation took 9 % of the writer's time. [`execute`] and
//! [`returning`] run one on whichever database is behind the connection and keep it under its text.

use diesel::backend::Backend;
use diesel::query_builder::{AstPass, Query, QueryFragment, QueryId};
use diesel::query_dsl::LoadQuery;
use diesel::sql_types::Integer;
use diesel::{PgConnection, QueryResult, RunQueryDsl, SqliteConnection};

use super::{Conn, straight};

/// A statement that is cached by its text.
#[derive(Clone, Copy, Debug)]
pub struct Kept<Q>(Q);

impl<Q> QueryId for Kept<Q> {
    type QueryId = ();
    const HAS_STATIC_QUERY_ID: bool = false;
}

impl<Q: Query> Query for Kept<Q> {
    type SqlType = Q::SqlType;
}

impl<Q, C> RunQueryDsl<C> for Kept<Q> {}

impl<Q: QueryFragment<DB>, DB: Backend> QueryFragment<DB> for Kept<Q> {
    fn walk_ast<'b>(&'b self, pass: AstPass<'_, 'b, DB>) -> QueryResult<()> {
        self.0.walk_ast(pass)
    }

    fn is_safe_to_cache_prepared(&self, _backend: &DB) -> QueryResult<bool> {
        Ok(true)
    }
}

/// A statement that gives a 1 for each row it changed. Diesel asks a statement without rows through a reference whether
/// it may stay prepared, and the reference never passes the question on; one that gives rows is asked itself.
#[derive(Clone, Copy, Debug)]
pub struct Counted<Q>(Q);

impl<Q> Query for Counted<Q> {
    type SqlType = Integer;
}

impl<Q: QueryFragment<DB>, DB: Backend> QueryFragment<DB> for Counted<Q> {
    fn walk_ast<'b>(&'b self, mut pass: AstPass<'_, 'b, DB>) -> QueryResult<()> {
        self.0.walk_ast(pass.reborrow())?;
        pass.push_sql(" RETURNING 1");
        Ok(())
    }
}

/// Rows changed, by a statement without RETURNING.
pub fn execute<'q, Q>(conn: &mut Conn, statement: Q) -> QueryResult<usize>
where
    Kept<Counted<Q>>: LoadQuery<'q, SqliteConnection, i32> + LoadQuery<'q, PgConnection, i32>,
{
    let changed: Vec<i32> = straight::all(conn, Kept(Counted(statement)))?;
    Ok(changed.len())
}

/// The row a statement with RETURNING gives, if it met one.
pub fn returning<'q, Q, T>(conn: &mut Conn, statement: Q) -> QueryResult<Option<T>>
where
    Kept<Q>: LoadQuery<'q, SqliteConnection, T> + LoadQuery<'q, PgConnection, T>,
{
    straight::one(conn, Kept(statement))
}

/// All rows a statement gives.
pub fn returning_all<'q, Q, T>(conn: &mut Conn, statement: Q) -> QueryResult<Vec<T>>
where
    Kept<Q>: LoadQuery<'q, SqliteConnection, T> + LoadQuery<'q, PgConnection, T>,
{
    straight::all(conn, Kept(statement))
}
