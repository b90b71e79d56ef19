//! The clock hand of dispatch: looks for due deadlines every 250 ms, and hands
//! pending attempts to the push or SMS adapter.

use std::sync::{Arc, OnceLock};

use futures_util::{StreamExt as _, stream};
use serde_json::json;

use super::escalate;
use super::escalation::Channel;
use super::store;
use crate::platform::bugs::{self, Bug};
use crate::platform::ctx::Core;
use crate::platform::db::Priority;
use crate::platform::webhook::client;
use crate::words::error::{Error, Result};
use crate::words::ids::DeadlineId;

/// Deadlines taken in one turn; what is left is due in the next.
const BATCH: i64 = 200;
/// Escalated side by side: after an outage many are due together, and each waits for a commit of its own.
const AT_ONCE: usize = 4;
/// Adapter calls of one turn.
const ADAPTER_BATCH: i64 = 20;

/// One turn: everything due is escalated, each in a transaction of its own.
pub async fn deadlines_run(core: Arc<Core>) -> Result<()> {
    loop {
        let now = core.clock.now();
        let mut due = core.db.read(move |conn| store::deadlines_due(conn, now, BATCH)).await?;
        if bugs::has(Bug::ForgetDeadline) {
            static STARTED: OnceLock<DeadlineId> = OnceLock::new();
            due.retain(|id| id > STARTED.get_or_init(DeadlineId::new));
        }
        let full = i64::try_from(due.len()).is_ok_and(|n| n == BATCH);
        stream::iter(due).for_each_concurrent(AT_ONCE, |id| escalate_one(&core, id)).await;
        if !full {
            return Ok(());
        }
    }
}

/// In turn with the receipts and rungs that stop clocks: behind everything else, escalations of a crowded hour starve.
async fn escalate_one(core: &Arc<Core>, id: DeadlineId) {
    let inner = Arc::clone(core);
    if let Err(error) = core.db.write(Priority::Receipt, move |tx| escalate::miss(tx, &inner, &id)).await {
        // The row stays open and due: the next turn tries again.
        tracing::warn!(deadline = %id, %error, "a deadline could not be escalated");
    }
}

/// Tells the adapter of people no socket reaches. Its word is a machine's: "sent", never "seen".
pub async fn adapter_send(core: Arc<Core>) -> Result<()> {
    let url = core.config.dispatch.push_adapter_url.clone();
    if url.is_empty() {
        return Ok(());
    }
    let pending = core.db.read(move |conn| store::attempts_pending(conn, Channel::PushAdapter, ADAPTER_BATCH)).await?;
    for attempt in pending {
        let body = json!({
            "delivery": attempt.id,
            "person_id": attempt.person_id,
            "assignment_id": attempt.assignment_id,
            "kind": "assignment.offered",
            "attempt": attempt.attempt,
        });
        let sent = client(&core)?.post(&url).json(&body).send().await.map_err(Error::internal);
        let (outcome, detail) = match sent {
            Ok(response) if response.status().is_success() => ("sent", None),
            Ok(response) => ("failed", Some(response.status().to_string())),
            Err(error) => ("failed", Some(error.to_string().chars().take(200).collect())),
        };
        core.db
            .write(Priority::Background, move |tx| {
                let now = tx.now;
                store::attempt_outcome(tx.conn(), &attempt.id, outcome, detail.as_deref(), now)?;
                if outcome == "failed" {
                    // A channel that is down is not waited for: the next one follows at once.
                    let (id, person, limit) = (&attempt.assignment_id, &attempt.person_id, attempt.limit_kind);
                    store::deadline_hasten(tx.conn(), id, person, limit, now)?;
                }
                Ok(())
            })
            .await?;
    }
    Ok(())
}
