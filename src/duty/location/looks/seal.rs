//! Sealing: open looks become a row a person, a chunk of people a commit, and with the last chunk their rows of the log go.

use super::Looks;
use crate::duty::location::store::{self, LookSegmentRow};
use crate::platform::ctx::Core;
use crate::platform::db::{Conn, Priority};
use crate::words::error::{Code, Result};

/// People of one recipe: some 2 ms of the writer.
const CHUNK_PEOPLE: usize = 200;

impl Looks {
    /// Seals what is open, if that is due. A round that was broken off goes on where it stopped.
    pub async fn seal(&self, core: &Core) -> Result<()> {
        if !self.book.lock().begin(core.clock.now(), core.config.location.looks_seal_s.max(1)) {
            return Ok(());
        }
        loop {
            let (chunk, crowded) = {
                let book = self.book.lock();
                (book.next(CHUNK_PEOPLE), book.is_crowded())
            };
            let Some(chunk) = chunk else { return Ok(()) };
            let (segments, log_rows) = (chunk.segments(), chunk.log_rows.clone());
            let sealed = segments.len() as u64;
            // It can wait, unless more comes in meanwhile than goes out.
            let priority = if crowded { Priority::Normal } else { Priority::Background };
            match core.db.write(priority, move |tx| put(tx.conn(), &segments, &log_rows)).await {
                // There will be room again.
                Err(error) if error.is(Code::ReadOnly) => return Ok(()),
                other => other?,
            }
            self.book.lock().done(&chunk);
            metrics::counter!("suixing_look_segments_sealed_total").increment(sealed);
        }
    }
}

/// The recipe of one chunk: its segments, and the rows of the log that are needed no longer.
fn put(conn: &mut Conn, segments: &[LookSegmentRow], log_rows: &[i64]) -> Result<()> {
    store::look_segments_insert(conn, segments)?;
    store::look_log_delete(conn, log_rows)
}

#[cfg(test)]
#[path = "seal_sim.rs"]
mod sim;
