//! The sequencer: gives committed entries their numbers, stores the subtrees they fill, signs a head.
//!
//! One node at a time, by a lease. Entries get numbers in the order of (time, id) among those that are there; one that
//! is committed late gets a later number, which says nothing against it: its time is in its text.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::anchor::Anchor;
use super::head::TreeHead;
use super::tree::{Edge, Hash};
use super::{keys, proof};
use crate::duty::evidence::store::custody::{self as store, HeadRow, NodeRow};
use crate::platform::ctx::Core;
use crate::platform::db::{Conn, Priority, Tx};
use crate::platform::keys::Keys;
use crate::words::error::{Error, Result};
use crate::words::ids::CustodyId;
use crate::words::time::Timestamp;

/// How often it is looked for new entries.
const TICK: Duration = Duration::from_millis(250);
/// How often whoever waits for a head looks for it.
const LOOK_EVERY: Duration = Duration::from_millis(100);
/// Between two heads at least, milliseconds.
const HEAD_EVERY_MS: i64 = 500;
/// Entries of one recipe: about 3 ms of the writer, which others wait for.
const BATCH: usize = 128;
/// Name of the lease.
const LEASE: &str = "sequencer";
/// Seconds it holds without being taken again.
const LEASE_S: i64 = 5;
/// After a failure; damage does not heal, and the log of the server need not be full of it.
const AFTER_FAILURE: Duration = Duration::from_secs(10);

/// Numbers entries and signs heads, for ever.
pub async fn run(core: Arc<Core>) {
    let holder = uuid::Uuid::now_v7().to_string();
    let mut anchor = Anchor::new(&core.config.server.data_dir);
    let (mut number_from, mut anchor_from) = (Instant::now(), Instant::now());
    let mut ticker = tokio::time::interval(TICK);
    ticker.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        ticker.tick().await;
        if Instant::now() >= number_from
            && let Err(error) = catch_up(&core, &holder).await
        {
            metrics::counter!("suixing_task_failures_total", "task" => "custody.sequencer").increment(1);
            tracing::error!(%error, "the custody log could not be carried on; it is tried again");
            number_from = Instant::now() + AFTER_FAILURE;
        }
        if Instant::now() >= anchor_from
            && let Err(error) = anchor.catch_up(&core).await
        {
            metrics::counter!("suixing_task_failures_total", "task" => "custody.anchor").increment(1);
            tracing::warn!(%error, "the anchoring file could not be carried on; it is tried again");
            anchor_from = Instant::now() + AFTER_FAILURE;
        }
    }
}

/// Numbers everything that waits, if the lease is ours. Also for a server that stops, so that nothing waits meanwhile.
pub async fn catch_up(core: &Arc<Core>, holder: &str) -> Result<()> {
    let now = core.clock.now();
    if !core.db.read(move |conn| is_due(conn, now)).await? {
        return Ok(());
    }
    loop {
        let (inner, holder) = (Arc::clone(core), holder.to_owned());
        let turn = core.db.write(Priority::Normal, move |tx| sequence(tx, &inner.keys, &holder)).await?;
        if !turn.more {
            return Ok(());
        }
    }
}

/// Waits until what was just written down is under a signed head; `look` gives what is wanted of it, none until then.
///
/// Errors: those of `look`; `busy` when the log is still behind after `patience`.
pub async fn awaited<T, F>(core: &Core, patience: Duration, look: F) -> Result<T>
where
    T: Send + 'static,
    F: Fn(&mut Conn) -> Result<Option<T>> + Clone + Send + 'static,
{
    let given_up = tokio::time::Instant::now() + patience;
    loop {
        if let Some(found) = core.db.read(look.clone()).await? {
            return Ok(found);
        }
        if tokio::time::Instant::now() >= given_up {
            return Err(Error::busy(2).detail("the custody log is behind"));
        }
        tokio::time::sleep(LOOK_EVERY).await;
    }
}

/// Whether there is anything to do. An idle server writes nothing.
fn is_due(conn: &mut Conn, now: Timestamp) -> Result<bool> {
    if store::entry_waits(conn)? {
        return Ok(true);
    }
    let size = store::log_size(conn)?;
    Ok(head_due(store::head_last(conn)?.as_ref(), size, now))
}

