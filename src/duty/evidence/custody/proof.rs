//! The tree over the tables: roots and proofs from O(log n) rows.

use super::tree::{self, Hash};
use crate::duty::evidence::store::custody as store;
use crate::platform::db::Conn;
use crate::words::error::{Error, Result};

/// A stored full subtree. Errors: `internal` when it is not there, which is damage.
pub fn node(conn: &mut Conn, level: u32, n: u64) -> Result<Hash> {
    let (row, column) = (i32::try_from(level).map_err(Error::internal)?, i64::try_from(n).map_err(Error::internal)?);
    store::node_fetch(conn, row, column)?
        .and_then(|hash| hash.try_into().ok())
        .ok_or_else(|| Error::internal(format!("the custody log has lost its node ({level}, {n})")))
}

/// Entries with a number.
pub fn size(conn: &mut Conn) -> Result<u64> {
    u64::try_from(store::log_size(conn)?).map_err(Error::internal)
}

/// The root over the first `size` entries.
pub fn root(conn: &mut Conn, size: u64) -> Result<Hash> {
    tree::root(size, &mut |level, n| node(conn, level, n))
}

/// The audit path of entry `index` in the tree of `size` entries; `index < size`, and so many there are.
pub fn inclusion(conn: &mut Conn, index: u64, size: u64) -> Result<Vec<Hash>> {
    tree::inclusion(index, size, &mut |level, n| node(conn, level, n))
}

/// The proof that the log of `to` entries begins with that of `from`; `1 <= from <= to`, and so many there are.
pub fn consistency(conn: &mut Conn, from: u64, to: u64) -> Result<Vec<Hash>> {
    tree::consistency(from, to, &mut |level, n| node(conn, level, n))
}
