//! Carries what was committed from SQLite's log over into the database file, beside the writer.
//!
//! The commit that finds the log at its size (`wal_autocheckpoint`) does so itself, and everybody behind it waits for
//! thousands of pages and two syncs. Done here all the time, little is left for it. A passive checkpoint waits for
//! nobody, and nobody waits for it.

use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::time::Duration;

use diesel::connection::SimpleConnection;

use super::conn::{self, Conn, Target};
use crate::words::error::{Error, Result};

/// Between two: often enough that a commit finds little left, seldom enough that pages written again and again are
/// carried over once.
const EVERY: Duration = Duration::from_millis(500);

/// Starts the thread; it ends when what is returned is dropped.
pub(super) fn start(target: &Target) -> Result<Sender<()>> {
    let mut conn = conn::establish(target, conn::Role::Writer)?;
    let (sender, ended) = channel::<()>();
    let run = move || {
        let mut well = true;
        while ended.recv_timeout(EVERY) == Err(RecvTimeoutError::Timeout) {
            let done = once(&mut conn);
            if let (true, Err(error)) = (well, &done) {
                tracing::warn!(%error, "the log could not be carried over; the writer does it as soon as it can");
            }
            well = done.is_ok();
        }
    };
    std::thread::Builder::new().name("db-checkpoint".to_owned()).spawn(run).map_err(Error::internal)?;
    Ok(sender)
}

fn once(conn: &mut Conn) -> Result<()> {
    Ok(conn.batch_execute("PRAGMA wal_checkpoint(PASSIVE)")?)
}
