//! Pushes each source's feed to its webhook: in order, one at a time, until the
//! receiver has said 2xx; the position is stored after each, so a restart goes
//! on where it was. The same delivery may arrive twice and has the same id.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use serde_json::json;

use super::store::feed::{self, FeedRow, Progress, WebhookRow};
use super::{trail, webhook};
use crate::duty::officers::store as officers;
use crate::platform::cards::{self, Draw};
use crate::platform::ctx::Core;
use crate::platform::db::{Priority, Tx};
use crate::platform::push::outbox::Subject;
use crate::words::error::{Error, Result};
use crate::words::time::Timestamp;

/// Entries read at once for one source.
const BATCH: i64 = 100;
/// A node's right to send outlives one call by this, seconds.
const LEASE_SLACK_S: i64 = 5;

/// One turn over every source that has something to send.
pub async fn webhooks_send(core: Arc<Core>) -> Result<()> {
    let now = core.clock.now();
    let due = core.db.read(move |conn| feed::webhooks_due(conn, now)).await?;
    let turns = due.into_iter().map(|row| send_source(Arc::clone(&core), row));
    for outcome in futures_util::future::join_all(turns).await {
        outcome?;
    }
    Ok(())
}

async fn send_source(core: Arc<Core>, hook: WebhookRow) -> Result<()> {
    let lease_s = i64::from(core.config.dispatch.webhook_timeout_s) + LEASE_SLACK_S;
    let source = hook.source.clone();
    let lease = core
        .db
        .write(Priority::Background, {
            let source = source.clone();
            move |tx| {
                let now = tx.now;
                feed::webhook_lease(tx.conn(), &source, now, now.plus_secs(lease_s))
            }
        })
        .await?;
    let Some(lease) = lease else { return Ok(()) };
    let secret = core.keys.unseal(&hook.secret_sealed)?;
    let after = hook.delivered_seq;
    let entries = core.db.read({
        let source = source.clone();
        move |conn| feed::feed_list(conn, &source, after, BATCH)
    });
    let mut delivered = after;
    let mut attempts = hook.attempts;
    for entry in entries.await? {
        let outcome = post(&core, &hook.url, &secret, &entry).await;
        let now = core.clock.now();
        match outcome {
            Ok(()) => {
                delivered = entry.seq;
                attempts = 0;
                let progress =
                    Progress { delivered_seq: delivered, attempts, next_at: now, error: None, ok_at: Some(now) };
                if !note(&core, &source, lease, progress, now.plus_secs(lease_s)).await? {
                    return Ok(());
                }
            }
            Err(error) => {
                attempts = attempts.saturating_add(1);
                let wait = webhook::backoff_s(attempts, core.config.dispatch.webhook_backoff_max_s);
                let text: String = error.to_string().chars().take(300).collect();
                tracing::info!(source, seq = entry.seq, attempts, "webhook refused: {text}");
                let progress = Progress {
                    delivered_seq: delivered,
                    attempts,
                    next_at: now.plus_secs(wait),
                    error: Some(text),
                    ok_at: None,
                };
                note(&core, &source, lease, progress, now).await?;
                if u32::try_from(attempts).is_ok_and(|n| n == core.config.dispatch.webhook_card_after) {
                    tell_room(&core, hook.clone(), entry.seq).await?;
                }
                return Ok(());
            }
        }
    }
    let now = core.clock.now();
    let progress = Progress { delivered_seq: delivered, attempts, next_at: now, error: None, ok_at: None };
    note(&core, &source, lease, progress, now).await?;
    Ok(())
}

async fn note(core: &Core, source: &str, lease: i64, progress: Progress, lease_until: Timestamp) -> Result<bool> {
    let source = source.to_owned();
    let recovered = progress.ok_at.is_some();
    core.db
        .write(Priority::Background, move |tx| {
            let kept = feed::webhook_progress(tx.conn(), &source, lease, &progress, lease_until)?;
            if recovered {
                cards::close(tx, &card_key(&source), None)?;
            }
            Ok(kept)
        })
        .await
}

fn card_key(source: &str) -> String {
    format!("webhook:{source}")
}

/// A feed that is refused again and again is the room's to look at.
async fn tell_room(core: &Core, hook: WebhookRow, seq: i64) -> Result<()> {
    core.db
        .write(Priority::Background, move |tx: &mut Tx<'_>| {
            let owner = officers::person_fetch(tx.conn(), &hook.updated_by)?;
            let (unit_id, seats) = officers::seats_or_parent(tx.conn(), &owner.unit_id)?;
            cards::raise(
                tx,
                &Draw {
                    unit_id,
                    recipients: &seats,
                    kind: "webhook.refused",
                    subject: Subject::new("integration", &hook.source),
                    data: json!({ "source": hook.source, "seq": seq, "attempts": hook.attempts + 1 }),
                    key: card_key(&hook.source),
                    urgent: false,
                },
            )
            .map(drop)
        })
        .await
}

/// One call. Errors: whatever kept the receiver from saying 2xx.
async fn post(core: &Core, url: &str, secret: &[u8], entry: &FeedRow) -> Result<()> {
    let body = trail::feed_view(entry)?.to_string();
    let delivery = format!("{}:{}", entry.source, entry.seq);
    let timestamp = core.clock.now().as_micros() / 1_000_000;
    let signature = webhook::sign(secret, timestamp, &delivery, body.as_bytes());
    let response = client(core)?
        .post(url)
        .header("content-type", "application/json")
        .header("x-suixing-delivery", delivery)
        .header("x-suixing-timestamp", timestamp.to_string())
        .header("x-suixing-signature", signature)
        .body(body)
        .send()
        .await
        .map_err(Error::internal)?;
    if response.status().is_success() {
        Ok(())
    } else {
        Err(Error::internal(format!("the receiver answered {}", response.status())))
    }
}

/// One client for all calls to other systems: no redirects, bounded time.
pub fn client(core: &Core) -> Result<&'static reqwest::Client> {
    static CLIENT: OnceLock<reqwest::Client> = OnceLock::new();
    if let Some(client) = CLIENT.get() {
        return Ok(client);
    }
    let made = reqwest::Client::builder()
        .timeout(Duration::from_secs(u64::from(core.config.dispatch.webhook_timeout_s)))
        .connect_timeout(Duration::from_secs(5))
        .redirect(reqwest::redirect::Policy::none())
        .no_proxy()
        .build()
        .map_err(Error::internal)?;
    Ok(CLIENT.get_or_init(|| made))
}
