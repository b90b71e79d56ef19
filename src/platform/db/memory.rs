//! A database in memory for the simulations: the real schema, real recipes, and what can happen to both. A recipe may
//! die before its commit, and an older copy may be put back; both are savepoints of one transaction.

use super::conn::{self, Role};
use super::{Conn, React, Target, Tx, batch, migrate};
use crate::words::error::Result;
use crate::words::time::Timestamp;

/// One SQLite database in memory.
pub struct Memory {
    conn: Conn,
    copies: usize,
}

impl Memory {
    /// An empty database with every table. Rows of other slices are not needed: foreign keys are off.
    pub fn open() -> Self {
        let mut conn = conn::establish(&Target::Sqlite(":memory:".into()), Role::Writer).unwrap();
        batch(&mut conn, "PRAGMA foreign_keys=OFF").unwrap();
        migrate::up(&mut conn).unwrap();
        batch(&mut conn, "SAVEPOINT copy0").unwrap();
        Self { conn, copies: 0 }
    }

    /// As it was after [`Memory::open`]. The transaction ends: its journal would be read from the beginning each time.
    pub fn wipe(&mut self) {
        self.put_back(0);
        batch(&mut self.conn, "RELEASE copy0; SAVEPOINT copy0").unwrap();
    }

    /// For reading.
    pub fn conn(&mut self) -> &mut Conn {
        &mut self.conn
    }

    /// Commits a recipe, or rolls it back when it refuses; the rest of a group is as before.
    pub fn write<T>(
        &mut self,
        now: Timestamp,
        react: Option<&React>,
        recipe: impl FnOnce(&mut Tx<'_>) -> Result<T>,
    ) -> Result<T> {
        batch(&mut self.conn, "SAVEPOINT recipe").unwrap();
        let mut tx = Tx::begin(&mut self.conn, now, react);
        let outcome = recipe(&mut tx).and_then(|value| tx.settle().map(|()| value));
        let end = if outcome.is_ok() { "RELEASE recipe" } else { "ROLLBACK TO recipe; RELEASE recipe" };
        batch(&mut self.conn, end).unwrap();
        outcome
    }

    /// Runs a recipe; the process dies before the commit.
    pub fn die_in<T>(&mut self, now: Timestamp, recipe: impl FnOnce(&mut Tx<'_>) -> Result<T>) {
        batch(&mut self.conn, "SAVEPOINT recipe").unwrap();
        let mut tx = Tx::begin(&mut self.conn, now, None);
        drop(recipe(&mut tx).and_then(|_| tx.settle()));
        batch(&mut self.conn, "ROLLBACK TO recipe; RELEASE recipe").unwrap();
    }

    /// Sets a copy aside; its number is for [`Memory::put_back`].
    pub fn copy(&mut self) -> usize {
        self.copies += 1;
        batch(&mut self.conn, &format!("SAVEPOINT copy{}", self.copies)).unwrap();
        self.copies
    }

    /// The database is that copy again; later copies are gone with what they held.
    pub fn put_back(&mut self, copy: usize) {
        self.copies = copy;
        batch(&mut self.conn, &format!("ROLLBACK TO copy{copy}")).unwrap();
    }
}
