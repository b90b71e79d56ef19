//! Timers and the moving destination. `fire_due` runs every 250 ms, `follow_all` every second.
//!
//! A timer is a row: it outlives the process, and a conditional update lets exactly one node fire it.

use std::sync::Arc;

use futures_util::{StreamExt as _, stream};

use super::facts::Around;
use super::follow;
use super::rows::{TimerKind, TimerRow};
use super::{checkin, service, store};
use crate::platform::ctx::Core;
use crate::platform::db::Priority;
use crate::words::error::Result;

/// Timers handled in one poll; the rest wait 250 ms.
const DUE_MAX: i64 = 200;

/// Fired side by side: after an outage many are due together, and each waits for a commit of its own.
const AT_ONCE: usize = 4;

/// Fires what is due; one that fails is logged and tried at the next poll.
pub async fn fire_due(core: Arc<Core>) -> Result<()> {
    let now = core.clock.now();
    let due = core.db.read(move |conn| store::timers_due(conn, now, DUE_MAX)).await?;
    let core = &core;
    let one = |timer: TimerRow| async move {
        let (id, kind) = (timer.id.clone(), timer.kind);
        if let Err(error) = fire(core, timer).await {
            tracing::warn!(timer = %id, %kind, %error, "a backup timer failed; it is tried again");
        }
    };
    stream::iter(due).for_each_concurrent(AT_ONCE, one).await;
    Ok(())
}

async fn fire(core: &Arc<Core>, timer: TimerRow) -> Result<()> {
    match timer.kind {
        TimerKind::Wave => service::widen(core, timer).await,
        TimerKind::ParentRoom => core.db.write(Priority::Urgent, move |tx| service::escalate_parent(tx, &timer)).await,
        TimerKind::Commander => {
            core.db.write(Priority::Urgent, move |tx| service::escalate_commander(tx, &timer)).await
        }
        TimerKind::Answers => core.db.write(Priority::Urgent, move |tx| service::tell_answers(tx, &timer)).await,
        TimerKind::CheckInAsk => {
            let answer_s = core.config.backup.check_in_answer_s;
            core.db.write(Priority::Urgent, move |tx| checkin::ask(tx, &timer, answer_s)).await
        }
        TimerKind::CheckInMissed => core.db.write(Priority::Urgent, move |tx| checkin::missed(tx, &timer)).await,
    }
}

/// Moves the destination of every open request after its person, tells who is coming, keeps the groups that see
/// each other.
pub async fn follow_all(core: Arc<Core>) -> Result<()> {
    let around = Around::of(&core)?;
    let before = service::known(&core)?;
    let (moved, open) = core
        .db
        .read(move |conn| {
            let (mut moved, mut open) = (Vec::new(), Vec::new());
            for row in store::backups_open(conn)? {
                open.push((row.id, service::joined(conn, &row)?));
                let stored = row.destination()?;
                if let Some(next) = follow::newer(&around, &row, stored.as_ref()) {
                    let tell = follow::worth_telling(row.told()?.as_ref(), &next);
                    if tell || follow::worth_storing(stored.as_ref(), &next) {
                        moved.push((row, next, tell));
                    }
                }
            }
            Ok((moved, open))
        })
        .await?;
    service::refresh(&core, &before, open)?;
    for (row, next, tell) in moved {
        core.db
            .write(Priority::Normal, move |tx| {
                if !store::backup_lock(tx, &row.id)?.is_open() {
                    Ok(())
                } else if tell {
                    service::tell_moved(tx, &row, &next)
                } else {
                    store::destination_move(tx.conn(), &row.id, &next)
                }
            })
            .await?;
    }
    Ok(())
}
