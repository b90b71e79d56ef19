//! What a recipe works on: the connection, the instant, events, after-commit hooks.

use std::sync::Arc;

use serde_json::{Map, Value};

use super::Conn;
use crate::platform::events::Event;
use crate::words::error::{Error, Result};
use crate::words::ids::PersonId;
use crate::words::time::Timestamp;

/// The table event → service function; runs inside the emitting transaction.
pub type React = Arc<dyn Fn(&mut Tx<'_>, &Event) -> Result<()> + Send + Sync>;

/// Runs once, after the commit that carried it.
pub(super) type Hook = Box<dyn FnOnce() + Send>;

/// A row every second transaction writes. Its lock is held until the commit, so it is taken last, and by all in the
/// order given here: streams by recipient, then change feeds by source.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Hot {
    Stream(PersonId),
    Feed(String),
}

/// What is to be done to a hot row.
type Late = Box<dyn FnOnce(&mut Tx<'_>) -> Result<()>>;

/// Reactions may emit further events; deeper than this is a cycle.
const EVENT_DEPTH_MAX: u8 = 8;

/// A transaction as a recipe sees it.
pub struct Tx<'a> {
    conn: &'a mut Conn,
    /// Server time of this transaction; every row of one recipe carries the same.
    pub now: Timestamp,
    react: Option<&'a React>,
    hooks: Vec<Hook>,
    late: Vec<(Hot, Late)>,
    depth: u8,
    said: Map<String, Value>,
}

impl<'a> Tx<'a> {
    pub(super) fn begin(conn: &'a mut Conn, now: Timestamp, react: Option<&'a React>) -> Self {
        Self { conn, now, react, hooks: Vec::new(), late: Vec::new(), depth: 0, said: Map::new() }
    }

    pub fn conn(&mut self) -> &mut Conn {
        self.conn
    }

    /// Runs the reactions to `event` inside this transaction.
    pub fn emit(&mut self, event: &Event) -> Result<()> {
        let Some(react) = self.react else { return Ok(()) };
        if self.depth >= EVENT_DEPTH_MAX {
            return Err(Error::internal(format!("event cycle at {event:?}")));
        }
        self.depth += 1;
        let outcome = react(self, event);
        self.depth -= 1;
        outcome
    }

    /// Leaves a word for the recipe that answers whoever asked: how a duty on the right adds to an answer of one on the
    /// left, which does not know it.
    pub fn tell(&mut self, name: &'static str, value: impl Into<Value>) {
        self.said.insert(name.to_owned(), value.into());
    }

    /// What reactions have said since it was last taken.
    pub fn told(&mut self) -> Map<String, Value> {
        std::mem::take(&mut self.said)
    }

    /// Runs `hook` after this transaction has been committed; never when it is not.
    pub fn on_commit(&mut self, hook: impl FnOnce() + Send + 'static) {
        self.hooks.push(Box::new(hook));
    }

    /// Runs `work` on a hot row when the recipe is through, still inside this transaction. Two transactions that
    /// wrote such rows where they came along waited for each other in a circle, on PostgreSQL for a second each time.
    pub fn at_end(&mut self, row: Hot, work: impl FnOnce(&mut Tx<'_>) -> Result<()> + 'static) {
        self.late.push((row, Box::new(work)));
    }

    /// Ends the recipe: what was left to the end is done, row by row, in the order in which it was said.
    pub(super) fn settle(&mut self) -> Result<()> {
        let mut late = std::mem::take(&mut self.late);
        late.sort_by(|(one, _), (other, _)| one.cmp(other));
        for (_, work) in late {
            work(self)?;
        }
        Ok(())
    }

    pub(super) fn into_hooks(self) -> Vec<Hook> {
        self.hooks
    }
}
