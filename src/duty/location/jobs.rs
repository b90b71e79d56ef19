//! Periodic duties: the live tick, contracts that run out, facts re-read, looks sealed, old tracks and looks dropped.

use std::sync::Arc;
use std::time::Duration;

use super::history::DAY_MS;
use super::live::Live;
use super::looks::Looks;
use super::{service, store};
use crate::platform::ctx::Core;
use crate::platform::db::{Conn, Priority, Tx};
use crate::words::error::Result;
use crate::words::ids::PersonId;
use crate::words::time::Timestamp;

/// A stretch of somebody's track that must stay, however old it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Slice {
    pub person: PersonId,
    pub from: Timestamp,
    pub to: Timestamp,
}

/// Tells which these are; asked in the transaction that drops.
pub type Spared = fn(&mut Conn) -> Result<Vec<Slice>>;

/// Publishes live changes every tick, for ever.
pub async fn live_ticks(core: Arc<Core>) {
    let Ok(live) = core.part::<Live>().cloned() else { return };
    let mut ticker = tokio::time::interval(Duration::from_millis(core.config.location.live_tick_ms.clamp(20, 5_000)));
    ticker.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        ticker.tick().await;
        live.tick();
    }
}

/// Pushes every marker's silence at the moment it begins, for ever.
pub async fn contracts(core: Arc<Core>) {
    if let Ok(live) = core.part::<Live>() {
        live.watch_contracts().await;
    }
}

/// Re-reads who is on duty: heals what another node or a crossed commit left behind.
pub async fn facts_reread(core: Arc<Core>) -> Result<()> {
    let live = core.part::<Live>()?.clone();
    let known = live.on_duty();
    let facts = core
        .db
        .read(move |conn| {
            let mut all = service::facts_all(conn)?;
            let now: std::collections::HashSet<_> = all.iter().map(|(person, _)| *person).collect();
            for person in known.into_iter().filter(|person| !now.contains(person)) {
                if let Some(facts) = service::facts_load(conn, &person)? {
                    all.push((person, facts));
                }
            }
            Ok(all)
        })
        .await?;
    facts.into_iter().for_each(|(person, facts)| live.set_facts(person, facts));
    Ok(())
}

/// Drops tracks and looks that are older than the settings keep, but for what is spared.
pub async fn retention(core: Arc<Core>, spared: Spared) -> Result<()> {
    let settings = core.config.location.clone();
    let now = core.clock.now();
    let day = now.as_micros().div_euclid(1000).div_euclid(DAY_MS) - settings.retention_days.max(1);
    let looks_before = now.plus_secs(-settings.access_retention_days.max(1) * 86_400);
    let (mut dropped, mut after) = (0, None);
    loop {
        let step = move |tx: &mut Tx<'_>| {
            let slices = spared(tx.conn())?;
            store::segments_trim(tx.conn(), day, after, &slices)
        };
        let trimmed = core.db.write(Priority::Background, step).await?;
        dropped += trimmed.dropped;
        after = trimmed.next;
        if after.is_none() {
            break;
        }
    }
    if dropped > 0 {
        tracing::info!(segments = dropped, "old tracks dropped");
    }
    while core.db.write(Priority::Background, move |tx| store::accesses_trim(tx.conn(), looks_before)).await? > 0 {}
    while core.db.write(Priority::Background, move |tx| store::look_segments_trim(tx.conn(), looks_before)).await? > 0 {
    }
    Ok(())
}

/// Seals looks that name people when they have waited long enough, or are many.
pub async fn looks_seal(core: Arc<Core>) -> Result<()> {
    core.part::<Looks>()?.seal(&core).await
}
