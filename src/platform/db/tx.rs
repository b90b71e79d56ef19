//! What a recipe works on: the connection, the instant, events, after-commit hooks.

use std::sync::Arc;

use super::Conn;
use crate::platform::events::Event;
use crate::words::error::{Error, Result};
use crate::words::time::Timestamp;

/// The table event → service function; runs inside the emitting transaction.
pub type React = Arc<dyn Fn(&mut Tx<'_>, &Event) -> Result<()> + Send + Sync>;

/// Runs once, after the commit that carried it.
pub(super) type Hook = Box<dyn FnOnce() + Send>;

/// Reactions may emit further events; deeper than this is a cycle.
const EVENT_DEPTH_MAX: u8 = 8;

/// A transaction as a recipe sees it.
pub struct Tx<'a> {
    conn: &'a mut Conn,
    /// Server time of this transaction; every row of one recipe carries the same.
    pub now: Timestamp,
    react: Option<&'a React>,
    hooks: Vec<Hook>,
    depth: u8,
}

impl<'a> Tx<'a> {
    pub(super) fn begin(conn: &'a mut Conn, now: Timestamp, react: Option<&'a React>) -> Self {
        Self { conn, now, react, hooks: Vec::new(), depth: 0 }
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

    /// Runs `hook` after this transaction has been committed; never when it is not.
    pub fn on_commit(&mut self, hook: impl FnOnce() + Send + 'static) {
        self.hooks.push(Box::new(hook));
    }

    pub(super) fn into_hooks(self) -> Vec<Hook> {
        self.hooks
    }
}