/// Whether a log of `size` entries wants a new head: there is something new, and the last one is old enough.
fn head_due(last: Option<&HeadRow>, size: i64, now: Timestamp) -> bool {
    last.map_or(size > 0, |head| head.size < size && head.at.plus_millis(HEAD_EVERY_MS) <= now)
}

/// What one turn did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Turn {
    /// Entries that got their number.
    pub numbered: usize,
    /// A head was signed.
    pub signed: bool,
    /// There are more entries than one turn takes.
    pub more: bool,
}

/// One turn, as a recipe; does nothing while another holder has the lease.
pub fn sequence(tx: &mut Tx<'_>, keys: &Keys, holder: &str) -> Result<Turn> {
    let now = tx.now;
    if !store::lease_take(tx.conn(), LEASE, holder, now, now.plus_secs(LEASE_S))? {
        return Ok(Turn::default());
    }
    let size = proof::size(tx.conn())?;
    let last = store::head_last(tx.conn())?;
    check_signed(tx.conn(), last.as_ref(), size)?;
    let limit = i64::try_from(BATCH).map_err(Error::internal)?;
    let waiting = store::entries_waiting(tx.conn(), limit)?;
    let edge = Edge::load(size, &mut |level, n| proof::node(tx.conn(), level, n))?;
    let mut turn = Turn { numbered: waiting.len(), signed: false, more: waiting.len() == BATCH };
    let edge = number(tx.conn(), edge, waiting)?;
    turn.signed = sign_due(tx, keys, last.as_ref(), &edge)?;
    Ok(turn)
}

fn number(conn: &mut Conn, mut edge: Edge, waiting: Vec<(CustodyId, Vec<u8>)>) -> Result<Edge> {
    let mut nodes = Vec::new();
    for (id, leaf) in waiting {
        let leaf: Hash = leaf
            .try_into()
            .map_err(|_length| Error::internal(format!("custody entry {id} has a leaf that is no hash")))?;
        if !store::entry_number(conn, &id, signed(edge.size())?)? {
            return Err(Error::internal(format!("custody entry {id} got a number from somebody else")));
        }
        edge.push(leaf, |level, n, hash| nodes.push((level, n, hash)));
    }
    let rows = nodes
        .into_iter()
        .map(|(level, n, hash)| {
            Ok(NodeRow { level: i32::try_from(level).map_err(Error::internal)?, n: signed(n)?, hash: hash.to_vec() })
        })
        .collect::<Result<Vec<_>>>()?;
    store::nodes_insert(conn, &rows)?;
    Ok(edge)
}

/// What was signed must still be there: a changed log is neither carried on nor signed over.
fn check_signed(conn: &mut Conn, last: Option<&HeadRow>, size: u64) -> Result<()> {
    let Some(head) = last else { return Ok(()) };
    let known = u64::try_from(head.size).map_err(Error::internal)?;
    if known > size {
        return Err(Error::internal(format!("a head over {known} entries was signed, the custody log has {size}")));
    }
    if proof::root(conn, known)?.as_slice() != head.root.as_slice() {
        return Err(Error::internal(format!("the custody log is not the one whose head over {known} was signed")));
    }
    Ok(())
}

/// Signs a head over all entries when there is something new and the last one is old enough.
fn sign_due(tx: &mut Tx<'_>, keys: &Keys, last: Option<&HeadRow>, edge: &Edge) -> Result<bool> {
    let now = tx.now;
    let due = head_due(last, signed(edge.size())?, now);
    if due {
        let key = keys::rotate_due(tx, keys)?;
        let head = TreeHead::sign(&key, edge.size(), &edge.root(), now);
        store::head_insert(tx.conn(), &head.row()?)?;
    }
    Ok(due)
}

/// A number as the tables hold it.
fn signed(n: u64) -> Result<i64> {
    i64::try_from(n).map_err(Error::internal)
}

#[cfg(test)]
#[path = "sequencer_tests.rs"]
mod tests;
